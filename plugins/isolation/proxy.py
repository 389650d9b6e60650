"""The proxy between the core and a channel: time limits, in-flight counts, error mapping."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from core.domain.messages import Address, Attachment, Delivery, OutboundMessage
from core.errors import (
    AttachmentRefused,
    BadInput,
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    ContactCenterError,
    DeliveryUnknown,
    StoreUnavailable,
)
from core.sdk.channel import (
    Channel,
    ChannelCapabilities,
    ChecksConnection,
    FetchesAttachments,
    Forgets,
    HandlesHttp,
    HttpRequest,
    HttpResponse,
    Receive,
    Reconciles,
    ShowsTyping,
    Streams,
    Write,
)
from plugins.isolation.admission import Watcher
from plugins.isolation.loop_bridge import LoopBridge
from plugins.isolation.loop_thread import LoopThread, TookTooLong

log = logging.getLogger(__name__)

T = TypeVar("T")

SEND_SECONDS = 60.0  #: the outbox gives up earlier; this ends what it left behind
HTTP_SECONDS = 12.0  #: Twilio waits 15 s in all
TYPING_SECONDS = 5.0
FETCH_SECONDS = 300.0  #: of one file; whoever wants it gives up earlier
STREAM_SECONDS = 600.0  #: an answer may grow for as long as its model is allowed to write
MOST_TROUBLES = 5  #: unexpected errors in a row after which a channel is started again


class ChannelProxy:
    """A running channel as the core sees it; `guarded` adds the optional members it has."""

    def __init__(self, channel: Channel, lane: LoopThread, *, watcher: Watcher) -> None:
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
        """See `Channel.send`; whatever the channel does, only those errors come."""
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
        """Run it on the channel's loop, counted as under way; its errors are noted and raised."""
        with self.under_way():
            try:
                result = await self._lane.run(work, within=within)
            except ChannelAuthFailed as error:
                self._watcher.failed(error)
                raise
            except (BadInput, AttachmentRefused):
                raise  # what somebody sent is wrong, not the channel
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

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Counts what is done inside as under way; `drain` waits for it."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def _trouble(self, error: Exception) -> None:
        self._watcher.troubled(error)
        self._troubles += 1
        if self._troubles >= MOST_TROUBLES:
            self._troubles = 0
            self._watcher.failed(error)


class _Types(ChannelProxy):
    async def typing(self, address: Address) -> None:
        channel = cast("ShowsTyping", self._channel)
        await self.call(lambda: channel.typing(address), within=TYPING_SECONDS)


class _Streams(ChannelProxy):
    async def stream(self, address: Address, parts: AsyncIterator[str]) -> None:
        channel = cast("Streams", self._channel)
        crossing = LoopBridge(asyncio.get_running_loop())

        async def pulled() -> AsyncIterator[str]:
            async def following() -> str | None:
                return await anext(parts, None)

            while (part := await crossing.call(following)) is not None:
                yield part

        await self.call(lambda: channel.stream(address, pulled()), within=STREAM_SECONDS)


class _Finds(ChannelProxy):
    async def find(self, message: OutboundMessage) -> Delivery | None:
        channel = cast("Reconciles", self._channel)
        try:
            return await self.call(lambda: channel.find(message), within=SEND_SECONDS)
        except ChannelError:
            raise
        except Exception as error:
            raise ChannelNotReady(f"The channel broke while asking: {_plain(error)}") from error


class _Fetches(ChannelProxy):
    async def fetch(self, address: Address, attachment: Attachment, write: Write) -> None:
        channel = cast("FetchesAttachments", self._channel)
        crossing = LoopBridge(asyncio.get_running_loop())

        async def written(chunk: bytes) -> None:
            async def writing() -> None:
                await write(chunk)

            await crossing.call(writing)

        try:
            await self.call(
                lambda: channel.fetch(address, attachment, written), within=FETCH_SECONDS
            )
        except (ChannelError, BadInput, StoreUnavailable):
            raise
        except Exception as error:
            raise ChannelNotReady(f"The channel broke while fetching: {_plain(error)}") from error


class _Answers(ChannelProxy):
    async def handle_http(self, request: HttpRequest) -> HttpResponse:
        channel = cast("HandlesHttp", self._channel)
        response = await self.call(lambda: channel.handle_http(request), within=HTTP_SECONDS)
        if not isinstance(response, HttpResponse):
            raise TypeError(f"handle_http gave {type(response).__name__}")
        return response


class _Forgets(ChannelProxy):
    async def forget(self, address: Address) -> int:
        channel = cast("Forgets", self._channel)
        return await self.call(lambda: channel.forget(address), within=SEND_SECONDS)


class _Checks(ChannelProxy):
    async def check(self) -> str:
        channel = cast("ChecksConnection", self._channel)
        return await self.call(channel.check, within=SEND_SECONDS)


_FACES: tuple[tuple[type, type[ChannelProxy]], ...] = (
    (ShowsTyping, _Types),
    (Streams, _Streams),
    (Reconciles, _Finds),
    (FetchesAttachments, _Fetches),
    (HandlesHttp, _Answers),
    (ChecksConnection, _Checks),
    (Forgets, _Forgets),
)


def guarded(channel: Channel, lane: LoopThread, *, watcher: Watcher) -> ChannelProxy:
    """The channel behind its guard, with exactly the optional members that it has itself."""
    faces = tuple(face for protocol, face in _FACES if isinstance(channel, protocol))
    shape = type("GuardedChannel", faces or (ChannelProxy,), {})
    made = shape(channel, lane, watcher=watcher)
    assert isinstance(made, ChannelProxy)
    return made


def _plain(error: Exception) -> str:
    if isinstance(error, ContactCenterError):
        return error.detail
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
