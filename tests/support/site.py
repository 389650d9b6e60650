"""A real web server on the whole core, with staff who hold tokens and browsers that do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry

from core.accounts.audit import Audit
from core.accounts.rules import Role, User
from core.accounts.secrets import Passwords
from core.accounts.service import OPERATOR, AccountsService
from core.accounts.sessions import StaffAccess
from core.accounts.sign_in import SignIn
from core.accounts.store import AccountStore
from core.clock import Clock, SystemClock
from core.storage.client import Database
from core.web.assets import Assets
from core.web.console import ConsoleRoutes
from core.web.conversations import ConversationRoutes
from core.web.health import HealthRoutes
from core.web.me import MeRoutes
from core.web.pages import STATIC, Pages
from core.web.routing import Route
from core.web.server import WebServer
from core.web.settings import WebSettings
from core.web.sign_in import SignInRoutes
from core.web.users import UserRoutes
from core.web.visitors import VisitorTokens
from core.wording import Words
from tests.support.world import LOCALES, World, build, running

SECRET = "s" * 32


@dataclass(kw_only=True)
class Site:
    """One process with its web face; `http` is a client without cookies of its own."""

    world: World
    server: WebServer
    settings: WebSettings
    routes: Sequence[Route]
    accounts: AccountsService
    access: StaffAccess
    sign_in: SignIn
    audit: Audit
    visitors: VisitorTokens
    http: aiohttp.ClientSession
    url: str

    async def call(
        self,
        method: str,
        path: str,
        *,
        token: str = "",
        json: object = None,
        headers: dict[str, str] | None = None,
        data: bytes | dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Status and body (JSON where it is JSON, else text)."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        async with self.http.request(
            method, path, json=json, data=data, headers=sent, allow_redirects=False
        ) as answer:
            if "json" in answer.content_type:
                return answer.status, await answer.json(content_type=None)
            return answer.status, await answer.text()

    async def open(self, text: str = "") -> tuple[str, str]:
        """A new conversation's id and token."""
        body = {"text": text} if text else {}
        status, answer = await self.call("POST", "/api/conversations", json=body)
        assert status == 201, answer
        return answer["id"], answer["token"]

    async def staff(self, email: str, role: Role) -> tuple[User, str]:
        """A colleague and his API token."""
        user = await self.accounts.add(OPERATOR, email, role=role)
        return user, await self.accounts.issue_token(user, actor=OPERATOR)

    async def browser(self, user: User) -> tuple[dict[str, str], dict[str, str]]:
        """Cookies and headers of a signed-in browser whose page was loaded from us."""
        cookie = await self.access.open(user, address="127.0.0.1", browser="test")
        session = await self.access.by_session(cookie, is_activity=False)
        assert session is not None
        return {"session": cookie}, {"X-CSRF-Token": session.csrf, "Origin": self.url}


@asynccontextmanager
async def site(
    db: Database,
    *,
    clock: Clock | None = None,
    settings: WebSettings | None = None,
    more: Sequence[Route] = (),
) -> AsyncIterator[Site]:
    """Serve it on a free port."""
    clock = clock or SystemClock()
    settings = replace(settings or WebSettings(secret_key=SECRET), port=0)
    world = build(db, clock=clock)
    store = AccountStore(db)
    audit = Audit(db, clock=clock)
    passwords = Passwords()
    accounts = AccountsService(store, audit=audit, clock=clock, passwords=passwords)
    access = StaffAccess(
        store,
        secret_key=settings.secret_key,
        idle_seconds=settings.session_idle_seconds,
        clock=clock,
    )
    sign_in = SignIn(store, access=access, audit=audit, passwords=passwords, clock=clock)
    words = Words.load(LOCALES)
    pages = Pages(settings, words=words, assets=Assets({"core": STATIC}))
    visitors = VisitorTokens(secret_key=settings.secret_key)
    registry = CollectorRegistry()

    async def store_answers() -> None:
        await db.command("ping")

    routes = [
        *ConversationRoutes(
            settings,
            conversations=world.conversations,
            inbox=world.inbox,
            bus=world.bus,
            visitors=visitors,
            clock=clock,
        ).routes(),
        *UserRoutes(accounts, public_url="", clock=clock).routes(),
        *MeRoutes(accounts, clock=clock).routes(),
        *SignInRoutes(settings, sign_in=sign_in, pages=pages, words=words).routes(),
        *ConsoleRoutes(
            settings, accounts=accounts, audit=audit, pages=pages, bus=world.bus
        ).routes(),
        *more,
        *HealthRoutes(checks={"store": store_answers}, registry=registry).routes(),
    ]
    server = WebServer(
        settings,
        routes,
        visitors=visitors,
        staff=access,
        clock=clock,
        registry=registry,
        pages=pages,
        audit=audit,
    )
    accounts.on_changed(lambda user: server.end_streams(user_id=user.id))
    access.on_ended(lambda user, session: server.end_streams(user_id=user, session_id=session))
    async with running(world):
        await server.start()
        url = f"http://127.0.0.1:{server.port}"
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(url, cookie_jar=jar) as http:
            yield Site(
                world=world,
                server=server,
                settings=settings,
                routes=routes,
                accounts=accounts,
                access=access,
                sign_in=sign_in,
                audit=audit,
                visitors=visitors,
                http=http,
                url=url,
            )
        await server.stop()
