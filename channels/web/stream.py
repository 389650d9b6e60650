"""The live stream of a conversation, as server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from aiohttp import web

from channels.web.transcript import shown
from core.attachments.views import FileViews
from core.domain.events import Commit
from core.domain.standing import Standing
from core.engine.ports import Bus, Signal
from core.engine.repository import Conversations
from core.errors import StoreUnavailable
from core.rendering.html import to_html
from core.rendering.markdown import from_markdown
from core.web.http.routing import user_of
from core.web.identity.authentication import still_allowed
from core.web.sse import HEARTBEAT, Beat, frame, must_end, next_or_beat, open_stream

#: A text this short is drawn with each piece; drawing costs a millisecond for about 500 characters.
DRAWN_AT_ONCE = 500
DRAW_SECONDS = 0.2  #: between two drawings of a longer one, however fast its pieces come
PREVIEW_LIMIT = 20_000  #: characters of a growing answer that are drawn; the whole comes anyway


class ConversationStream:
    """Sends a conversation's messages and status as they happen, each exactly once."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        bus: Bus,
        heartbeat_seconds: float,
        is_on: Callable[[], bool],
        views: FileViews | None = None,
    ) -> None:
        self._views = views
        self._is_on = is_on
        self._conversations = conversations
        self._bus = bus
        self._heartbeat = heartbeat_seconds

    async def serve(
        self, request: web.Request, conversation_id: str, *, after: int
    ) -> web.StreamResponse:
        """Everything with a number above `after`, then what happens, until somebody leaves."""
        # Listening begins before reading, so nothing falls between the two.
        async with self._bus.listen(conversation_id) as items:
            response = await open_stream(request)
            try:
                state = await self._conversations.peek(conversation_id)
                place = _Place(seq=min(after, state.seq), standing=Standing.of(state))
                if state.seq > after:
                    await self._catch_up(response, conversation_id, place)
                while True:
                    patience = DRAW_SECONDS if place.is_behind else self._heartbeat
                    item = await next_or_beat(items, patience)
                    if not self._may_listen(request):
                        break
                    if item is Beat.SILENT and place.is_behind:
                        if drawn := place.drawn():
                            await response.write(frame("delta", {"text": "", **drawn}))
                    elif item is Beat.SILENT:
                        if not await still_allowed(request):
                            break
                        await response.write(HEARTBEAT)
                    elif isinstance(item, Signal):
                        await _signal(request, response, item, place)
                    elif item is None or item.base > place.seq + 1:
                        if item is None:
                            place.growing = None  # pieces of it may be missing
                        await self._catch_up(response, conversation_id, place)
                    else:
                        await _write(response, item, place, views=self._views)
            except (ConnectionResetError, StoreUnavailable):
                pass  # the reader has gone, or should come back: they know where they were
            except asyncio.CancelledError as cancelled:
                if not must_end(cancelled):
                    raise
        return response

    def _may_listen(self, request: web.Request) -> bool:
        return user_of(request) is not None or self._is_on()

    async def _catch_up(
        self, response: web.StreamResponse, conversation_id: str, place: _Place
    ) -> None:
        # Where things stood there follows from the whole past; a reader who reconnects is rare.
        after, place.seq, place.standing = place.seq, 0, Standing()
        for commit in await self._conversations.history(conversation_id):
            await _write(response, commit, place, after=after, views=self._views)
            await asyncio.sleep(0)  # drawing a long past must not hold up everybody else
        place.seq = place.seq or after


class _Place:
    """A reader's place in the stream, and what they know: the status, the growing answer."""

    __slots__ = ("_drawn_at", "growing", "is_behind", "seq", "standing")

    def __init__(self, *, seq: int, standing: Standing) -> None:
        self.seq = seq
        self.standing = standing
        self.growing: str | None = None  #: the answer so far; None where its beginning was missed
        self.is_behind = False  #: pieces came that were not drawn yet
        self._drawn_at = float("-inf")

    def drawn(self) -> Mapping[str, str]:
        """{"html": the answer so far}; nothing where it is too early, too long or unknown.

        Each piece would otherwise draw all before it again, on the loop that serves everybody.
        """
        if self.growing is None or len(self.growing) > PREVIEW_LIMIT:
            self.is_behind = False
            return {}
        now = time.monotonic()
        self.is_behind = len(self.growing) > DRAWN_AT_ONCE and now - self._drawn_at < DRAW_SECONDS
        if self.is_behind:
            return {}
        self._drawn_at = now
        return {"html": to_html(from_markdown(self.growing))}


async def _signal(
    request: web.Request, response: web.StreamResponse, signal: Signal, place: _Place
) -> None:
    match signal.kind:
        case "delta":
            if place.growing is not None:
                place.growing += signal.text
            await response.write(frame("delta", {"text": signal.text, **place.drawn()}))
        case "typing" if signal.text != "customer" or user_of(request) is not None:
            author = signal.text or "ai"
            if author == "ai":
                # The sign of an answer that begins, perhaps anew because the customer wrote on.
                place.growing = ""
            await response.write(frame("typing", {"author": author}))
        case _:
            pass


async def _write(
    response: web.StreamResponse,
    commit: Commit,
    place: _Place,
    *,
    after: int = 0,
    views: FileViews | None = None,
) -> None:
    """Send what is new in the commit; a commit seen before changes nothing."""
    if commit.last <= place.seq:
        return
    frames = bytearray()
    since = max(after, place.seq)
    for standing, item in shown(commit, after=since, standing=place.standing, views=views):
        place.standing = standing
        if item is not None:
            frames += frame(item.event, item.data, number=item.seq)
    place.seq = commit.last
    place.is_behind = False  # what is stored is shown whole
    if frames:
        await response.write(bytes(frames))
