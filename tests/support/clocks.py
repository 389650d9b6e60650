"""A clock that jumps ahead whenever somebody sleeps on it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class JumpingClock:
    """Keeps `core.clock.Clock`; nobody waits, and time passes all the same."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._ids = 0

    def now(self) -> datetime:
        """A Monday morning plus what has passed."""
        return datetime(2026, 1, 5, 9, 0, tzinfo=UTC) + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds that have passed."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Let that time pass at once, and everybody else run."""
        self._elapsed += max(seconds, 0.0)
        await asyncio.sleep(0)

    def new_id(self) -> str:
        """Ids in order, 22 characters."""
        self._ids += 1
        return f"id{self._ids:020d}"
