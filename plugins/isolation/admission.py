"""Admits inbound messages of a channel: only its own, and at a bounded rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from core.clock import Clock
from core.domain.messages import InboundMessage, Receipt
from core.errors import BadInput, ChannelNotReady, StoreUnavailable
from core.sdk.channel import Accepted, Receive
from plugins.isolation.loop_bridge import LoopBridge

MOST_WAITING = 1_000  #: messages of one channel that may wait to be accepted
AT_ONCE = 32  #: messages of one channel being accepted at the same time
RATE = 300.0  #: messages a second from one channel, sustained
BURST = 600.0


_TAKEN: ContextVar[list[None] | None] = ContextVar("taken", default=None)


@contextmanager
def counting_taken() -> Iterator[list[None]]:
    """Counts what is handed in by what is called inside, on whatever loop that runs."""
    taken: list[None] = []
    token = _TAKEN.set(taken)
    try:
        yield taken
    finally:
        _TAKEN.reset(token)


def _note_taken() -> None:
    if (taken := _TAKEN.get()) is not None:
        taken.append(None)


class Watcher(Protocol):
    """The port that is told how a channel does; called on the main loop."""

    def accepted(self) -> None:
        """A message of a customer was stored."""

    def delivered(self) -> None:
        """The vendor took a message of ours."""

    def troubled(self, error: BaseException) -> None:
        """Something went wrong that one may live with."""

    def failed(self, error: Exception) -> None:
        """The channel cannot go on like this."""


class ChannelAdmission:
    """The inbound side of one instance: checks, bounds and forwards its messages."""

    def __init__(
        self,
        channel_id: str,
        *,
        receive: Receive,
        receive_receipt: Callable[[Receipt], Coroutine[Any, Any, None]],
        crossing: LoopBridge,
        watcher: Watcher,
        clock: Clock,
    ) -> None:
        self._id = channel_id
        self._receive = receive
        self._receive_receipt = receive_receipt
        self._crossing = crossing
        self._watcher = watcher
        self._clock = clock
        self._open = self._bounded = True
        self._waiting = 0
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._tokens = BURST
        self._filled_at = clock.monotonic()

    def close(self) -> None:
        """From now on nothing is taken; what is being stored is still stored."""
        self._open = False

    def leave_bounds(self) -> None:
        """Nobody but our own HTTP frame hands in here, and that has bounds of its own."""
        self._bounded = False

    async def take(self, message: InboundMessage) -> Accepted:
        """`core.sdk.channel.Receive`, called on the channel's loop."""
        if not isinstance(message, InboundMessage) or message.address.channel != self._id:
            raise BadInput(f"The channel {self._id} may only hand in its own messages.")
        place = await self._crossing.call(lambda: self._take(message))
        _note_taken()
        return place

    async def take_receipt(self, receipt: Receipt) -> None:
        """`core.sdk.channel.ReceiveReceipt`, called on the channel's loop."""
        if not isinstance(receipt, Receipt) or receipt.address.channel != self._id:
            raise BadInput(f"The channel {self._id} may only hand in its own receipts.")
        await self._crossing.call(lambda: self._receive_receipt(receipt))
        _note_taken()

    async def _take(self, message: InboundMessage) -> Accepted:
        if not self._open:
            raise ChannelNotReady("The channel has been stopped.")
        place = await (self._in_turn(message) if self._bounded else self._receive(message))
        self._watcher.accepted()
        return place

    async def _in_turn(self, message: InboundMessage) -> Accepted:
        if self._waiting >= MOST_WAITING:
            # The vendor keeps it and tries again, as when the store is down.
            raise StoreUnavailable("Too many messages at once on this channel.")
        self._waiting += 1
        try:
            async with self._gate:
                await self._pace()
                return await self._receive(message)
        finally:
            self._waiting -= 1

    async def _pace(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * RATE)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await self._clock.sleep(-self._tokens / RATE)
