"""Looks up and remembers what Slack's members, channels and groups are called."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.runtime.lru import LruDict
from core.slack.client import SlackClient
from core.slack.errors import SlackError, SlackRefused

SECONDS = 1.0  #: for all names of a message; Slack waits three for its acknowledgement
REMEMBERED = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A member, channel or group by name; "" for what cannot be told."""

    name: str = ""
    locale: str = ""  #: of a member, as Slack says it: "ko-KR"


class SlackNames:
    """The names of a workspace; a name that cannot be had is no reason to wait or to fail."""

    def __init__(self, *, logger: logging.Logger) -> None:
        self._log = logger
        self._known: LruDict[str, Named] = LruDict(REMEMBERED)
        self._closed: set[str] = set()  # kinds of ids that a missing scope keeps from us

    async def of(self, client: SlackClient, ids: Iterable[str]) -> Mapping[str, Named]:
        """What these ids are called, as far as Slack says it in time."""
        asked = list(dict.fromkeys(ids))
        missing = [one for one in asked if one and one not in self._known]
        if missing:
            try:
                async with asyncio.timeout(SECONDS):
                    await asyncio.gather(*(self._look_up(client, one) for one in missing))
            except TimeoutError:
                self._log.info("Slack did not say in time what somebody is called.")
        return {one: known for one in asked if (known := self._known.get(one))}

    async def _look_up(self, client: SlackClient, one: str) -> None:
        kind = one[0]
        if kind in self._closed:
            return
        try:
            self._known[one] = await _asked(client, one)
        except SlackRefused as error:
            if error.code in ("missing_scope", "unknown_method", "not_allowed_token_type"):
                self._closed.add(kind)
            self._known[one] = Named()
        except SlackError as error:
            self._log.info("Slack does not say what somebody is called (%s).", error.code)


async def _asked(client: SlackClient, one: str) -> Named:
    match one[0]:
        case "U" | "W":
            return named_member(await client.member(one))
        case "C" | "G":
            return Named(name=str((await client.channel(one)).get("name") or ""))
        case "S":
            return Named(name=str((await client.group(one)).get("handle") or ""))
        case _:
            return Named()


def named_member(member: Mapping[str, Any]) -> Named:
    """What a member is called: as they want to be, else by their name."""
    profile = member.get("profile")
    profile = profile if isinstance(profile, Mapping) else {}
    names = (profile.get("display_name"), profile.get("real_name"), member.get("real_name"))
    name = next((str(n) for n in (*names, member.get("name")) if n), "")
    return Named(name=name, locale=str(member.get("locale") or ""))
