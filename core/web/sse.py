"""Server-sent events: frames, heartbeats, and streams that cost little while idle."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from aiohttp import web

from core.errors import BadInput
from core.web.http.responses import dumps
from core.web.limits.streams import GAVE_WAY, SIGNED_OUT

Item = TypeVar("Item")

HEARTBEAT = b": \n\n"
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would hold events back
}


class Beat(enum.Enum):
    """A heartbeat: no event for a while."""

    SILENT = enum.auto()


def frame(event: str, data: Any, *, number: int | None = None) -> bytes:
    """One event; `number` becomes its id, by which a browser resumes."""
    head = f"id: {number}\nevent: {event}\n" if number is not None else f"event: {event}\n"
    return head.encode() + b"data: " + dumps(data) + b"\n\n"


async def open_stream(request: web.Request) -> web.StreamResponse:
    """A response whose headers are on their way; browsers reconnect after two seconds."""
    response = web.StreamResponse(headers=_HEADERS)
    await response.prepare(request)
    response.headers.clear()  # sent; thousands of idle streams need not remember them
    await response.write(b"retry: 2000\n\n")
    return response


async def next_or_beat(items: AsyncIterator[Item], seconds: float) -> Item | Beat:
    """The next item, or Beat.SILENT when none comes in time; no task is made for it."""
    try:
        async with asyncio.timeout(seconds):
            return await anext(items)
    except TimeoutError:
        return Beat.SILENT


def resume_after(header: str | None, query: str | None) -> int:
    """The number after which to go on, 0 for all. Raises BadInput for anything else."""
    value = (header if header is not None else query) or "0"
    if not (value.isascii() and value.isdigit() and len(value) <= 18):
        raise BadInput("Last-Event-ID is the number of an event.")
    return int(value)


def must_end(cancelled: asyncio.CancelledError) -> bool:
    """Whether the gate ended this stream; then the answer ends properly instead of breaking off."""
    task = asyncio.current_task()
    if cancelled.args not in ((SIGNED_OUT,), (GAVE_WAY,)) or task is None:
        return False
    task.uncancel()
    return True
