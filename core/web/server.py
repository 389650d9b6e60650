"""The web server: one aiohttp application made of the slices' routes, started and stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry

from core.accounts.audit import Audit
from core.clock import Clock
from core.errors import SetupError
from core.version import VERSION
from core.web import openapi
from core.web.authentication import StaffDoor
from core.web.gate import Gate
from core.web.metrics import HttpMetrics
from core.web.pages import Pages
from core.web.problems import Problem
from core.web.routing import BODY_LIMIT, Handler, Route
from core.web.security import SecurityHeaders
from core.web.settings import WebSettings
from core.web.visitors import VisitorTokens

log = logging.getLogger(__name__)

SHUTDOWN_SECONDS = 2.0  #: for open streams to end


class WebServer:
    """Serves the routes behind the gate; constructing it binds nothing.

    To what it is given it adds the documents about itself: the assets and `/api/openapi.json`.
    """

    def __init__(
        self,
        settings: WebSettings,
        routes: Sequence[Route],
        *,
        visitors: VisitorTokens,
        staff: StaffDoor,
        clock: Clock,
        registry: CollectorRegistry | None = None,
        pages: Pages | None = None,
        audit: Audit | None = None,
    ) -> None:
        self._settings = settings
        self._gate = Gate(
            settings,
            visitors=visitors,
            staff=staff,
            clock=clock,
            metrics=HttpMetrics(registry or CollectorRegistry()),
            audit=audit,
            error_page=pages.error if pages else None,
        )
        self._app = web.Application(
            middlewares=[self._gate.middleware], client_max_size=BODY_LIMIT, logger=log
        )
        self._app.on_response_prepare.append(SecurityHeaders(settings).on_prepare)
        everything = [*routes, *openapi.routes(routes, version=VERSION)]
        if pages is not None:
            everything.extend(pages.assets.routes())
            pages.know_paths({route.path for route in everything})
        self.routes: Sequence[Route] = tuple(everything)
        for route in everything:
            guarded = self._gate.guard(route)
            for method in _methods(route):
                self._app.router.add_route(method, route.path, guarded)
        for path in {route.path for route in everything if "{" not in route.path}:
            self._app.router.add_route("*", path, _not_by_this_method(everything, path))
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None

    @property
    def listening(self) -> bool:
        """Whether somebody could reach us."""
        return self._listener is not None and bool(self._listener.sockets)

    @property
    def port(self) -> int:
        """The port we listen on; only between `start` and `stop`."""
        assert self._listener is not None
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    def end_streams(self, *, user_id: str = "", session_id: str = "") -> None:
        """End at once the streams of a user or of a session that has lost its right."""
        self._gate.end_streams(user_id=user_id, session_id=session_id)

    async def start(self) -> None:
        """Listen. Raises SetupError when the address is taken or not ours."""
        self._runner = web.AppRunner(self._app, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(
                lambda: _Protocol(server, loop=loop, access_log=None),  # type: ignore[arg-type]
                self._settings.host,
                self._settings.port,
                backlog=1024,
            )
        except OSError as error:
            await self._runner.cleanup()
            self._runner = None
            where = f"{self._settings.host}:{self._settings.port}"
            raise SetupError(f"Cannot listen on {where}: {error.strerror or error}.") from error

    async def stop(self) -> None:
        """Take no more requests, end the open ones; safe twice."""
        listener, self._listener = self._listener, None
        runner, self._runner = self._runner, None
        if listener is not None:
            listener.close()
        self._gate.close_streams()
        if runner is not None:
            await runner.cleanup()


def _methods(route: Route) -> Sequence[str]:
    headed = route.method == "GET" and (route.page or route.media_type == "*/*")
    return ("GET", "HEAD") if headed else (route.method,)


def _not_by_this_method(routes: Sequence[Route], path: str) -> Handler:
    """Refuses on this path every method that it was not given.

    Else a pattern that fits the path too (`/api/knowledge/{id}` fits `/api/knowledge/search`)
    would take them, against what the document says.
    """
    allowed = {method for route in routes if route.path == path for method in _methods(route)}

    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, allowed)

    return refuse


class _Protocol(web.RequestHandler):
    """aiohttp's own refusals (a broken request line) in the same shape as ours."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("The answer has begun; there is no room for an error.")
        if status >= 500:
            log.error("a request broke the server", exc_info=exc)
            problem = Problem(500, "Something went wrong here; it has been recorded.")
        else:
            problem = Problem(status, "This is not a well-formed HTTP request.")
        response = problem.response()
        response.force_close()
        return response
