"""Stands between the core and a channel: time limits, in-flight counts, honest errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol, TypeVar, cast

from core.channel import (
    Channel,
    ChannelCapabilities,
    ChecksConnection,
    HandlesHttp,
    HttpRequest,
    HttpResponse,
    Receive,
    Reconciles,
    ShowsTyping,
    Streams,
)
from core.clock import Clock
from core.errors import (
    BadInput,
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    ContactCenterError,
    DeliveryUnknown,
    StoreUnavailable,
)
from core.messages import Address, Delivery, InboundMessage, OutboundMessage, Receipt
from core.ports import Lease
from plugins.lane import Lane, TookTooLong

log = logging.getLogger(__name__)

T = TypeVar("T")

SEND_SECONDS = 60.0  #: the outbox gives up earlier; this ends what it left behind
HTTP_SECONDS = 12.0  #: Twilio waits 15 s in all
TYPING_SECONDS = 5.0
STREAM_SECONDS = 120.0
MOST_TROUBLES = 5  #: unexpected errors in a row after which a channel is started again

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


class Crossing:
    """Calls the main loop from a channel's loop, which may be the same."""

    def __init__(self, home: asyncio.AbstractEventLoop) -> None:
        self._home = home

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `work`, run on the main loop."""
        if asyncio.get_running_loop() is self._home:
            return await work()
        future = asyncio.run_coroutine_threadsafe(work(), self._home)
        return await asyncio.wrap_future(future)

    def tell(self, callback: Callable[[], None]) -> None:
        """Run the callback on the main loop soon, from any thread."""
        self._home.call_soon_threadsafe(callback)

    @asynccontextmanager
    async def lease(self, lease: Lease, key: str) -> AsyncIterator[bool]:
        """The lease, held on the main loop for a channel on another."""
        if asyncio.get_running_loop() is self._home:
            async with lease.hold(key) as ours:
                yield ours
            return
        ours, release, holder = await self.call(lambda: _held(lease, key))
        try:
            yield ours
        finally:
            self.tell(release.set)
            del holder


async def _held(lease: Lease, key: str) -> tuple[bool, asyncio.Event, asyncio.Task[None]]:
    """Whether it is ours, what gives it back, and the task that holds it until then."""
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    release = asyncio.Event()

    async def hold() -> None:
        try:
            async with lease.hold(key) as ours:
                answer.set_result(ours)
                await release.wait()
        except Exception as error:
            if answer.done():
                log.exception("a lease of a channel ended badly")
            else:
                answer.set_exception(error)

    task = asyncio.create_task(hold(), name=f"lease {key}")
    return await answer, release, task


class CrossingLease:
    """`core.ports.Lease` as a channel gets it."""

    def __init__(self, lease: Lease, crossing: Crossing) -> None:
        self._lease = lease
        self._crossing = crossing

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:
        """See `core.ports.Lease.hold`."""
        async with self._crossing.lease(self._lease, conversation_id) as ours:
            yield ours


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


class Guarded:
    """A running channel as the core sees it; `guarded` adds the optional members it has."""

    def __init__(self, channel: Channel, lane: Lane, *, watcher: Watcher) -> None:
        self._channel = channel
        self._lane = lane
        self._watcher = watcher
        self._capabilities = channel.capabilities
        self._troubles = 0
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def capabilities(self) -> ChannelCapabilities:
        """What the channel said when it came up."""
        return self._capabilities

    async def start(self, receive: Receive) -> None:
        """Nothing: starting is the host's business."""
        del receive

    async def stop(self) -> None:
        """Nothing: stopping is the host's business."""

    async def send(self, message: OutboundMessage) -> Delivery:
        """See `core.channel.Channel.send`; whatever the channel does, only those errors come."""
        try:
            delivery: object = await self.call(
                lambda: self._channel.send(message), within=SEND_SECONDS
            )
        except ChannelError:
            raise
        except Exception as error:
            raise DeliveryUnknown(f"The channel broke while sending: {_plain(error)}") from error
        if not isinstance(delivery, Delivery):
            wrong = TypeError(f"send gave {type(delivery).__name__} instead of a Delivery")
            self._trouble(wrong)
            raise DeliveryUnknown(str(wrong))
        self._watcher.delivered()
        return delivery

    async def drain(self, within: float) -> None:
        """Wait until nothing is under way, but no longer than this."""
        try:
            async with asyncio.timeout(within):
                await self._idle.wait()
        except TimeoutError:
            log.warning("%d calls were still under way in a channel that stops", self._running)

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]], *, within: float) -> T:
        """Run it in the lane, counted as under way; its errors are noted and raised."""
        with self._under_way():
            try:
                result = await self._lane.run(work, within=within)
            except ChannelAuthFailed as error:
                self._watcher.failed(error)
                raise
            except (ChannelError, StoreUnavailable) as error:
                self._watcher.troubled(error)
                raise
            except Exception as error:
                if not isinstance(error, TookTooLong):
                    log.exception("a channel raised something unexpected")
                self._trouble(error)
                raise
        self._troubles = 0
        return result

    def _trouble(self, error: Exception) -> None:
        self._watcher.troubled(error)
        self._troubles += 1
        if self._troubles >= MOST_TROUBLES:
            self._troubles = 0
            self._watcher.failed(error)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()


class _Types(Guarded):
    async def typing(self, address: Address) -> None:
        channel = cast("ShowsTyping", self._channel)
        await self.call(lambda: channel.typing(address), within=TYPING_SECONDS)


class _Streams(Guarded):
    async def stream(self, address: Address, parts: AsyncIterator[str]) -> None:
        channel = cast("Streams", self._channel)
        crossing = Crossing(asyncio.get_running_loop())

        async def pulled() -> AsyncIterator[str]:
            async def following() -> str | None:
                return await anext(parts, None)

            while (part := await crossing.call(following)) is not None:
                yield part

        await self.call(lambda: channel.stream(address, pulled()), within=STREAM_SECONDS)


class _Finds(Guarded):
    async def find(self, message: OutboundMessage) -> Delivery | None:
        channel = cast("Reconciles", self._channel)
        try:
            return await self.call(lambda: channel.find(message), within=SEND_SECONDS)
        except ChannelError:
            raise
        except Exception as error:
            raise ChannelNotReady(f"The channel broke while asking: {_plain(error)}") from error


class _Answers(Guarded):
    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        channel = cast("HandlesHttp", self._channel)
        response = await self.call(lambda: channel.handle_http(request), within=HTTP_SECONDS)
        if not isinstance(response, HttpResponse):
            raise TypeError(f"handle_http gave {type(response).__name__}")
        return response


class _Checks(Guarded):
    async def check(self) -> str:
        channel = cast("ChecksConnection", self._channel)
        return await self.call(channel.check, within=SEND_SECONDS)


_FACES: tuple[tuple[type, type[Guarded]], ...] = (
    (ShowsTyping, _Types),
    (Streams, _Streams),
    (Reconciles, _Finds),
    (HandlesHttp, _Answers),
    (ChecksConnection, _Checks),
)


def guarded(channel: Channel, lane: Lane, *, watcher: Watcher) -> Guarded:
    """The channel behind its guard, with exactly the optional members that it has itself."""
    faces = tuple(face for protocol, face in _FACES if isinstance(channel, protocol))
    shape = type("GuardedChannel", faces or (Guarded,), {})
    made = shape(channel, lane, watcher=watcher)
    assert isinstance(made, Guarded)
    return made


def _plain(error: Exception) -> str:
    if isinstance(error, ContactCenterError):
        return error.detail
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
