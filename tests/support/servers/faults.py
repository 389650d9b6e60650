"""Misfortunes that a local vendor server plays on its callers, one call each."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one call; `after` = the vendor has done the work before it does."""

    status: int = 0  #: answer with this status; 0 breaks the connection
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0  #: wait so long first
    after: bool = False


class Script:
    """Faults waiting to happen, by the name of the call they hit."""

    def __init__(self) -> None:
        self._planned: dict[str, deque[Fault]] = defaultdict(deque)

    def plan(self, name: str, *faults: Fault) -> None:
        """The next calls of this name meet these faults, in order."""
        self._planned[name].extend(faults)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self._planned.clear()

    async def play(
        self,
        name: str,
        request: web.Request,
        work: Callable[[], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Do the work, or what was planned for this call."""
        if not self._planned[name]:
            return await work()
        fault = self._planned[name].popleft()
        if fault.after:
            await work()
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
            if not fault.status and not fault.after:
                return await work()
        if not fault.status:
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPInternalServerError
        return web.Response(status=fault.status, body=fault.body, headers=dict(fault.headers))


@dataclass(slots=True)
class Listening:
    """An aiohttp application that listens on a free local port."""

    app: web.Application
    port: int = 0
    _runner: web.AppRunner | None = None

    async def open(self) -> None:
        """Listen; the same port again when it listened before."""
        self._runner = web.AppRunner(self.app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening and break what is open; safe twice."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"
