"""For operators: is it alive, is it able to serve, and what has it done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import BaseModel

from core.web.answers import json_answer
from core.web.routing import Access, Route

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0

Check = Callable[[], Awaitable[None]]
"""Returns when its part can serve; raises, or does not return in time, when it cannot."""


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """Whether each part can serve: "ok", or "failed" (the log says why)."""

    status: str
    parts: dict[str, str]


class HealthRoutes:
    """`/healthz`, `/readyz`, `/metrics`."""

    def __init__(self, *, checks: Mapping[str, Check], registry: CollectorRegistry) -> None:
        self._checks = dict(checks)
        self._registry = registry

    def routes(self) -> Sequence[Route]:
        """All three."""
        return (
            Route(
                method="GET",
                path="/healthz",
                handler=self.alive,
                access=Access.PUBLIC,
                summary="Is the process alive",
                responses={200: Alive},
            ),
            Route(
                method="GET",
                path="/readyz",
                handler=self.ready,
                access=Access.PUBLIC,
                summary="Can it serve, by part",
                responses={200: Ready, 503: Ready},
            ),
            Route(
                method="GET",
                path="/metrics",
                handler=self.metrics,
                access=Access.PUBLIC,
                summary="Numbers for Prometheus",
                responses={200: None},
                media_type="text/plain",
            ),
        )

    async def alive(self, _: web.Request) -> web.StreamResponse:
        """GET /healthz."""
        return json_answer({"status": "ok"})

    async def ready(self, _: web.Request) -> web.StreamResponse:
        """GET /readyz."""
        outcomes = await asyncio.gather(
            *(self._outcome(name, check) for name, check in self._checks.items())
        )
        parts = dict(zip(self._checks, outcomes, strict=True))
        is_ready = all(outcome == "ok" for outcome in outcomes)
        status = "ready" if is_ready else "not ready"
        return json_answer(
            {"status": status, "parts": parts},
            status=200 if is_ready else 503,
            headers={} if is_ready else {"Retry-After": "2"},
        )

    async def metrics(self, _: web.Request) -> web.StreamResponse:
        """GET /metrics."""
        return web.Response(
            body=generate_latest(self._registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def _outcome(self, name: str, check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except Exception as error:
            log.warning("%s is not ready: %r", name, error)
            return "failed"
        return "ok"
