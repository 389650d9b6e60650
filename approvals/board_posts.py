"""Messages of ours in Slack: posted once, found again after a crash, changed where they changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from approvals.blocks import Posted
from approvals.board_port import UNSHOWABLE, Desk, SlackGone, SlackRefused
from approvals.board_store import CardRecord, CardStore
from core.clock import Clock
from core.pacing import Pace, Pacer

#: Slack takes bursts and says when they are too long; then we wait as long as it says
POSTS = Pace(burst=60, per_second=1)


class Posts:
    """Writes down what it is about to post, so that a broken step knows where to look."""

    def __init__(self, *, cards: CardStore, clock: Clock, pacer: Pacer) -> None:
        self._cards = cards
        self._clock = clock
        self._pacer = pacer

    async def show(
        self, desk: Desk, r: CardRecord, posted: Posted, *, instead: Posted, wanted: bool
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
        except SlackRefused as error:
            if error.detail not in UNSHOWABLE:
                raise
            await desk.slack.update(r.channel, r.ts, instead)
        except SlackGone:
            # Somebody deleted the message: one that is needed is posted again.
            if wanted:
                gone = replace(r, ts="", stamp="", posting="")
                return await self.show(desk, gone, posted, instead=instead, wanted=True)
        return await self.save(replace(r, stamp=stamp))

    async def tell(self, desk: Desk, r: CardRecord, posted: Posted, *, key: str) -> str:
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
        return await desk.slack.find(r.channel, key=key, since=r.posting_at, thread=thread)

    async def _post(
        self,
        desk: Desk,
        channel: str,
        posted: Posted,
        instead: Posted | None,
        *,
        key: str,
        thread: str = "",
    ) -> str:
        await self._pacer.wait((f"post:{channel}", POSTS))
        try:
            return await desk.slack.post(channel, posted, key=key, thread=thread)
        except SlackRefused as error:
            if instead is None or error.detail not in UNSHOWABLE:
                raise
            return await desk.slack.post(channel, instead, key=key, thread=thread)

    async def save(self, record: CardRecord) -> CardRecord:
        """Stores what is known of a thread, and gives it back."""
        await self._cards.save(record)
        return record


def stamp_of(posted: Posted) -> str:
    """A short text that differs where the message would look different."""
    shown = json.dumps([posted.text, posted.blocks], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
