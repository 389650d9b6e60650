"""Limits open streams per address, conversation and colleague, and ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.runtime.token_bucket import network_of
from core.web.http.problems import TooMuch
from core.web.http.prometheus import HttpMetrics
from core.web.http.routing import Call
from core.web.http.settings import Limits

SIGNED_OUT = "signed out"  #: why a stream is cancelled
GAVE_WAY = "gave way"  #: another one, to somebody who had fewer
AGAIN_SECONDS = 15.0  #: until another try is worth it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """An open stream: of a visitor, counted by address and conversation, or of a colleague."""

    task: asyncio.Task[object]
    call: Call
    place: str  #: the network a visitor comes from, else ""
    owner: str  #: the conversation's id, or the colleague's


class OpenStreams:
    """Counts streams, and ends them.

    Colleagues have a count of their own: no flood of visitors, not even from their own office,
    takes the console from them. Where a network, or everybody together, has all streams there may
    be, whoever has most gives one to whoever has fewer, so that holding many keeps nobody out.
    """

    def __init__(self, limits: Limits, *, metrics: HttpMetrics) -> None:
        self._limits = limits
        self._metrics = metrics
        # In the order in which they were opened.
        self._streams: dict[Stream, None] = {}
        self._owners: dict[str, dict[str, dict[Stream, None]]] = {}  # by place, by owner
        self._visitors: dict[str, int] = {}  # by place

    @contextmanager
    def one(self, call: Call, conversation_id: str) -> Iterator[asyncio.Task[object]]:
        """Open while entered; gives its task. Raises Problem 429 or 503 for one too many."""
        task = asyncio.current_task()
        assert task is not None
        stream = Stream(
            task=task,
            call=call,
            place="" if call.user else network_of(call.address) or "nowhere",
            owner=call.user.id if call.user else conversation_id,
        )
        self._admit(stream)
        self._streams[stream] = None
        self._owners.setdefault(stream.place, {}).setdefault(stream.owner, {})[stream] = None
        if stream.place:
            self._visitors[stream.place] = self._visitors.get(stream.place, 0) + 1
        self._metrics.stream_opened()
        try:
            yield task
        finally:
            self._forget(stream)

    def close_all(self) -> None:
        """End every open stream; browsers come back to whoever serves next."""
        for stream in self._streams:
            stream.task.cancel()

    def end(self, *, user_id: str = "", session_id: str = "") -> None:
        """End at once what this user, whoever came in by their hand, or this session has open."""
        for stream in self._streams:
            call = stream.call
            if call.user is None:
                continue
            theirs = user_id and user_id in (call.user.id, *call.user.origin.users)
            if theirs or (session_id and call.session and call.session.id == session_id):
                stream.task.cancel(SIGNED_OUT)

    def _admit(self, new: Stream) -> None:
        limits, places = self._limits, self._visitors
        mine = len(self._owners.get(new.place, {}).get(new.owner, ()))
        if not new.place:
            if mine >= limits.streams_per_colleague:
                raise _refusal("You have too many pages open", "colleague")
            return
        if mine >= limits.streams_per_conversation:
            raise _refusal("This conversation is open in too many places", "conversation")
        here = places.get(new.place, 0)
        if here >= limits.streams_per_address and not self._give_up(new.place, to=mine):
            raise _refusal("Too many conversations are open from your network", "address")
        if sum(places.values()) >= limits.streams:
            largest = max(places, key=lambda place: places[place])
            if places[largest] <= here + 1 or not self._give_up(largest, to=-1):
                raise _refusal("Too many conversations are open here", "everybody", status=503)

    def _give_up(self, place: str, *, to: int) -> bool:
        """The conversation that has most streams there ends its oldest; False if it has few."""
        owners = self._owners[place]
        largest = max(owners.values(), key=len)
        if len(largest) <= to + 1:
            return False
        oldest = next(iter(largest))
        self._forget(oldest)
        oldest.task.cancel(GAVE_WAY)
        return True

    def _forget(self, stream: Stream) -> None:
        if stream not in self._streams:
            return
        del self._streams[stream]
        owners = self._owners[stream.place]
        del owners[stream.owner][stream]
        if not owners[stream.owner]:
            del owners[stream.owner]
        if not owners:
            del self._owners[stream.place]
        if stream.place:
            self._visitors[stream.place] -= 1
            if not self._visitors[stream.place]:
                del self._visitors[stream.place]
        self._metrics.stream_closed()


def _refusal(detail: str, scope: str, *, status: int = 429) -> TooMuch:
    return TooMuch(detail, limit="streams", scope=scope, wait=AGAIN_SECONDS, status=status)
