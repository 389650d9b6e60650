"""How every echo listens: one webhook on a local port, until it is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

Take = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def listen(port: int, take: Take) -> None:
    """Serve `take` at /webhook and say "ready"; runs until it is killed."""
    site = web.Application()
    site.router.add_post("/webhook", take)
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()
