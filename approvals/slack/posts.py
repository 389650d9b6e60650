"""The desk's posts in Slack: made once, found again after a crash, updated where they changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from approvals.slack.sync_store import CardRecord, CardStore
from approvals.slack.views.cards import Looks
from core.clock import Clock
from core.rendering.slack import SlackMessage
from core.sdk.rate_limit import Pace, Pacer
from core.slack.client import Mark, SlackClient
from core.slack.errors import SlackGone, SlackUnshowable

log = logging.getLogger(__name__)

MARK = "contact_center_desk"  #: kind of the marks by which we know the desk's messages again

#: Slack takes bursts and says when they are too long; then we wait as long as it says
POSTS = Pace(burst=60, per_second=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The desk's channel, wording, and the people to call."""

    slack: SlackClient
    channel: str
    looks: Callable[[], Looks]
    on_duty: str = ""
    supervisors: str = ""
    member_of: Callable[[str], Awaitable[str]] | None = None  #: Slack's id by e-mail, "" for none


class Posts:
    """Posts messages once, finds them again after a crash, updates what changed.

    Records each post before making it, so that a broken step knows where to look."""

    def __init__(self, *, cards: CardStore, clock: Clock, pacer: Pacer) -> None:
        self._cards = cards
        self._clock = clock
        self._pacer = pacer

    async def show(
        self,
        desk: Desk,
        r: CardRecord,
        posted: SlackMessage,
        *,
        instead: SlackMessage,
        wanted: bool,
    ) -> CardRecord:
        """Makes the head of a thread look like this, posting it where it is missing and `wanted`.

        `instead` goes where Slack cannot show it. Raises what Slack does, and StoreUnavailable.
        """
        stamp = stamp_of(posted)
        if not r.ts:
            ts = await self._found(desk, r, r.id)
            if not ts and not wanted:
                return r
            if not ts:
                r = await self.save(replace(r, posting=r.id, posting_at=self._clock.now()))
                ts = await self._post(desk, r.channel, posted, instead, key=r.id)
                return await self.save(replace(r, ts=ts, stamp=stamp, posting=""))
            r = replace(r, ts=ts, posting="")
        if stamp == r.stamp:
            return r
        try:
            await desk.slack.update(r.channel, r.ts, posted)
        except SlackUnshowable:
            await desk.slack.update(r.channel, r.ts, instead)
        except SlackGone:
            # Somebody deleted the message: one that is needed is posted again.
            if wanted:
                gone = replace(r, ts="", stamp="", posting="")
                return await self.show(desk, gone, posted, instead=instead, wanted=True)
        return await self.save(replace(r, stamp=stamp))

    async def tell(self, desk: Desk, r: CardRecord, posted: SlackMessage, *, key: str) -> str:
        """Posts into the thread and gives the message's `ts`; `key` finds it after a crash."""
        await self.save(replace(r, posting=key, posting_at=self._clock.now()))
        return await self._post(desk, r.channel, posted, None, key=key, thread=r.ts)

    async def settle(self, desk: Desk, r: CardRecord) -> CardRecord:
        """Looks in Slack how a posting ended that had begun, and notes it."""
        ts = await self._found(desk, r, r.posting, thread=r.ts)
        which = r.posting.rpartition("/")[2]
        if ts and which == "head":
            r = replace(r, head_ts=ts)
        elif ts and which.isdecimal():
            r = replace(r, told=max(r.told, int(which)))
        return await self.save(replace(r, posting=""))

    async def _found(self, desk: Desk, r: CardRecord, key: str, *, thread: str = "") -> str:
        if not r.posting or r.posting_at is None:
            return ""
        ts = await desk.slack.find(mark(key), r.channel, thread=thread, since=r.posting_at)
        if ts is None:
            # A scope is missing: twice is better than never.
            log.warning("the desk's channel cannot be read again")
        return ts or ""

    async def _post(
        self,
        desk: Desk,
        channel: str,
        posted: SlackMessage,
        instead: SlackMessage | None,
        *,
        key: str,
        thread: str = "",
    ) -> str:
        await self._pacer.wait((f"post:{channel}", POSTS))
        try:
            return await desk.slack.post(channel, posted, thread=thread, mark=mark(key))
        except SlackUnshowable:
            if instead is None:
                raise
            return await desk.slack.post(channel, instead, thread=thread, mark=mark(key))

    async def save(self, record: CardRecord) -> CardRecord:
        """Stores what is known of a thread, and gives it back."""
        await self._cards.save(record)
        return record


def mark(key: str) -> Mark:
    """By what a message of the desk is known again."""
    return Mark(kind=MARK, fields={"key": key})


def stamp_of(posted: SlackMessage) -> str:
    """A short text that differs where the message would look different."""
    shown = json.dumps([posted.text, posted.blocks], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
