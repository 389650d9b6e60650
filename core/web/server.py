"""The web server: one aiohttp application made of the slices' routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from aiohttp import web
from prometheus_client import CollectorRegistry

from core.accounts.audit.log import Audit
from core.clock import Clock
from core.errors import SetupError
from core.runtime.host.file_descriptors import descriptors
from core.runtime.version import VERSION
from core.web import openapi
from core.web.gate import Gate
from core.web.http.prometheus import ConnectionMetrics, HttpMetrics
from core.web.http.routing import BODY_LIMIT, Handler, Route
from core.web.http.security import SecurityHeaders
from core.web.http.settings import WebSettings
from core.web.identity.authentication import StaffAuthenticator
from core.web.identity.cookies import Cookies
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.limits.connections import Connections
from core.web.limits.slow_clients import Connection, prepare
from core.web.pages import Pages

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
        staff: StaffAuthenticator,
        clock: Clock,
        registry: CollectorRegistry | None = None,
        pages: Pages | None = None,
        audit: Audit | None = None,
    ) -> None:
        self._settings = settings
        registry = registry or CollectorRegistry()
        limits = settings.limits.within(descriptors().room(most=settings.limits.connections))
        self._connections = Connections(
            room=limits.connections,
            per_network=limits.connections_per_address,
            proxies=settings.trusted_proxies,
            metrics=ConnectionMetrics(registry),
        )
        self._gate = Gate(
            settings,
            limits=limits,
            visitors=visitors,
            staff=staff,
            clock=clock,
            metrics=HttpMetrics(registry),
            audit=audit,
            error_page=pages.error if pages else None,
        )
        self._app = web.Application(
            middlewares=[self._gate.middleware], client_max_size=BODY_LIMIT, logger=log
        )
        self._app.on_response_prepare.append(SecurityHeaders(settings).on_prepare)
        self._app.on_response_prepare.append(settings.base.on_prepare)
        everything = [
            *routes,
            *openapi.routes(
                routes,
                version=VERSION,
                cookies=Cookies(secure=settings.is_https, base=settings.base),
                base=settings.base.text,
            ),
        ]
        if pages is not None:
            everything.extend(pages.assets.routes())
            pages.know_routes(everything)
        self.routes: Sequence[Route] = tuple(everything)
        settings.base.refuse_our_own(route.path for route in everything)
        for route in everything:
            guarded = self._gate.guard(route)
            for method in _methods(route):
                self._app.router.add_route(method, route.path, guarded)
        wide = [p.partition("{")[0] for p in (route.path for route in everything) if ":.+}" in p]
        for path in {route.path for route in everything if _says_it_all(route.path, wide)}:
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

    @property
    def connections(self) -> Connections:
        """The connections that are open now."""
        return self._connections

    @property
    def unbelieved_proxy(self) -> str:
        """Who passes visitors on to us without being a TRUSTED_PROXY; "" when nobody does."""
        return self._gate.unbelieved_proxy

    def end_streams(self, *, user_id: str = "", session_id: str = "") -> None:
        """End at once the streams of a user or of a session that has lost its right."""
        self._gate.end_streams(user_id=user_id, session_id=session_id)

    async def start(self) -> None:
        """Listen. Raises SetupError when the address is taken or not ours."""
        self._runner = web.AppRunner(self._app, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        server.request_factory = self._settings.base.strips(server.request_factory)
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(
                lambda: Connection(
                    server,
                    loop=loop,
                    connections=self._connections,
                    deadlines=self._settings.deadlines,
                ),
                self._settings.host,
                self._settings.port,
                backlog=1024,
            )
        except OSError as error:
            await self._runner.cleanup()
            self._runner = None
            where = f"{self._settings.host}:{self._settings.port}"
            raise SetupError(f"Cannot listen on {where}: {error.strerror or error}.") from error
        prepare(self._listener.sockets)

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


def _says_it_all(path: str, wide: Sequence[str]) -> bool:
    """Whether no pattern that fits it too may take it: it has none itself, or lies in a wide one.

    `wide` are what patterns for paths of any length begin with, as `/webhooks/`.
    """
    return "{" not in path or (":.+}" not in path and path.startswith(tuple(wide)))


def _not_by_this_method(routes: Sequence[Route], path: str) -> Handler:
    """Refuses on this path every method that it was not given.

    Else a pattern that fits the path too (`/api/knowledge/{id}` fits `/api/knowledge/search`)
    would take them, against what the document says.
    """
    allowed = {method for route in routes if route.path == path for method in _methods(route)}

    async def refuse(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, allowed)

    return refuse
