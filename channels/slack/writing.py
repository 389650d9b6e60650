"""Slack's "is writing" status under a customer's message."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from core.clock import Clock
from core.domain.messages import Address
from core.runtime.lru import LruDict
from core.slack.client import SlackClient
from core.slack.errors import SlackError, SlackNotPermitted, SlackUnauthorized

KEPT_SECONDS = 60.0  #: Slack takes a status away after two minutes
REMEMBERED = 2000


class WritingStatus:
    """Sets and clears the status; a workspace without it is asked once."""

    def __init__(self, *, clock: Clock, text: str, logger: logging.Logger) -> None:
        self._clock = clock
        self._text = text
        self._log = logger
        self._works = True
        self._newest: LruDict[str, str] = LruDict(REMEMBERED)  # a chat's newest message
        self._shown: dict[tuple[str, str], float] = {}

    def heard(self, body: Mapping[str, Any]) -> None:
        """A customer wrote; in a direct message the status stands under what they wrote."""
        event = body.get("event")
        if isinstance(event, Mapping) and event.get("channel") and event.get("ts"):
            self._newest[str(event["channel"])] = str(event["ts"])

    async def show(self, client: SlackClient, address: Address) -> None:
        """Say that an answer is being written; a failure is no loss."""
        thread = address.thread or self._newest.get(address.chat, "")
        place = (address.chat, thread)
        now = self._clock.monotonic()
        if (
            not self._works
            or not thread
            or now - self._shown.get(place, -KEPT_SECONDS) < KEPT_SECONDS
        ):
            return
        self._shown[place] = now
        await self._set(client, place, self._text)

    async def clear(self, client: SlackClient, address: Address) -> None:
        """Our message is there. In a thread it takes the status away by itself."""
        for place in [place for place in self._shown if place[0] == address.chat]:
            if address.thread in ("", place[1]):
                del self._shown[place]
                if not address.thread:
                    await self._set(client, place, "")

    async def _set(self, client: SlackClient, place: tuple[str, str], status: str) -> None:
        chat, thread = place
        try:
            await client.set_status(chat, thread, status)
        except (SlackNotPermitted, SlackUnauthorized) as error:
            self._works = False
            self._log.info("Slack shows nobody that an answer is being written (%s)", error.code)
        except SlackError:
            return  # a failure is no loss
