"""The default heartbeat is 15 s, and the chat page waits for more than two before it gives up."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from typing import Any

from core.web.http.settings import WebSettings
from core.web.pages import STATIC
from core.web.sse import Beat, next_or_beat
from tests.support.site import SECRET

DEFAULT = WebSettings(secret_key=SECRET).heartbeat_seconds


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock leaps to the next timer instead of waiting for it."""

    leapt = 0.0

    def time(self) -> float:
        return super().time() + self.leapt

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        self.leapt += max(0.0, when - self.time())
        return handle


async def nothing() -> AsyncIterator[str]:
    await asyncio.Event().wait()
    yield ""


def test_a_silent_stream_beats_after_fifteen_seconds() -> None:
    loop = LeapingLoop()
    try:
        began = loop.time()
        assert loop.run_until_complete(next_or_beat(nothing(), DEFAULT)) is Beat.SILENT
        assert 15.0 <= loop.time() - began < 16.0
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def test_the_chat_page_misses_two_beats_before_it_takes_the_line_for_dead() -> None:
    script = (STATIC / "stream.js").read_text()
    silence = re.search(r"SILENCE_MS = ([\d_]+);", script)
    assert silence is not None
    assert 2 * DEFAULT < int(silence[1]) / 1000 <= 3 * DEFAULT
