"""Stand-ins that keep the ports' promises: a clock of one's own, an inbox that remembers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from core.errors import StoreUnavailable
from core.messages import InboundMessage, Receipt


class FakeClock:
    """A clock that moves only when somebody sleeps on it or turns it; ids count up."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._ids = itertools.count(1)

    def now(self) -> datetime:
        """The start plus what has passed."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds that have passed."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Let that time pass at once, and everybody else run."""
        self._elapsed += max(seconds, 0.0)
        await asyncio.sleep(0)

    def new_id(self) -> str:
        """id0000000000000000001, id…2, …: 22 characters, in order."""
        return f"id{next(self._ids):020d}"

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._elapsed += seconds


class RecordingInbox:
    """Keeps `core.channel.Receive`: accepts each key once and remembers what it was given.

    `down = True` makes it the store that does not answer.
    """

    def __init__(self) -> None:
        self.accepted: list[InboundMessage] = []
        self.receipts: list[Receipt] = []
        self.calls = 0
        self.down = False
        self.delay = 0.0
        self._keys: set[str] = set()

    async def receive(self, message: InboundMessage) -> None:
        """Accept it once. Raises StoreUnavailable while `down`."""
        self.calls += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.down:
            raise StoreUnavailable
        if message.key() not in self._keys:
            self._keys.add(message.key())
            self.accepted.append(message)

    async def receive_receipt(self, receipt: Receipt) -> None:
        """Remember it. Raises StoreUnavailable while `down`."""
        if self.down:
            raise StoreUnavailable
        self.receipts.append(receipt)


class OpenLease:
    """The lease of a single process: a key is free unless it is held here already."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:
        """True inside unless somebody in this process holds the key."""
        if conversation_id in self._held:
            yield False
            return
        self._held.add(conversation_id)
        try:
            yield True
        finally:
            self._held.discard(conversation_id)
