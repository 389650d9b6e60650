"""The least that acknowledges durably: aiohttp and one insert into the same embedded store."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop
from aiohttp import web

from core.storage.client import connect
from core.storage.embedded import EmbeddedStore


async def serve(port: int, folder: Path) -> None:
    """Answer 202 to every POST once its body is stored; runs until it is killed."""
    store = EmbeddedStore(folder)
    await store.boot()
    collection = connect(store.uri)["bench"]["messages"]

    async def accept(request: web.Request) -> web.Response:
        await collection.insert_one({"body": await request.json()})
        return web.json_response({"ok": True}, status=202)

    app = web.Application()
    app.router.add_post("/messages", accept)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await store.stop()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
