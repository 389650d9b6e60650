"""The console's live stream: changes of any conversation as server-sent events."""

from __future__ import annotations

import asyncio

from aiohttp import web

from core.domain.events import Commit, DeliveryRecorded, Event
from core.domain.messages import NOT_ARRIVED
from core.engine.ports import Bus, Signal
from core.web.identity.authentication import still_allowed
from core.web.sse import HEARTBEAT, Beat, frame, must_end, next_or_beat, open_stream


class ConsoleStream:
    """Streams changes to the console's pages, which then fetch what they show."""

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
                if not must_end(cancelled):
                    raise
                await response.write(frame("signed_out", {}))
        return response


def _kind(event: Event) -> str:
    """The event's kind; what did not arrive is told apart from all that did."""
    if isinstance(event, DeliveryRecorded) and event.state in NOT_ARRIVED:
        return "delivery_trouble"
    return event.kind


def _changes(item: Commit | Signal) -> bytes:
    if isinstance(item, Signal):
        if item.kind != "typing":
            return b""
        data = {"kind": "typing", "conversation_id": item.conversation_id, "author": item.text}
        return frame("typing", data)
    return b"".join(
        frame(
            "change",
            {"kind": _kind(n.event), "conversation_id": n.conversation_id, "seq": n.seq},
        )
        for n in item.numbered()
    )
