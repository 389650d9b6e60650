"""The test bench: one channel at one simulated vendor, started and stopped as by the host."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.domain.messages import Delivery, InboundMessage, OutboundMessage
from core.errors import ChannelNotReady, DeliveryAwaitsCustomer, DeliveryDeferred
from core.sdk.channel import Channel, ReportsReceipts
from core.sdk.plugin import ChannelPlugin
from core.sdk.testing.builders import ContextUnderTest, an_outbound
from core.sdk.testing.fakes import RecordingInbox
from core.sdk.testing.vendor import VendorSimulator, Written

START_SECONDS = 60.0  #: the first start may import a heavy SDK
SEND_SECONDS = 40.0
OPENING = "Are you there?"  #: a customer's message that only opens the way for an answer
LONGEST_BLOCK = 0.5  #: seconds the loop may stand still


class Bench:
    """One channel at one vendor, with an inbox that remembers."""

    def __init__(
        self,
        plugin: ChannelPlugin[Any],
        vendor: VendorSimulator,
        *,
        channel_id: str,
        public_url: str,
        folder: Path,
    ) -> None:
        self._plugin = plugin
        self._channel_id = channel_id
        self._public_url = public_url
        self._folder = folder
        self.vendor = vendor
        self.inbox = RecordingInbox()
        self._made: list[tuple[Channel, ContextUnderTest]] = []
        self._openings = 0
        self.before_last_way = 0  #: parts that had arrived when the customer last opened the way

    def make(self, settings: Mapping[str, Any] | None = None) -> Channel:
        """A new instance, not started."""
        plugin = self._plugin
        given = self.vendor.settings() if settings is None else settings
        held = ContextUnderTest(
            channel_id=self._channel_id,
            public_url=self._public_url,
            data_dir=self._folder,
        )
        channel = plugin.create(plugin.settings.model_validate(dict(given)), held.context)
        if isinstance(channel, ReportsReceipts):
            channel.on_receipt(self.inbox.receive_receipt)
        self._made.append((channel, held))
        return channel

    async def up(self, settings: Mapping[str, Any] | None = None) -> Channel:
        """A new instance, started."""
        channel = self.make(settings)
        await self.start(channel)
        return channel

    async def start(self, channel: Channel) -> None:
        """Start it, in the time the host allows."""
        async with asyncio.timeout(START_SECONDS):
            await channel.start(self.inbox.receive)

    async def down(self, channel: Channel) -> None:
        """Stop it and end its tasks, as the host does."""
        async with asyncio.timeout(START_SECONDS):
            await channel.stop()
        for made, held in self._made:
            if made is channel:
                await held.close()

    async def close(self) -> None:
        """Stop whatever still runs."""
        for channel, _ in self._made:
            with suppress(Exception):
                await self.down(channel)
        await self.vendor.stop()

    def message(
        self, text: str, *, skip_parts: int = 0, message_id: str = "c1.7"
    ) -> OutboundMessage:
        """A message of ours to the customer of the simulator."""
        return an_outbound(
            text,
            message_id=message_id,
            address=self.vendor.address("5001"),
            skip_parts=skip_parts,
        )

    async def send(self, channel: Channel, message: OutboundMessage) -> Delivery:
        """Send it, in the time the outbox allows; where only answers are possible, as answers."""
        if not channel.capabilities.answers_only:
            return await self.send_at_once(channel, message)
        while True:
            await self.customer_writes(channel)
            self.before_last_way = len(self.vendor.arrived())
            try:
                return await self.send_at_once(channel, message)
            except DeliveryAwaitsCustomer as error:
                done = error.parts_done
            assert done > message.skip_parts, "the customer wrote, and nothing went out to them"
            message = replace(message, skip_parts=done)

    async def send_at_once(self, channel: Channel, message: OutboundMessage) -> Delivery:
        """Send it with nothing said before it."""
        async with asyncio.timeout(SEND_SECONDS):
            delivery = await channel.send(message)
        assert isinstance(delivery, Delivery), f"send gave {delivery!r}"
        return delivery

    async def customer_writes(self, channel: Channel, *, customer: str = "5001") -> None:
        """The customer opens the way for an answer; the message itself is not counted."""
        self._openings += 1
        written = Written(text=OPENING, event_id=str(9_000_000 + self._openings), customer=customer)
        status = await self.vendor.write(channel, written)
        assert status < 300, f"the customer's message was answered {status}"
        for _ in range(250):
            others = [m for m in self.inbox.accepted if m.text != OPENING]
            if len(others) < len(self.inbox.accepted):
                self.inbox.accepted[:] = others
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the customer's message was not accepted")

    def count(self, text: str) -> int:
        """How many parts with this text arrived at customers."""
        return sum(text in part.text for part in self.vendor.arrived())

    async def send_stubbornly(self, channel: Channel, message: OutboundMessage) -> int:
        """As the outbox: again after a refusal that allows it; gives how often it was deferred."""
        for attempt in range(6):
            try:
                await self.send(channel, message)
            except DeliveryDeferred as error:
                message = replace(message, skip_parts=max(error.parts_done, message.skip_parts))
                await asyncio.sleep(min(error.retry_after or 0.2, 2.0))
            except ChannelNotReady:
                await asyncio.sleep(0.2)
            else:
                return attempt
        raise AssertionError("The message was deferred six times, although the fault was over.")

    async def accepted(self, count: int, *, within: float = 5.0) -> Sequence[InboundMessage]:
        """The accepted messages, once there are so many."""
        for _ in range(int(within / 0.02)):
            if len(self.inbox.accepted) >= count:
                break
            await asyncio.sleep(0.02)
        got = self.inbox.accepted
        assert len(got) == count, f"{len(got)} messages were accepted instead of {count}"
        return got

    def texts(self) -> str:
        """All that arrived at the customer, in order."""
        return "\n".join(part.text for part in self.vendor.arrived())


class Heard(logging.Handler):
    """A log handler that keeps everything at info level and above, the simulator's apart."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line."""
        if record.name == "aiohttp.access":
            return  # the simulator's server
        self.lines.append(self.format(record))


@asynccontextmanager
async def loop_turns() -> AsyncIterator[None]:
    """Fails when the loop stood still for too long inside, on its own account."""
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            began, waited = time.monotonic(), _waited_for_a_core()
            await asyncio.sleep(0.01)
            others = _waited_for_a_core() - waited
            longest = max(longest, time.monotonic() - began - others)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
    assert longest < LONGEST_BLOCK, f"the loop stood still for {longest:.1f} s"


def _waited_for_a_core() -> float:
    """Seconds in which this thread could run and other programs did; 0.0 where none says so."""
    with suppress(OSError):
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    return 0.0
