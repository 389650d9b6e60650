"""The middleware every request passes: limits, origin, authentication, validation."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from typing import Protocol

from aiohttp import web

from core.accounts.audit.log import Audit
from core.clock import Clock
from core.errors import StoreUnavailable
from core.runtime.token_bucket import RateLimit, network_of
from core.web.http.problems import Problem, TooMuch, from_exception
from core.web.http.prometheus import HttpMetrics
from core.web.http.requests import read_body, validated, with_limit
from core.web.http.routing import BODY_LIMIT, CALL, Access, Call, Handler, Route
from core.web.http.security import Origins
from core.web.http.settings import Limits, WebSettings
from core.web.identity.authentication import SAFE_METHODS, Authentication, StaffAuthenticator
from core.web.identity.client_address import ClientAddress
from core.web.identity.cookies import Cookies
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.limits.reads import Reading
from core.web.limits.slow_clients import Connection
from core.web.limits.streams import OpenStreams

log = logging.getLogger(__name__)


class ErrorPage(Protocol):
    """The port that draws an error for a person instead of a program."""

    def __call__(self, request: web.Request, problem: Problem) -> web.StreamResponse: ...


class Gate:
    """Wraps every handler; what comes through is allowed, authenticated and well-formed."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        limits: Limits | None = None,
        visitors: VisitorTokens,
        staff: StaffAuthenticator,
        clock: Clock,
        metrics: HttpMetrics,
        audit: Audit | None = None,
        error_page: ErrorPage | None = None,
    ) -> None:
        self._metrics = metrics
        self._audit = audit
        self._streams = OpenStreams(limits or settings.limits, metrics=metrics)
        self._reading = Reading(limits or settings.limits, clock=clock)
        self._unlimited: set[Handler] = set()
        self._error_page = error_page
        self._origins = Origins(settings)
        self._client = ClientAddress(settings.trusted_proxies)
        self._said_unbelieved = False
        self._addresses = RateLimit(
            rate=settings.address_rate, burst=settings.address_burst, clock=clock
        )
        conversations = RateLimit(
            rate=settings.conversation_rate, burst=settings.conversation_burst, clock=clock
        )
        self._authentication = Authentication(
            cookies=Cookies(secure=settings.is_https, base=settings.base),
            visitors=visitors,
            staff=staff,
            conversations=conversations,
        )

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The outermost ring: counts the address, turns every error into an answer."""
        began = time.perf_counter()
        try:
            # Until its address is known, a request that is refused has none.
            request[CALL] = Call(address="")
            address = request[CALL].address = self._client.of(request)
            if request.match_info.handler not in self._unlimited:
                self._count(address)
            if isinstance(request.protocol, Connection):
                request.protocol.receives(request.content)
            response = await handler(request)
        except Exception as error:
            if isinstance(error, web.HTTPException) and error.status < 400:
                raise
            if isinstance(error, ConnectionError) and request.transport is None:
                # The client has gone, or was made to: nobody hears the answer.
                error = Problem(400, "The connection ended before the request did.")
            problem = from_exception(error)
            if request.writer.output_size > 0:
                # The answer has begun, so there is no room for another one.
                raise ConnectionResetError(problem.detail) from error
            if problem.status == 403:
                await self._record_refusal(request)
            if isinstance(problem, TooMuch):
                self._metrics.limited(problem.limit, problem.scope)
                self._say_unbelieved(problem)
            response = self._refusal(request, problem)
            if problem.status == 408:
                response.force_close()
        route = request[CALL].route
        # What matches no route is counted as one, or a scanner would fill the labels.
        name = route.path if route is not None else ""
        method = route.method if route is not None else ""
        seconds = None if route is None or route.stream else time.perf_counter() - began
        self._metrics.answered(method, name, response.status, seconds)
        return response

    @property
    def unbelieved_proxy(self) -> str:
        """Who passes visitors on to us without being a TRUSTED_PROXY; "" when nobody does."""
        return self._client.unbelieved

    def close_streams(self) -> None:
        """End every open stream; browsers come back to whoever serves next."""
        self._streams.close_all()

    def end_streams(self, *, user_id: str = "", session_id: str = "") -> None:
        """End at once what this user, whoever came in by their hand, or this session has open."""
        self._streams.end(user_id=user_id, session_id=session_id)

    def guard(self, route: Route) -> Handler:
        """The route's handler with everything before it that the route asks for."""
        checks_origin = route.access is not Access.PROVIDER and (
            route.method not in SAFE_METHODS or route.stream
        )
        handler, validator = route.handler, route.body

        async def guarded(request: web.Request) -> web.StreamResponse:
            call = request[CALL]
            call.route = route
            if checks_origin and not self._origins.allows(request):
                raise Problem(403, "Pages of other sites may not do this.")
            if route.access not in (Access.PUBLIC, Access.PROVIDER, Access.OPERATOR):
                redirect = await self._authentication.identify(request, route)
                if redirect is not None:
                    return redirect
                self._reading.count(call, route)
            if route.stream and call.user is not None:
                call.recheck = functools.partial(self._authentication.staff_member, request, route)
            if route.query is not None:
                call.query = validated(route.query, dict(request.query))
            if route.max_body != BODY_LIMIT and route.method not in SAFE_METHODS:
                request = with_limit(request, route.max_body)
            if validator is not None:
                await read_body(request, route, validator)
            await self._authentication.check_csrf(request, route)
            if route.stream:
                with self._streams.one(call, request.match_info.get("id", "")) as stream:
                    return await _until_lost(request, handler, stream)
            return await handler(request)

        # A vendor proves itself by its signature: whoever floods us from its address, or through
        # a proxy that nobody told us about, must not keep its messages out.
        if route.unlimited or route.access is Access.PROVIDER:
            self._unlimited.add(guarded)
        return guarded

    def _say_unbelieved(self, problem: TooMuch) -> None:
        """Once: whoever comes by a proxy that is not believed shares its address and its limits."""
        if problem.scope == "address" and self._client.unbelieved and not self._said_unbelieved:
            self._said_unbelieved = True
            log.warning(
                "a limit refused an address although visitors are passed on by %s: if that is your"
                " web server, put it into TRUSTED_PROXIES, or all its visitors are one",
                self._client.unbelieved,
            )

    def _count(self, address: str) -> None:
        wait = self._addresses.take(network_of(address))
        if wait:
            raise TooMuch("Too many requests", limit="requests", scope="address", wait=wait)

    async def _record_refusal(self, request: web.Request) -> None:
        """A colleague tried what they may not do; strangers would only fill the audit."""
        call = request[CALL]
        if self._audit is None or call.user is None or call.route is None:
            return
        try:
            await self._audit.record(
                "access.refused",
                who=call.user.email,
                address=call.address,
                subject=f"{request.method} {call.route.path}",
            )
        except StoreUnavailable:
            log.warning("a refused attempt of a colleague could not be recorded")

    def _refusal(self, request: web.Request, problem: Problem) -> web.StreamResponse:
        route = request[CALL].route
        wants_page = route.page if route is not None else _prefers_html(request)
        if self._error_page is not None and wants_page:
            return self._error_page(request, problem)
        return problem.response()


async def _until_lost(
    request: web.Request, handler: Handler, stream: asyncio.Task[object]
) -> web.StreamResponse:
    """The stream, which ends with its connection and not at the next heartbeat."""
    connection = request.protocol
    if not isinstance(connection, Connection):
        return await handler(request)
    connection.lost = stream.cancel
    try:
        return await handler(request)
    finally:
        connection.lost = None


def _prefers_html(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return not request.path.startswith("/api/") and "text/html" in accept
