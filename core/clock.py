"""The clock: time, sleep, ids and randomness as one value passed in, so tests can control them."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The port to time and randomness."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""
        ...

    def new_id(self) -> str:
        """A fresh id, 22 URL-safe characters, not to be guessed (128 bits)."""
        ...


class SystemClock:
    """The real time and the operating system's randomness."""

    def now(self) -> datetime:
        # The store keeps milliseconds; a finer time would not equal itself after reading.
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self) -> str:
        return secrets.token_urlsafe(16)
