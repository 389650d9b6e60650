"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  #: a Monday morning


class ManualClock:
    """`core.clock.Clock` for tests: sleepers wake when `advance` passes their time."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self._ids = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = 0

    def now(self) -> datetime:
        """The time the test has reached."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Seconds the test has moved the clock."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Return once the clock was moved that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._passed + seconds, self._order, woken))
        await woken

    def new_id(self) -> str:
        """Ids in order, so that a test can name them: 22 characters, like the real ones."""
        self._ids += 1
        return f"id{self._ids:020d}"

    async def advance(self, seconds: float) -> None:
        """Move the clock; everybody due on the way wakes in order and gets a turn to act."""
        target = self._passed + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            self._passed = max(self._passed, due)
            if not woken.done():
                woken.set_result(None)
            for _ in range(5):
                await asyncio.sleep(0)
        self._passed = target
        for _ in range(5):
            await asyncio.sleep(0)
