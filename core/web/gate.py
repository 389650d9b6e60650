"""The one chain every request goes through: limits, origin, who it is, what it says."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from typing import Protocol

from aiohttp import web

from core.accounts.audit import Audit
from core.clock import Clock
from core.errors import StoreUnavailable
from core.limits import RateLimit, network_of
from core.web.authentication import SAFE_METHODS, Authentication, StaffDoor, too_many
from core.web.client_address import ClientAddress
from core.web.metrics import HttpMetrics
from core.web.problems import Problem, from_exception
from core.web.request_body import read_body, validated, with_limit
from core.web.routing import BODY_LIMIT, CALL, Access, Call, Handler, Route
from core.web.security import Origins
from core.web.settings import WebSettings
from core.web.visitors import VisitorTokens

log = logging.getLogger(__name__)

SIGNED_OUT = "signed out"  #: why a stream is cancelled


class ErrorPage(Protocol):
    """Whoever draws an error for a person instead of a program."""

    def __call__(self, request: web.Request, problem: Problem) -> web.StreamResponse: ...


class Gate:
    """Wraps every handler; what comes through is allowed, authenticated and well-formed."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        visitors: VisitorTokens,
        staff: StaffDoor,
        clock: Clock,
        metrics: HttpMetrics,
        audit: Audit | None = None,
        error_page: ErrorPage | None = None,
    ) -> None:
        self._metrics = metrics
        self._audit = audit
        self._streams: dict[asyncio.Task[object], Call] = {}
        self._error_page = error_page
        self._origins = Origins(settings)
        self._client = ClientAddress(settings.trusted_proxies)
        self._addresses = RateLimit(
            rate=settings.address_rate, burst=settings.address_burst, clock=clock
        )
        conversations = RateLimit(
            rate=settings.conversation_rate, burst=settings.conversation_burst, clock=clock
        )
        self._authentication = Authentication(
            visitors=visitors, staff=staff, conversations=conversations
        )

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The outermost ring: counts the address, turns every error into an answer."""
        began = time.perf_counter()
        try:
            address = self._client.of(request)
            request[CALL] = Call(address=address)
            wait = self._addresses.take(network_of(address))
            if wait:
                raise too_many(wait)
            response = await handler(request)
        except Exception as error:
            if isinstance(error, web.HTTPException) and error.status < 400:
                raise
            problem = from_exception(error)
            if request.writer.output_size > 0:
                # The answer has begun, so there is no room for another one.
                raise ConnectionResetError(problem.detail) from error
            if problem.status == 403:
                await self._record_refusal(request)
            response = self._refusal(request, problem)
        route = request[CALL].route
        # What matches no route is counted as one, or a scanner would fill the labels.
        name = route.path if route is not None else ""
        method = route.method if route is not None else ""
        seconds = None if route is None or route.stream else time.perf_counter() - began
        self._metrics.answered(method, name, response.status, seconds)
        return response

    def close_streams(self) -> None:
        """End every open stream; browsers come back to whoever serves next."""
        for task in self._streams:
            task.cancel()

    def end_streams(self, *, user_id: str = "", session_id: str = "") -> None:
        """End at once what this user, or this session, has open."""
        for task, call in self._streams.items():
            if call.user is None:
                continue
            theirs = user_id and call.user.id == user_id
            if theirs or (session_id and call.session and call.session.id == session_id):
                task.cancel(SIGNED_OUT)

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
            if route.access not in (Access.PUBLIC, Access.PROVIDER):
                redirect = await self._authentication.identify(request, route)
                if redirect is not None:
                    return redirect
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
                return await self._stream(request, handler)
            return await handler(request)

        return guarded

    async def _stream(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._streams[task] = request[CALL]
        self._metrics.stream_opened()
        try:
            return await handler(request)
        finally:
            self._streams.pop(task, None)
            self._metrics.stream_closed()

    async def _record_refusal(self, request: web.Request) -> None:
        """A colleague tried what he may not do; strangers would only fill the audit."""
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


def _prefers_html(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return not request.path.startswith("/api/") and "text/html" in accept
