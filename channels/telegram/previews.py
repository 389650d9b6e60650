"""Shows a growing answer: as Telegram's own draft, else as a message that is edited."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Protocol

from channels.telegram.errors import NotSupported
from channels.telegram.normalize import BUSINESS
from channels.telegram.render import TelegramPart, to_telegram
from core.clock import Clock
from core.domain.messages import Address
from core.errors import ChannelAuthFailed, ChannelError, DeliveryDeferred
from core.rendering.markdown import from_markdown
from core.runtime.tasks import end

DRAFT_SECONDS = 1.1  #: between two states of a preview
GROUP_SECONDS = 3.1  #: the same in groups, where twenty a minute are allowed
REFRESH_SECONDS = 20.0  #: Telegram drops a draft after thirty
PATIENCE_SECONDS = 1.5  #: an answer that is done sooner is not worth a message that is edited

Key = tuple[str, str]  #: chat and thread


class Shows(Protocol):
    """The part of the Bot API that previews need."""

    async def draft(self, address: Address, part: TelegramPart, *, draft_id: int) -> None:
        """Show a preview for thirty seconds."""
        ...

    async def post(self, address: Address, part: TelegramPart, *, chat: int) -> str:
        """Send one message and give its number."""
        ...

    async def edit(self, address: Address, part: TelegramPart, *, chat: int, message: str) -> None:
        """Change one message."""
        ...


class Previews:
    """The previews of one bot; a posted one waits here to become the answer itself."""

    def __init__(self, *, api: Shows, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._draft_ids = itertools.count(int(clock.now().timestamp()) % 1_000_000_000 + 1)
        self._drafts_work = True
        self._posted: dict[Key, str] = {}
        self._calls: dict[Key, asyncio.Task[None]] = {}

    async def take(self, address: Address) -> str:
        """The number of the message that shows a preview here, "" when none does; once.

        Returns when no call for this preview is under way: none may overtake the answer.
        """
        key = (address.chat, address.thread)
        if call := self._calls.get(key):
            await asyncio.wait({call})
        return self._posted.pop(key, "")

    async def close(self) -> None:
        """End every call that is under way."""
        await end(*self._calls.values())

    async def show(self, address: Address, parts: AsyncIterator[str]) -> None:
        """Show the text as its pieces come; an error ends the preview, never the answer."""
        key = (address.chat, address.thread)
        draft_id = next(self._draft_ids)
        begun = self._clock.monotonic()
        shown_at = -GROUP_SECONDS
        pace = GROUP_SECONDS if address.chat.startswith("-") else DRAFT_SECONDS
        text = shown = ""
        pieces = aiter(parts)
        following: asyncio.Task[str] = asyncio.ensure_future(_next(pieces))
        try:
            while True:
                done, _ = await asyncio.wait({following}, timeout=REFRESH_SECONDS)
                if done:
                    try:
                        text += following.result()
                    except StopAsyncIteration:
                        return
                    following = asyncio.ensure_future(_next(pieces))
                now = self._clock.monotonic()
                due = not done or (text != shown and now - shown_at >= pace)
                if not due or not (drawn := to_telegram(from_markdown(text))):
                    continue
                if await self._draw(address, drawn[0], draft_id, key, late=now - begun):
                    shown, shown_at = text, now
        except ChannelAuthFailed:
            raise
        except ChannelError:
            return
        finally:
            await end(following)

    async def _draw(
        self,
        address: Address,
        part: TelegramPart,
        draft_id: int,
        key: Key,
        *,
        late: float,
    ) -> bool:
        private = not address.chat.startswith("-") and not address.thread.startswith(BUSINESS)
        try:
            if private and self._drafts_work and key not in self._posted:
                try:
                    await self._api.draft(address, part, draft_id=draft_id)
                except NotSupported:
                    self._drafts_work = False
                else:
                    return True
            if late < PATIENCE_SECONDS:
                return False
            # An answer that is ready cancels its preview; what is on its way to Telegram then
            # must still be waited for, or a late preview would stand beside or over the answer.
            call = asyncio.ensure_future(self._write(address, part, key))
            self._calls[key] = call
            call.add_done_callback(lambda done: self._ended(key, done))
            await asyncio.shield(call)
        except DeliveryDeferred:
            return False
        return True

    async def _write(self, address: Address, part: TelegramPart, key: Key) -> None:
        chat = int(address.chat)
        if message := self._posted.get(key):
            await self._api.edit(address, part, chat=chat, message=message)
        else:
            self._posted[key] = await self._api.post(address, part, chat=chat)

    def _ended(self, key: Key, call: asyncio.Task[None]) -> None:
        if self._calls.get(key) is call:
            del self._calls[key]
        if not call.cancelled():
            call.exception()  # told to whoever still waits; a preview's failure is no loss


async def _next(pieces: AsyncIterator[str]) -> str:
    return await anext(pieces)
