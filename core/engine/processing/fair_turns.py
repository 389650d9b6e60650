"""Limits how many answers run at once, so that acknowledging webhooks stays fast."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

AT_ONCE = 8  #: more answers under way than this finish no sooner, and hold up who only knocks
LONGEST_TURN = 0.25  #: who takes longer waits for a model or a vendor, and computes nothing


class FairTurns:
    """A semaphore whose slow holders give their place back after `longest` seconds."""

    def __init__(self, *, at_once: int = AT_ONCE, longest: float = LONGEST_TURN) -> None:
        self._free = at_once
        self._longest = longest
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Entered when it is our turn, first come, first served; given back after a while."""
        await self._begin()
        given_back = False

        def give_back() -> None:
            nonlocal given_back
            if not given_back:
                given_back = True
                self._end()

        late = asyncio.get_running_loop().call_later(self._longest, give_back)
        try:
            yield
        finally:
            late.cancel()
            give_back()

    async def _begin(self) -> None:
        if self._free > 0:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._end()  # it had just become our turn
            raise

    def _end(self) -> None:
        while self._waiting:
            following = self._waiting.popleft()
            if not following.done():
                following.set_result(None)
                return
        self._free += 1
