"""Authenticates requests: visitors by conversation token, staff by API token or session."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

from aiohttp import web

from core.accounts.roles import Role, User
from core.accounts.sessions import SignedIn
from core.runtime.token_bucket import RateLimit
from core.web.http.problems import Problem, TooMuch
from core.web.http.requests import read_form
from core.web.http.routing import BY_ROLE, CALL, Access, Route
from core.web.identity.cookies import SESSION, VISITOR, Cookies
from core.web.identity.visitor_tokens import VisitorTokens

SAFE_METHODS = frozenset({"GET", "HEAD"})
ROLES: Mapping[Access, Role] = {access: role for role, access in BY_ROLE.items()}
_CONVERSATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class StaffAuthenticator(Protocol):
    """The port to staff's tokens and sessions."""

    async def by_token(self, token: str) -> User | None:
        """Whose API token this is; None for an unknown, expired or withdrawn one."""
        ...

    async def by_session(self, cookie: str, *, is_activity: bool) -> SignedIn | None:
        """The session behind the cookie; activity renews its hour."""
        ...

    def is_csrf_token(self, session: SignedIn, token: str) -> bool:
        """Whether the write carries the session's own token."""
        ...


class Authentication:
    """Identifies callers and refuses who may not; limits a visitor's writes."""

    def __init__(
        self,
        *,
        cookies: Cookies,
        visitors: VisitorTokens,
        staff: StaffAuthenticator,
        conversations: RateLimit,
    ) -> None:
        self._cookies = cookies
        self._visitors = visitors
        self._staff = staff
        self._conversations = conversations

    async def identify(self, request: web.Request, route: Route) -> web.StreamResponse | None:
        """Note on the call who it is; a page without a session gets the way to sign in instead.

        Raises Problem 401 for nobody known, 403 for too small a role, 404 for a conversation that
        is not the caller's, and 429 for too many writes.
        """
        if route.access in (Access.VISITOR, Access.PARTICIPANT):
            await self._identify_participant(request, route)
            return None
        user = await self.staff_member(request, route)
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
        token = self._cookies.read(request, VISITOR) if bearer is None else bearer
        opened = self._visitors.opens(token) if token else ""
        if opened == conversation_id:
            if request.method not in SAFE_METHODS:
                wait = self._conversations.take(conversation_id)
                if wait:
                    raise TooMuch(
                        "Too many messages", limit="messages", scope="conversation", wait=wait
                    )
            return
        user = await self.staff_member(request, route)
        if user is None or route.access is Access.VISITOR:
            if not opened and user is None:
                raise Problem(
                    401,
                    "Send the conversation's token.",
                    headers={"WWW-Authenticate": "Bearer"},
                )
            raise Problem(404, "There is no such conversation, or it is not yours.")
        request[CALL].user = user

    async def staff_member(self, request: web.Request, route: Route) -> User | None:
        """The colleague whose API token or session this is; None for anybody else."""
        bearer = _bearer(request)
        if bearer is not None:
            return await self._staff.by_token(bearer)
        cookie = self._cookies.read(request, SESSION)
        if not cookie:
            return None
        is_activity = not route.passive and (route.page or request.method not in SAFE_METHODS)
        session = await self._staff.by_session(cookie, is_activity=is_activity)
        if session is None:
            return None
        request[CALL].session = session
        return session.user

    async def check_csrf(self, request: web.Request, route: Route) -> None:
        """A browser's write carries its session's own token. Raises Problem 403."""
        # Only a cookie is sent by the browser without being asked; a Bearer token never is.
        session = request[CALL].session
        if session is None or request.method in SAFE_METHODS:
            return
        token = request.headers.get("X-CSRF-Token") or request[CALL].csrf
        if not token and route.form and route.body is None:
            token = (await read_form(request)).get("csrf", "")
        if not self._staff.is_csrf_token(session, token):
            raise Problem(403, "The page is too old for this; load it again.")


async def still_allowed(request: web.Request) -> bool:
    """Whether whoever opened this stream may still have it; asked at every heartbeat."""
    call = request[CALL]
    return call.recheck is None or await call.recheck() == call.user


def _bearer(request: web.Request) -> str | None:
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
