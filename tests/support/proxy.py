"""A reverse proxy as operators put one in front: it streams, and it takes our path off or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

_HOP = {
    "connection",
    "keep-alive",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "content-length",
}


@dataclass(kw_only=True)
class Proxy:
    """One host: a shop of its own, and below `prefix` whatever serves at `upstream`."""

    upstream: str
    prefix: str
    strips: bool
    port: int = 0
    answers: list[tuple[int, str]] = field(default_factory=list)  #: status and path, in order
    strays: list[str] = field(default_factory=list)  #: paths that were asked of the shop instead

    @property
    def host(self) -> str:
        """The address of the host."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """PUBLIC_URL of what is behind it."""
        return self.host + self.prefix

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass it on, or answer as the shop does."""
        path = request.raw_path
        if not (path == self.prefix or path.startswith((f"{self.prefix}/", f"{self.prefix}?"))):
            if path != "/favicon.ico":
                self.strays.append(path)
            return web.Response(status=404, text="The shop has no such page.")
        if self.strips:
            path = "/" + path[len(self.prefix) :].lstrip("/")
        headers = {n: v for n, v in request.headers.items() if n.lower() not in _HOP}
        headers["X-Forwarded-For"] = request.remote or ""
        if self.strips:
            del headers["Host"]  # as nginx does it by itself: we hear the name of the upstream
        async with (
            aiohttp.ClientSession(
                auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as http,
            http.request(
                request.method,
                URL(self.upstream + path, encoded=True),
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as answer,
        ):
            self.answers.append((answer.status, request.raw_path))
            passed = web.StreamResponse(status=answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in _HOP:
                    passed.headers.add(name, value)
            with suppress(ConnectionError, aiohttp.ClientPayloadError):
                await passed.prepare(request)
                async for chunk in answer.content.iter_any():
                    await passed.write(chunk)
            return passed


@asynccontextmanager
async def proxy(
    upstream: str, *, strips: bool, prefix: str = "/support", port: int = 0
) -> AsyncIterator[Proxy]:
    """The proxy, serving on loopback."""
    made = Proxy(upstream=upstream, prefix=prefix, strips=strips)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    assert site._server is not None
    made.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield made
    finally:
        await runner.cleanup()
