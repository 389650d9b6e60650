"""Shows the customer that an answer is being written, in whatever way his channel has."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Callable

from core.channel import Channel, ShowsTyping, Streams
from core.clock import Clock
from core.conversations import Conversation
from core.messages import Address
from core.ports import Signal

log = logging.getLogger(__name__)

TYPING_AFTER = 0.15  #: seconds; an answer that is there sooner needs no sign
TYPING_EVERY = 4.0  #: seconds; Telegram forgets a chat action after five
STREAM_END = ""


class Showing:
    """Typing signs and the growing text of one answer; `stop` ends both."""

    def __init__(
        self,
        conversation: Conversation,
        channel: Channel | None,
        *,
        signal: Callable[[Signal], None],
        clock: Clock,
    ) -> None:
        self._id = conversation.id
        self._signal = signal
        self._clock = clock
        self._parts: asyncio.Queue[str] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._begun = False
        self._sign = asyncio.get_running_loop().call_later(TYPING_AFTER, self._begin)
        if channel is None or conversation.address is None:
            return
        types, streams = _can_show(type(channel))
        shows: object = channel  # the optional members are structural, not declared
        if types:
            assert isinstance(shows, ShowsTyping)
            self._tasks.append(asyncio.create_task(self._type(shows, conversation.address)))
        if streams:
            assert isinstance(shows, Streams)
            self._parts = asyncio.Queue()
            self._tasks.append(
                asyncio.create_task(_stream(shows, conversation.address, self._parts))
            )

    def on_delta(self, text: str) -> None:
        """The next piece of the answer (`core.ports.OnDelta`)."""
        self._begin()
        self._signal(Signal(conversation_id=self._id, kind="delta", text=text))
        if self._parts is not None:
            self._parts.put_nowait(text)

    async def stop(self) -> None:
        """Show nothing more; the final text comes by itself."""
        self._sign.cancel()
        if not self._tasks:
            return
        if self._parts is not None:
            self._parts.put_nowait(STREAM_END)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self) -> None:
        # Whoever sees the sign expects the text from its start, so it never comes after a piece.
        if not self._begun:
            self._begun = True
            self._sign.cancel()
            self._signal(Signal(conversation_id=self._id, kind="typing", text="ai"))

    async def _type(self, channel: ShowsTyping, address: Address) -> None:
        await self._clock.sleep(TYPING_AFTER)
        while True:
            try:
                await channel.typing(address)
            except Exception as error:
                log.info("typing could not be shown on %s: %s", address.channel, error)
            await self._clock.sleep(TYPING_EVERY)


@functools.cache
def _can_show(channel_type: type[Channel]) -> tuple[bool, bool]:
    # Asking a runtime protocol is slow, and a class never changes its answer.
    return hasattr(channel_type, "typing"), hasattr(channel_type, "stream")


async def _stream(channel: Streams, address: Address, parts: asyncio.Queue[str]) -> None:
    async def growing() -> AsyncIterator[str]:
        while (part := await parts.get()) != STREAM_END:
            yield part

    try:
        await channel.stream(address, growing())
    except Exception as error:
        # A preview only: the final text still goes out through the outbox.
        log.info("the answer could not be streamed on %s: %s", address.channel, error)
