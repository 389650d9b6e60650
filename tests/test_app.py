"""The whole application in one process: it answers, it is ready, it stops in time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from app import App, serving
from config.settings import read_settings
from core.errors import SetupError
from core.runtime.data_dir import DataDir

pytestmark = pytest.mark.apart


async def test_it_is_ready_and_small_talk_is_answered(app: App) -> None:
    async with aiohttp.ClientSession(app.core.site.url()) as web:
        async with web.get("/readyz") as answer:
            assert answer.status == 200, await answer.text()
        async with web.post("/api/conversations", json={"text": "hello", "locale": "en"}) as answer:
            assert answer.status == 201
            opened = await answer.json()
        headers = {"Authorization": f"Bearer {opened['token']}"}
        authors: list[str] = []
        async with asyncio.timeout(10):
            while "system" not in authors:
                async with web.get(f"/api/conversations/{opened['id']}", headers=headers) as answer:
                    authors = [m["author"] for m in (await answer.json())["messages"]]
                await asyncio.sleep(0.02)


async def test_a_port_in_use_is_one_clear_sentence(
    app: App, mongo_uri: str, tmp_path: Path
) -> None:
    settings = read_settings(
        {
            "MONGODB_URI": mongo_uri.replace("/?", "/other?"),
            "DATA_DIR": str(tmp_path / "other"),
            "PORT": str(app.web.port),
        }
    )
    data_dir = DataDir(tmp_path / "other")
    data_dir.prepare()
    with pytest.raises(SetupError, match=f"Cannot listen on 127.0.0.1:{app.web.port}"):
        async with serving(settings, data_dir, store=None, guide=None):
            pass


async def test_it_stops_in_time_with_a_stream_open(app: App) -> None:
    async with aiohttp.ClientSession(app.core.site.url()) as web:
        async with web.post("/api/conversations", json={}) as answer:
            opened = await answer.json()
        headers = {"Authorization": f"Bearer {opened['token']}"}
        stream = await web.get(f"/api/conversations/{opened['id']}/events", headers=headers)
        began = time.monotonic()
        await app.stop()
        assert time.monotonic() - began < 5
        stream.close()
