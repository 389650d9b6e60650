"""What a channel may hand in: its own messages, no faster than we can take them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from core.channel import Receive
from core.clock import Clock
from core.errors import BadInput, ChannelNotReady, StoreUnavailable
from core.messages import InboundMessage, Receipt
from plugins.crossing import Crossing

MOST_WAITING = 1_000  #: messages of one channel that may wait to be accepted
AT_ONCE = 32  #: messages of one channel being accepted at the same time
RATE = 300.0  #: messages a second from one channel, sustained
BURST = 600.0


class Watcher(Protocol):
    """Whoever is told how a channel does; called on the main loop."""

    def accepted(self) -> None:
        """A message of a customer was stored."""

    def delivered(self) -> None:
        """The vendor took a message of ours."""

    def troubled(self, error: BaseException) -> None:
        """Something went wrong that one may live with."""

    def failed(self, error: Exception) -> None:
        """The channel cannot go on like this."""


class Intake:
    """What one start of a channel may hand in: its own messages, no faster than we can take."""

    def __init__(
        self,
        channel_id: str,
        *,
        receive: Receive,
        receive_receipt: Callable[[Receipt], Coroutine[Any, Any, None]],
        crossing: Crossing,
        watcher: Watcher,
        clock: Clock,
    ) -> None:
        self._id = channel_id
        self._receive = receive
        self._receive_receipt = receive_receipt
        self._crossing = crossing
        self._watcher = watcher
        self._clock = clock
        self._open = True
        self._waiting = 0
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._tokens = BURST
        self._filled_at = clock.monotonic()

    def close(self) -> None:
        """From now on nothing is taken; what is being stored is still stored."""
        self._open = False

    async def take(self, message: InboundMessage) -> None:
        """`core.channel.Receive`, called on the channel's loop."""
        if not isinstance(message, InboundMessage) or message.address.channel != self._id:
            raise BadInput(f"The channel {self._id} may only hand in its own messages.")
        await self._crossing.call(lambda: self._take(message))

    async def take_receipt(self, receipt: Receipt) -> None:
        """`core.channel.ReceiveReceipt`, called on the channel's loop."""
        if not isinstance(receipt, Receipt) or receipt.address.channel != self._id:
            raise BadInput(f"The channel {self._id} may only hand in its own receipts.")
        await self._crossing.call(lambda: self._receive_receipt(receipt))

    async def _take(self, message: InboundMessage) -> None:
        if not self._open:
            raise ChannelNotReady("The channel has been stopped.")
        if self._waiting >= MOST_WAITING:
            # The vendor keeps it and tries again, as when the store is down.
            raise StoreUnavailable("Too many messages at once on this channel.")
        self._waiting += 1
        try:
            async with self._gate:
                await self._pace()
                await self._receive(message)
        finally:
            self._waiting -= 1
        self._watcher.accepted()

    async def _pace(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(BURST, self._tokens + (now - self._filled_at) * RATE)
        self._filled_at = now
        self._tokens -= 1
        if self._tokens < 0:
            await self._clock.sleep(-self._tokens / RATE)
