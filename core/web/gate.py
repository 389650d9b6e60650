"""The one chain every request goes through: limits, origin, who it is, what it says."""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import logging
import math
import re
import time
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ValidationError

from core.accounts.audit import Audit
from core.accounts.rules import Role, User
from core.accounts.sessions import SignedIn
from core.clock import Clock
from core.errors import StoreUnavailable
from core.limits import RateLimit, network_of
from core.web.metrics import HttpMetrics
from core.web.problems import Problem, from_exception, from_validation
from core.web.routing import BODY_LIMIT, CALL, Access, Call, Handler, Route
from core.web.security import Origins
from core.web.settings import WebSettings
from core.web.visitors import COOKIE as VISITOR_COOKIE
from core.web.visitors import VisitorTokens

log = logging.getLogger(__name__)

SESSION_COOKIE = "session"
SIGNED_OUT = "signed out"  #: why a stream is cancelled
SAFE_METHODS = frozenset({"GET", "HEAD"})
ROLES: Mapping[Access, Role] = {
    Access.STAFF: Role.AGENT,
    Access.SUPERVISOR: Role.SUPERVISOR,
    Access.ADMIN: Role.ADMIN,
}
_CONVERSATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class StaffDoor(Protocol):
    """Whoever knows the staff's tokens and sessions."""

    async def by_token(self, token: str) -> User | None:
        """Whose API token this is; None for an unknown, expired or withdrawn one."""
        ...

    async def by_session(self, cookie: str, *, is_activity: bool) -> SignedIn | None:
        """The session behind the cookie; activity renews its hour."""
        ...

    def is_csrf_token(self, session: SignedIn, token: str) -> bool:
        """Whether the write carries the session's own token."""
        ...


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
        self._visitors = visitors
        self._staff = staff
        self._error_page = error_page
        self._origins = Origins(settings)
        self._proxies = tuple(
            ipaddress.ip_network(proxy, strict=False) for proxy in settings.trusted_proxies
        )
        self._addresses = RateLimit(
            rate=settings.address_rate, burst=settings.address_burst, clock=clock
        )
        self._conversations = RateLimit(
            rate=settings.conversation_rate, burst=settings.conversation_burst, clock=clock
        )

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The outermost ring: counts the address, turns every error into an answer."""
        began = time.perf_counter()
        try:
            address = self._address(request)
            request[CALL] = Call(address=address)
            wait = self._addresses.take(network_of(address))
            if wait:
                raise _too_many(wait)
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
                redirect = await self._identify(request, route)
                if redirect is not None:
                    return redirect
            if route.stream and call.user is not None:
                call.recheck = functools.partial(self._staff_member, request, route)
            if route.query is not None:
                call.query = _validated(route.query, dict(request.query))
            if route.max_body != BODY_LIMIT and route.method not in SAFE_METHODS:
                request = _with_limit(request, route.max_body)
            if validator is not None:
                await self._read_body(request, route, validator)
            await self._check_csrf(request, route)
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

    async def _identify(self, request: web.Request, route: Route) -> web.StreamResponse | None:
        if route.access in (Access.VISITOR, Access.PARTICIPANT):
            await self._identify_participant(request, route)
            return None
        user = await self._staff_member(request, route)
        if user is None:
            if route.page and request.method in SAFE_METHODS:
                target = "/login?next=" + quote(request.path_qs, safe="")
                return web.Response(status=303, headers={"Location": target})
            raise Problem(
                401, "Sign in, or send an API token.", headers={"WWW-Authenticate": "Bearer"}
            )
        request[CALL].user = user
        needed = ROLES[route.access]
        if not user.role.includes(needed):
            raise Problem(403, f"This needs the role {needed}; yours is {user.role}.")
        if route.action is not None:
            user.require(route.action)
        return None

    async def _identify_participant(self, request: web.Request, route: Route) -> None:
        conversation_id = request.match_info["id"]
        if not _CONVERSATION_ID.fullmatch(conversation_id):
            raise Problem(404, "There is no such conversation, or it is not yours.")
        bearer = _bearer(request)
        token = request.cookies.get(VISITOR_COOKIE, "") if bearer is None else bearer
        opened = self._visitors.opens(token) if token else ""
        if opened == conversation_id:
            if request.method not in SAFE_METHODS:
                wait = self._conversations.take(conversation_id)
                if wait:
                    raise _too_many(wait)
            return
        user = await self._staff_member(request, route)
        if user is None or route.access is Access.VISITOR:
            if not opened and user is None:
                raise Problem(
                    401,
                    "Send the conversation's token.",
                    headers={"WWW-Authenticate": "Bearer"},
                )
            raise Problem(404, "There is no such conversation, or it is not yours.")
        request[CALL].user = user

    async def _staff_member(self, request: web.Request, route: Route) -> User | None:
        bearer = _bearer(request)
        if bearer is not None:
            return await self._staff.by_token(bearer)
        cookie = request.cookies.get(SESSION_COOKIE, "")
        if not cookie:
            return None
        is_activity = not route.passive and (route.page or request.method not in SAFE_METHODS)
        session = await self._staff.by_session(cookie, is_activity=is_activity)
        if session is None:
            return None
        request[CALL].session = session
        return session.user

    async def _read_body(self, request: web.Request, route: Route, model: type[BaseModel]) -> None:
        length = request.content_length
        if length is not None and length > route.max_body:
            raise Problem(413, f"At most {route.max_body} bytes are taken here.")
        if route.form:
            if request.content_type not in (
                "application/x-www-form-urlencoded",
                "multipart/form-data",
            ):
                raise Problem(415, "This takes a form.")
            form = await _form(request)
            request[CALL].csrf = form.pop("csrf", "")
            request[CALL].body = _validated(model, form)
            return
        raw = await request.read()
        if request.content_type != "application/json" and (
            raw or "Content-Type" in request.headers
        ):
            raise Problem(415, "This takes application/json.")
        try:
            request[CALL].body = model.__pydantic_validator__.validate_json(raw or b"{}")
        except ValidationError as error:
            if error.errors(include_input=False, include_url=False)[0]["type"] == "json_invalid":
                raise Problem(400, "This is not JSON in UTF-8.") from None
            raise from_validation(error) from None

    async def _check_csrf(self, request: web.Request, route: Route) -> None:
        # Only a cookie is sent by the browser without being asked; a Bearer token never is.
        session = request[CALL].session
        if session is None or request.method in SAFE_METHODS:
            return
        token = request.headers.get("X-CSRF-Token") or request[CALL].csrf
        if not token and route.form and route.body is None:
            token = (await _form(request)).get("csrf", "")
        if not self._staff.is_csrf_token(session, token):
            raise Problem(403, "The page is too old for this; load it again.")

    def _address(self, request: web.Request) -> str:
        remote = request.remote or ""
        if not self._proxies or not self._is_proxy(remote):
            return remote
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        for hop in reversed(hops):
            if hop and not self._is_proxy(hop):
                return hop[:64]
        return remote

    def _is_proxy(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._proxies)

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


async def still_allowed(request: web.Request) -> bool:
    """Whether whoever opened this stream may still have it; asked at every heartbeat."""
    call = request[CALL]
    return call.recheck is None or await call.recheck() == call.user


def _validated(model: type[BaseModel], values: Mapping[str, object]) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise from_validation(error) from None


async def _form(request: web.Request) -> dict[str, str]:
    try:
        fields = await request.post()
    except (ValueError, LookupError):
        raise Problem(400, "This form cannot be read.") from None
    found: dict[str, list[str]] = {}
    for name, value in fields.items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    # Several ticks of one name come as one text.
    return {name: ",".join(values) for name, values in found.items()}


def _with_limit(request: web.Request, limit: int) -> web.Request:
    cloned = request.clone(client_max_size=limit)
    cloned[CALL] = request[CALL]
    return cloned


def _bearer(request: web.Request) -> str | None:
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _prefers_html(request: web.Request) -> bool:
    accept = request.headers.get("Accept", "")
    return not request.path.startswith("/api/") and "text/html" in accept


def _too_many(wait: float) -> Problem:
    seconds = max(1, math.ceil(wait))
    return Problem(
        429, f"Too many requests; try again in {seconds} s.", headers={"Retry-After": str(seconds)}
    )
