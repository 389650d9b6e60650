"""LANGSMITH_* in the environment sends customers' words nowhere, unless our own setting says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.support.process import Program
from tests.support.slow_models import FAQ, settings_for, slow_model, teach

QUESTION = next(iter(FAQ))
pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


@asynccontextmanager
async def tracing_service() -> AsyncIterator[tuple[str, list[str]]]:
    """A local server in LangSmith's place: its address, and what it was called with."""
    heard: list[str] = []

    async def take(request: web.Request) -> web.StreamResponse:
        heard.append(f"{request.method} {request.path}")
        await request.read()
        return web.json_response({})

    app = web.Application(client_max_size=50_000_000)
    app.router.add_route("*", "/{any:.*}", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", heard
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("ours", ["off", "langsmith"])
async def test_only_our_own_setting_has_models_traced(tmp_path: Path, ours: str) -> None:
    async with tracing_service() as (url, heard), slow_model() as model:
        theirs = {
            "LANGSMITH_TRACING": "true",
            "LANGCHAIN_TRACING_V2": "true",
            "LANGSMITH_API_KEY": "lsv2_test",
            "LANGSMITH_ENDPOINT": url,
            "LANGCHAIN_ENDPOINT": url,
        }
        program = Program(tmp_path / "data", env=settings_for(model, LLM_TRACING=ours, **theirs))
        try:
            await program.start()
            await teach(program, tmp_path)
            async with aiohttp.ClientSession(program.url) as http:
                await http.post("/api/conversations", json={"text": QUESTION, "locale": "en"})
                async with asyncio.timeout(60):
                    while not model.server.requests:
                        await asyncio.sleep(0.1)
                # The tracer gathers what it sends, for a second at the longest.
                await asyncio.sleep(3)
        finally:
            await program.stop()
    assert QUESTION in model.server.seen
    if ours == "off":
        assert heard == []
    else:
        assert heard
