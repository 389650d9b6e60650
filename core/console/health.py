"""Health checks and metrics: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel, Field

from core.console.operators import OperatorAccess
from core.errors import SetupError
from core.web.http.problems import Problem
from core.web.http.responses import json_answer
from core.web.http.routing import Access, Route
from core.web.http.settings import WebSettings

log = logging.getLogger(__name__)

CHECK_SECONDS = 2.0
SHARED_SECONDS = 1.0  #: for which what was found out is told to others, too

Check = Callable[[], Awaitable[None]]
"""Returns when its part can serve; raises, or does not return in time, when it cannot."""


class Alive(BaseModel):
    """The process answers."""

    status: str


class ChannelReady(BaseModel):
    """The state of a channel; one that only hears is no reason to send customers elsewhere."""

    hears: bool = Field(description="What customers write is taken in.")
    speaks: bool = Field(description="What we write goes out; else it waits.")
    state: str


class Ready(BaseModel):
    """Each part's state: "ok", or "failed" (the log says why)."""

    status: str
    parts: dict[str, str] | None = Field(default=None, description="For the operator only.")
    channels: dict[str, ChannelReady] | None = Field(
        default=None, description="Those that are switched on, for the operator only."
    )


Channels = Callable[[], Mapping[str, ChannelReady]]


class HealthRoutes:
    """`/healthz`, `/readyz`, `/metrics`; the parts and the numbers are the operator's."""

    def __init__(
        self,
        *,
        checks: Mapping[str, Check],
        registry: CollectorRegistry,
        operators: OperatorAccess,
        channels: Channels = dict,
        measures: Sequence[Check] = (),
    ) -> None:
        """`measures` bring the numbers up to date; one that fails leaves its old ones."""
        self._channels = channels
        self._measures = measures
        self._parts = Gauge(
            "contact_center_part_ready",
            "1 where a part of `/readyz` can serve, else 0.",
            ["part"],
            registry=registry,
        )
        self._ways = Gauge(
            "contact_center_channel_ready",
            "1 where a channel that is switched on hears (takes in) and speaks (sends), else 0.",
            ["channel", "way"],
            registry=registry,
        )
        self._checks = dict(checks)
        self._registry = registry
        self._operators = operators
        self._look: asyncio.Future[Sequence[str]] | None = None
        self._looked_at = 0.0

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
                unlimited=True,
            ),
            Route(
                method="GET",
                path="/readyz",
                handler=self.ready,
                access=Access.PUBLIC,
                summary="Can it serve; by part for the operator",
                responses={200: Ready, 503: Ready},
                unlimited=True,
            ),
            Route(
                method="GET",
                path="/metrics",
                handler=self.metrics,
                access=Access.OPERATOR,
                summary="Numbers for Prometheus",
                responses={200: None},
                media_type="text/plain",
            ),
        )

    async def alive(self, _: web.Request) -> web.StreamResponse:
        """GET /healthz."""
        return json_answer({"status": "ok"})

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """GET /readyz: for everybody whether, for the operator also which part is not."""
        return await self._readiness(by_part=self._operators.lets_in(request))

    async def ready_by_part(self, _: web.Request) -> web.StreamResponse:
        """GET /readyz on the operator's own port."""
        return await self._readiness(by_part=True)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """GET /metrics. Raises Problem 401 or 403 for everybody but the operator."""
        if self._operators.lets_in(request):
            return await self.numbers(request)
        if self._operators.wants_token:
            raise Problem(
                401, "Send METRICS_TOKEN as a bearer.", headers={"WWW-Authenticate": "Bearer"}
            )
        raise Problem(403, "This is the operator's: see METRICS_TOKEN and METRICS_PORT.")

    async def numbers(self, _: web.Request) -> web.StreamResponse:
        """GET /metrics on the operator's own port."""
        await self.measure()
        return web.Response(
            body=generate_latest(self._registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )

    async def measure(self) -> None:
        """Bring the numbers that need a look up to date."""
        await asyncio.gather(self._outcomes(), *(self._measured(one) for one in self._measures))
        self._ways.clear()
        for name, one in self._channels().items():
            self._ways.labels(name, "hears").set(one.hears)
            self._ways.labels(name, "speaks").set(one.speaks)

    async def _readiness(self, *, by_part: bool) -> web.StreamResponse:
        outcomes = await self._outcomes()
        is_ready = all(outcome == "ok" for outcome in outcomes)
        said: dict[str, object] = {"status": "ready" if is_ready else "not ready"}
        if by_part:
            said["parts"] = dict(zip(self._checks, outcomes, strict=True))
            if channels := self._channels():
                said["channels"] = {name: one.model_dump() for name, one in channels.items()}
        return json_answer(
            said,
            status=200 if is_ready else 503,
            headers={} if is_ready else {"Retry-After": "2"},
        )

    async def _outcomes(self) -> Sequence[str]:
        """What became of each check, at most a second ago: many callers are one look."""
        now = asyncio.get_running_loop().time()
        old = now - self._looked_at > SHARED_SECONDS
        if self._look is None or (self._look.done() and (old or self._look.cancelled())):
            self._look = asyncio.ensure_future(self._look_now())
        # Whoever goes away while we look takes nothing from the others who wait for it.
        return await asyncio.shield(self._look)

    async def _look_now(self) -> Sequence[str]:
        outcomes = await asyncio.gather(
            *(self._outcome(name, check) for name, check in self._checks.items())
        )
        self._looked_at = asyncio.get_running_loop().time()
        return outcomes

    async def _outcome(self, name: str, check: Check) -> str:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except Exception as error:
            log.warning("%s is not ready: %r", name, error)
            self._parts.labels(name).set(0)
            return "failed"
        self._parts.labels(name).set(1)
        return "ok"

    async def _measured(self, measure: Check) -> None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await measure()
        except Exception as error:
            log.warning("a number for /metrics is not known: %r", error)


class OperatorPort:
    """The same three on METRICS_PORT, without asking who comes: keep it from the public's reach."""

    def __init__(self, settings: WebSettings, health: HealthRoutes) -> None:
        self._settings = settings
        self._health = health
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen, where the port is set. Raises SetupError when it is taken or not ours."""
        port = self._settings.metrics_port
        if port is None:
            return
        app = web.Application()
        app.router.add_get("/healthz", self._health.alive)
        app.router.add_get("/readyz", self._health.ready_by_part)
        app.router.add_get("/metrics", self._health.numbers)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._settings.host, port).start()
        except OSError as error:
            await self.stop()
            where = f"{self._settings.host}:{port} (METRICS_PORT)"
            raise SetupError(f"Cannot listen on {where}: {error.strerror or error}.") from error

    @property
    def port(self) -> int:
        """The port it listens on; only between `start` and `stop`."""
        assert self._runner is not None
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Listen no more; safe twice, and where there is no port."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
