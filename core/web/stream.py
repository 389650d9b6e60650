"""Live streams: one conversation for those who take part in it, all of them for the console."""

from __future__ import annotations

import asyncio

from aiohttp import web

from core.conversations import Status
from core.errors import StoreUnavailable
from core.events import Commit
from core.ports import Bus, Signal
from core.repository import Conversations
from core.web.authentication import still_allowed
from core.web.gate import SIGNED_OUT
from core.web.routing import user_of
from core.web.sse import HEARTBEAT, Beat, frame, next_or_beat, open_stream
from core.web.transcript import shown


class ConversationStream:
    """Sends a conversation's messages and status as they happen, each exactly once."""

    def __init__(self, *, conversations: Conversations, bus: Bus, heartbeat_seconds: float) -> None:
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
                place = _Place(seq=min(after, state.seq), status=state.status)
                if state.seq > after:
                    await self._catch_up(response, conversation_id, place)
                while True:
                    item = await next_or_beat(items, self._heartbeat)
                    if item is Beat.SILENT:
                        if not await still_allowed(request):
                            break
                        await response.write(HEARTBEAT)
                    elif isinstance(item, Signal):
                        await self._signal(request, response, item)
                    elif item is None or item.base > place.seq + 1:
                        await self._catch_up(response, conversation_id, place)
                    else:
                        await _write(response, item, place)
            except (ConnectionResetError, StoreUnavailable):
                pass  # the reader has gone, or should come back: he knows where he was
            except asyncio.CancelledError as cancelled:
                if not _lost_his_right(cancelled):
                    raise
        return response

    async def _catch_up(
        self, response: web.StreamResponse, conversation_id: str, place: _Place
    ) -> None:
        # The status at `place` follows from the whole past; a reader who reconnects is rare.
        after, place.seq, place.status = place.seq, 0, Status.AI
        for commit in await self._conversations.history(conversation_id):
            await _write(response, commit, place, after=after)
        place.seq = place.seq or after

    async def _signal(
        self, request: web.Request, response: web.StreamResponse, signal: Signal
    ) -> None:
        match signal.kind:
            case "delta":
                await response.write(frame("delta", {"text": signal.text}))
            case "typing" if signal.text != "customer" or user_of(request) is not None:
                await response.write(frame("typing", {"author": signal.text or "ai"}))
            case _:
                pass


class ConsoleStream:
    """Tells the console's pages what has changed, so that they fetch what they show."""

    def __init__(self, *, bus: Bus, heartbeat_seconds: float) -> None:
        self._bus = bus
        self._heartbeat = heartbeat_seconds

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`change` events {kind, conversation_id, seq}; `reload` when some were missed."""
        async with self._bus.listen(None) as items:
            response = await open_stream(request)
            try:
                while True:
                    item = await next_or_beat(items, self._heartbeat)
                    if item is Beat.SILENT:
                        if not await still_allowed(request):
                            await response.write(frame("signed_out", {}))
                            break
                        await response.write(HEARTBEAT)
                    elif item is None:
                        await response.write(frame("reload", {}))
                    elif changes := _changes(item):
                        await response.write(changes)
            except ConnectionResetError:
                pass  # the reader has gone
            except asyncio.CancelledError as cancelled:
                if not _lost_his_right(cancelled):
                    raise
                await response.write(frame("signed_out", {}))
        return response


def _lost_his_right(cancelled: asyncio.CancelledError) -> bool:
    """Whether the gate ended this stream; then the answer ends properly instead of breaking off."""
    task = asyncio.current_task()
    if cancelled.args != (SIGNED_OUT,) or task is None:
        return False
    task.uncancel()
    return True


class _Place:
    """How far a reader is, and the status he knows."""

    __slots__ = ("seq", "status")

    def __init__(self, *, seq: int, status: Status) -> None:
        self.seq = seq
        self.status = status


async def _write(
    response: web.StreamResponse, commit: Commit, place: _Place, *, after: int = 0
) -> None:
    """Send what is new in the commit; a commit seen before changes nothing."""
    if commit.last <= place.seq:
        return
    frames = bytearray()
    for status, item in shown(commit, after=max(after, place.seq), status=place.status):
        place.status = status
        if item is not None:
            frames += frame(item.event, item.data, number=item.seq)
    place.seq = commit.last
    if frames:
        await response.write(bytes(frames))


def _changes(item: Commit | Signal) -> bytes:
    if isinstance(item, Signal):
        if item.kind != "typing":
            return b""
        data = {"kind": "typing", "conversation_id": item.conversation_id, "author": item.text}
        return frame("typing", data)
    return b"".join(
        frame(
            "change",
            {"kind": n.event.kind, "conversation_id": n.conversation_id, "seq": n.seq},
        )
        for n in item.numbered()
    )
