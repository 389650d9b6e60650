"""The desk's calls to Slack, with their errors told apart: later, never, or nobody knows."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from approvals.blocks import Block, Posted
from approvals.board_port import SlackAway, SlackDoubt, SlackGone, SlackRefused

log = logging.getLogger(__name__)

EVENT_TYPE = "contact_center_desk"  #: of the metadata by which we know our own messages again
LOOKED_THROUGH = 200
SKEW_SECONDS = 5.0
AWAY_SECONDS = 2.0  #: before another try when Slack does not say how long

_GONE = frozenset({"message_not_found", "cant_update_message", "thread_not_found"})
_DOUBTFUL = frozenset({"fatal_error", "internal_error", "request_timeout"})
_LATER = frozenset({"ratelimited", "rate_limited", "service_unavailable", "team_added_to_org"})


class SharedApp(Protocol):
    """The one Slack app of the installation, as the customers' channel lends it."""

    app: AsyncApp
    client: AsyncWebClient
    team_id: str
    bot_user_id: str
    desk_channel: str  #: id of the agents' channel, "" where there is no desk
    on_duty: str  #: user group or members to mention when a draft waits too long
    supervisors: str  #: whom to mention when the deadline has passed
    language: str  #: of the cards, which all of the channel read


class SlackCalls:
    """Keeps `approvals.board.Slack`."""

    def __init__(self, shared: SharedApp) -> None:
        self._client = shared.client

    async def post(self, channel: str, posted: Posted, *, key: str, thread: str = "") -> str:
        """Post a message that carries our key; gives its time stamp."""
        try:
            answer = await self._client.chat_postMessage(
                channel=channel,
                text=posted.text,
                blocks=list(posted.blocks),
                thread_ts=thread or None,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                unfurl_links=False,
                unfurl_media=False,
            )
        except Exception as error:
            raise meaning(error) from error
        return str(answer.get("ts") or "")

    async def update(self, channel: str, ts: str, posted: Posted) -> None:
        """Let the message look like this from now on; twice is the same."""
        try:
            await self._client.chat_update(
                channel=channel, ts=ts, text=posted.text, blocks=list(posted.blocks)
            )
        except Exception as error:
            raise meaning(error) from error

    async def find(self, channel: str, *, key: str, since: datetime, thread: str = "") -> str:
        """The time stamp of our message with this key, "" when it is not there."""
        asked: dict[str, Any] = {
            "channel": channel,
            "oldest": f"{since.timestamp() - SKEW_SECONDS:.6f}",
            "limit": LOOKED_THROUGH,
            "include_all_metadata": True,
        }
        try:
            if thread:
                answer = await self._client.conversations_replies(ts=thread, **asked)
            else:
                answer = await self._client.conversations_history(**asked)
        except Exception as error:
            meant = meaning(error)
            if isinstance(meant, SlackRefused | SlackGone):
                # We may not read here (a scope is missing): twice is better than never.
                log.warning("the desk's channel cannot be read again: %s", meant)
                return ""
            raise SlackAway(str(meant), after=AWAY_SECONDS) from error
        for seen in answer.get("messages") or []:
            metadata = seen.get("metadata") if isinstance(seen, Mapping) else None
            payload = metadata.get("event_payload") if isinstance(metadata, Mapping) else None
            if isinstance(payload, Mapping) and payload.get("key") == key:
                return str(seen.get("ts") or "")
        return ""

    async def clear(self, channel: str, thread: str) -> None:
        """Delete what we have posted in this thread, the message that heads it left out."""
        try:
            answer = await self._client.conversations_replies(
                channel=channel, ts=thread, limit=LOOKED_THROUGH, include_all_metadata=True
            )
            for seen in answer.get("messages") or []:
                ts, metadata = str(seen.get("ts") or ""), seen.get("metadata") or {}
                if ts != thread and metadata.get("event_type") == EVENT_TYPE:
                    await self._client.chat_delete(channel=channel, ts=ts)
        except Exception as error:
            meant = meaning(error)
            if not isinstance(meant, SlackGone):
                raise meant from error

    async def publish(self, user: str, view: Block) -> None:
        """Show this App Home to the member."""
        try:
            await self._client.views_publish(user_id=user, view=view)
        except Exception as error:
            raise meaning(error) from error


def meaning(error: Exception) -> SlackAway | SlackDoubt | SlackGone | SlackRefused:
    """What an error of the SDK means for what we have just asked."""
    if isinstance(error, SlackAway | SlackDoubt | SlackGone | SlackRefused):
        return error
    if isinstance(error, aiohttp.ClientConnectorError):
        return SlackAway("no connection", after=AWAY_SECONDS)
    if not isinstance(error, SlackApiError):
        return SlackDoubt(type(error).__name__)
    code, status = _code(error), _status(error)
    if status == 429 or code in _LATER:
        return SlackAway(code or "ratelimited", after=_retry_after(error))
    if code in _GONE:
        return SlackGone(code)
    if code in _DOUBTFUL or status >= 500 or not code:
        return SlackDoubt(code or str(status))
    return SlackRefused(code)


def _code(error: SlackApiError) -> str:
    try:
        return str(error.response.get("error") or "")
    except (AttributeError, TypeError):
        return ""


def _status(error: SlackApiError) -> int:
    status = getattr(error.response, "status_code", 0) or getattr(error.response, "status", 0)
    return status if isinstance(status, int) else 0


def _retry_after(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", None) or {}
    after = str(headers.get("Retry-After", headers.get("retry-after", "")))
    return float(after) if after.replace(".", "", 1).isdigit() else AWAY_SECONDS
