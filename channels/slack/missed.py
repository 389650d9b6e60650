"""Reads again what was written in our conversations while Slack could not bring it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from core.clock import Clock
from core.slack.client import SlackClient
from core.slack.errors import SlackRateLimited

DIRECT = "direct"  #: stands in a channel's notes beside the direct messages we are in
MOST = 200  #: conversations that are looked through after a start, those last written in first
FEW = 20  #: and while it runs: Slack brings what it could not, and allows so many questions only
LOOKBACK = timedelta(days=2)  #: a thread that is written in may have begun so long before
PATIENCE = 5  #: times that Slack may ask us to wait, over one question

Event = Mapping[str, Any]


class Missed:
    """Reads our conversations again."""

    def __init__(self, client: SlackClient, *, bot_user_id: str, clock: Clock) -> None:
        self._client = client
        self._bot = bot_user_id
        self._clock = clock

    async def events(
        self, notes: Sequence[tuple[str, str]], since: datetime, *, most: int = MOST
    ) -> Sequence[Event]:
        """Everything said since then in what the channel has noted, as events, in order.

        `notes` are named by a direct message's channel, or by "channel:thread"; those last
        written in stand at the end. Raises SlackError.
        """
        known = [name.partition(":") for name, _ in reversed(notes)][:most]
        threads = [(channel, thread) for channel, _, thread in known if thread]
        direct = [channel for channel, _, thread in known if not thread]
        direct += [c for c in await self._direct_messages() if c not in direct]
        found: list[Event] = []
        for channel in direct[:most]:
            found += [_direct(m, channel) for m in await self._said(channel, since)]
        for channel, thread in threads:
            replies = await self._read(channel, since, thread=thread)
            found += [_spoken(m, channel, self._bot) for m in replies]
        for channel in dict.fromkeys(channel for channel, _ in threads):
            there = await self._read(channel, since)
            found += [_spoken(m, channel, self._bot) for m in there if _mentions(m, self._bot)]
        unique = {(event["channel"], event.get("ts")): event for event in found}
        return sorted(unique.values(), key=lambda event: str(event.get("ts")))

    async def at_desk(self, channel: str, since: datetime) -> Sequence[Event]:
        """Everything said in the threads of the agents' desk since then, as events, in order."""
        said = [m for m in await self._said(channel, since) if m.get("thread_ts") != m.get("ts")]
        found = [
            {**m, "type": "message", "channel": channel, "channel_type": "channel"}
            for m in said
            if m.get("thread_ts") and not m.get("bot_id") and m.get("user") != self._bot
        ]
        return sorted(found, key=lambda word: str(word.get("ts")))

    async def _said(self, channel: str, since: datetime) -> Sequence[Event]:
        """What stands in a direct message, and in its threads."""
        said: list[Event] = []
        for message in await self._read(channel, since - LOOKBACK):
            if _is_since(message.get("ts"), since):
                said.append(message)
            if _is_since(message.get("latest_reply"), since):
                thread = str(message.get("ts"))
                said += [
                    m
                    for m in await self._read(channel, since, thread=thread)
                    if m.get("ts") != thread
                ]
        return said

    async def _read(self, channel: str, since: datetime, *, thread: str = "") -> Sequence[Event]:
        for _ in range(PATIENCE):
            try:
                return await self._client.since(channel, since, thread=thread)
            except SlackRateLimited as error:
                await self._clock.sleep(error.after or 1.0)
        return await self._client.since(channel, since, thread=thread)

    async def _direct_messages(self) -> Sequence[str]:
        return await self._client.direct_messages()


def bodies(events: Sequence[Event], *, team: str) -> Iterator[Event]:
    """These events as deliveries of Slack's."""
    for event in events:
        yield {"type": "event_callback", "team_id": team, "event": event}


def _direct(message: Event, channel: str) -> Event:
    return {**_bare(message), "type": "message", "channel": channel, "channel_type": "im"}


def _spoken(message: Event, channel: str, bot: str) -> Event:
    kind = "app_mention" if _mentions(message, bot) else "message"
    return {**_bare(message), "type": kind, "channel": channel}


def _bare(message: Event) -> dict[str, Any]:
    """As the event had it: what opens a thread did not know then that it would."""
    bare = dict(message)
    if bare.get("thread_ts") == bare.get("ts"):
        bare.pop("thread_ts", None)
    return bare


def _mentions(message: Event, bot: str) -> bool:
    return bool(bot) and f"<@{bot}" in str(message.get("text") or "")


def _is_since(ts: object, since: datetime) -> bool:
    try:
        return float(str(ts)) >= since.timestamp()
    except ValueError:
        return False
