"""Fakes behind ports: an inbox that remembers, a lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.domain.messages import InboundMessage, Receipt
from core.errors import StoreUnavailable
from core.sdk.channel import Accepted


class RecordingInbox:
    """Keeps `core.sdk.channel.Receive`: accepts each key once and remembers what it was given.

    `down = True` makes it the store that does not answer.
    """

    def __init__(self) -> None:
        self.accepted: list[InboundMessage] = []
        self.receipts: list[Receipt] = []
        self.calls = 0
        self.down = False
        self.delay = 0.0
        self._numbers: dict[str, int] = {}

    async def receive(self, message: InboundMessage) -> Accepted:
        """Accept it once; a repeat gets the same number. Raises StoreUnavailable while `down`."""
        self.calls += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.down:
            raise StoreUnavailable
        key = message.key()
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers) + 1
            self.accepted.append(message)
        return Accepted(conversation_id=message.address.conversation_id(), seq=self._numbers[key])

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
