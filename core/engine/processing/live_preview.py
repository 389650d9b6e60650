"""Shows the customer that an answer is being written: typing signs and growing text."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Callable

from core.clock import Clock
from core.domain.conversation import Conversation
from core.domain.messages import Address
from core.engine.ports import Signal
from core.runtime.tasks import end
from core.sdk.channel import Channel, ShowsTyping, Streams

log = logging.getLogger(__name__)

TYPING_AFTER = 0.15  #: seconds; an answer that is there sooner needs no sign
TYPING_EVERY = 4.0  #: seconds; Telegram forgets a chat action after five, our page after six
STREAM_END = ""
AGAIN_SECONDS = 5.0  #: longer than a channel may take to break a preview off


class LivePreview:
    """Typing signs and the growing text of one answer; `stop` ends both."""

    def __init__(
        self,
        conversation: Conversation,
        channel: Channel | None,
        *,
        signal: Callable[[Signal], None],
        clock: Clock,
        disclosure: str = "",
    ) -> None:
        """`disclosure` stands before what is shown, as it will before the final text."""
        self._id = conversation.id
        self._disclosure = disclosure
        self._signal = signal
        self._clock = clock
        self._parts: asyncio.Queue[str] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._begun = False
        self._sign = asyncio.get_running_loop().call_later(TYPING_AFTER, self._begin)
        address = conversation.reply_address
        if channel is None or address is None:
            return
        types, streams = _can_show(type(channel))
        shows: object = channel  # the optional members are structural, not declared
        if types:
            assert isinstance(shows, ShowsTyping)
            self._tasks.append(asyncio.create_task(self._type(shows, address)))
        if streams:
            assert isinstance(shows, Streams)
            self._parts = asyncio.Queue()
            self._tasks.append(asyncio.create_task(_stream(shows, address, self._parts)))

    def on_delta(self, text: str) -> None:
        """The next piece of the answer (`core.engine.ports.OnDelta`)."""
        self._begin()
        if self._disclosure:
            text, self._disclosure = f"{self._disclosure}\n\n{text}", ""
        # From now on the text is the sign, and a sign would begin it anew.
        self._sign.cancel()
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
        await end(*self._tasks, again=AGAIN_SECONDS)

    def _begin(self) -> None:
        # Whoever sees the sign expects the text from its start, so it never comes after a piece.
        if not self._begun:
            self._begun = True
            self._sign.cancel()
            self._say_so()

    def _say_so(self) -> None:
        self._signal(Signal(conversation_id=self._id, kind="typing", text="ai"))
        self._sign = asyncio.get_running_loop().call_later(TYPING_EVERY, self._say_so)

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
