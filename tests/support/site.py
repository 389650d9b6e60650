"""A real web server on the whole core, with staff who hold tokens and browsers that do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry

from channels.web.api import ConversationRoutes
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR, AccountsService
from core.accounts.sessions import StaffAccess
from core.accounts.sign_in import SignIn
from core.clock import Clock, SystemClock
from core.console.health import HealthRoutes
from core.console.me import MeRoutes
from core.console.operators import OperatorAccess
from core.console.pages import ConsoleRoutes
from core.console.sign_in import SignInRoutes
from core.console.tokens import TokenRoutes
from core.console.users import UserRoutes
from core.storage.client import Database
from core.web.http.assets import Assets
from core.web.http.routing import Route
from core.web.http.settings import WebSettings
from core.web.identity.cookies import SESSION, Cookies
from core.web.identity.visitor_identity import VisitorIdentity
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.limits.admission import Admission
from core.web.pages import STATIC, Pages
from core.web.server import WebServer
from tests.support.world import World, build, running

SECRET = "s" * 32


async def queue(user: User) -> str:
    """Everybody begins at the queue here."""
    del user
    return "/console/approvals"


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
        name = Cookies(secure=self.settings.is_https, base=self.settings.base).name(SESSION)
        origin = self.settings.public_url or self.url
        return {name: cookie}, {"X-CSRF-Token": session.csrf, "Origin": origin}

    async def by_link(self, link: str) -> tuple[int, str, dict[str, str]]:
        """Press the button of a link's page; the status, where it leads, and the cookies."""
        headers = {"Origin": self.settings.public_url or self.url}
        async with self.http.post(
            f"/login/link/{link}", headers=headers, allow_redirects=False
        ) as answer:
            given = {name: morsel.value for name, morsel in answer.cookies.items()}
            return answer.status, answer.headers.get("Location", ""), given


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
    accounts, audit, words = world.core.accounts, world.core.audit, world.core.words
    access = StaffAccess(
        world.core.account_store,
        secret_key=settings.secret_key,
        idle_seconds=settings.session_idle_seconds,
        longest_seconds=settings.session_longest_seconds,
        clock=clock,
    )
    sign_in = SignIn(
        world.core.account_store,
        access=access,
        audit=audit,
        passwords=world.core.passwords,
        attempts=world.core.attempts,
        clock=clock,
    )
    pages = Pages(settings, words=words, assets=Assets({"core": STATIC}, base=settings.base))
    visitors = VisitorTokens(secret_key=settings.secret_key)
    registry = CollectorRegistry()

    def base_url() -> str:
        return settings.public_url or f"http://127.0.0.1:{server.port}"

    async def store_answers() -> None:
        await db.command("ping")

    routes = [
        *ConversationRoutes(
            settings,
            conversations=world.conversations,
            receive=world.inbox.receive,
            bus=world.bus,
            visitors=visitors,
            identity=VisitorIdentity(secret_key=SECRET),
            admission=Admission(settings.limits, under_way=world.worker.under_way, clock=clock),
            is_on=lambda: True,
            clock=clock,
        ).routes(),
        *UserRoutes(accounts, base_url=base_url, clock=clock).routes(),
        *MeRoutes(accounts, clock=clock).routes(),
        *TokenRoutes(accounts.api_tokens, pages=pages).routes(),
        *SignInRoutes(settings, sign_in=sign_in, pages=pages, words=words).routes(),
        *ConsoleRoutes(
            settings,
            accounts=accounts,
            audit=audit,
            pages=pages,
            bus=world.bus,
            home=queue,
        ).routes(),
        *more,
        *HealthRoutes(
            checks={"store": store_answers}, registry=registry, operators=OperatorAccess(settings)
        ).routes(),
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
