"""The console's frame: home, users, account, audit, and the live stream."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from core.accounts.audit.changes import changes, is_moment
from core.accounts.audit.export import as_csv, as_json
from core.accounts.audit.log import NOBODY_KNOWN, Audit, Wanted
from core.accounts.browsers import browser_name
from core.accounts.roles import Action, Role, User
from core.accounts.service import AccountsService
from core.console.stream import ConsoleStream
from core.engine.ports import Bus
from core.web.http.routing import (
    Fields,
    Route,
    address_of,
    current_user,
    page_route,
    query_of,
    session_of,
)
from core.web.http.settings import WebSettings
from core.web.pages import Pages

AUDIT_PAGE = 100

Home = Callable[[User], Awaitable[str]]
"""The page with which the console begins for somebody."""

_DATE = r"^(\d{4}(-\d{2}(-\d{2})?)?)?$"


class AuditFilter(Fields):
    """A filter over audit entries."""

    who: str = Field(default="", max_length=200)
    what: str = Field(default="", max_length=60)
    subject: str = Field(default="", max_length=200)
    since: str = Field(default="", pattern=_DATE)
    until: str = Field(default="", pattern=_DATE)

    def wanted(self, deeds: Mapping[str, str]) -> Wanted:
        """In the audit's words; `deeds` are those of the reader, by the names of entries."""
        what = self.what.strip()
        meant = {n for n, words in deeds.items() if what and what.casefold() in words.casefold()}
        return Wanted(
            who=self.who.strip(),
            what=what,
            deeds=frozenset(meant),
            subject=self.subject.strip(),
            since=self.since,
            until=self.until,
        )


class AuditQuery(AuditFilter):
    """A filter and page of audit entries."""

    before: int | None = Field(default=None, ge=1, le=2**53)


class AuditExport(AuditFilter):
    """A filter and format of an export."""

    format: Literal["csv", "json"] = "csv"


class ConsoleRoutes:
    """The handlers behind `/console`, and those pages that belong to no other slice."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        accounts: AccountsService,
        audit: Audit,
        pages: Pages,
        bus: Bus,
        home: Home,
        mails: Callable[[], bool] = lambda: False,
    ) -> None:
        """`mails` says whether invitations can be sent by mail."""
        self._home = home
        self._mails = mails
        self._accounts = accounts
        self._audit = audit
        self._pages = pages
        self._stream = ConsoleStream(bus=bus, heartbeat_seconds=settings.heartbeat_seconds)

    def routes(self) -> Sequence[Route]:
        """The shell's pages."""
        home = page_route("/console", self.home, "The console", action=Action.ACCOUNT_OWN)
        return (
            home,
            replace(home, path="/console/"),
            page_route("/console/users", self.users, "Users", action=Action.USERS_READ).in_menu(
                "console.users.title", 92
            ),
            page_route("/console/account", self.account, "My account", action=Action.ACCOUNT_OWN),
            page_route(
                "/console/audit", self.audit, "Audit", action=Action.AUDIT_READ, query=AuditQuery
            ).in_menu("console.nav.audit", 140),
            Route(
                method="GET",
                path="/console/audit/export",
                dear=True,
                handler=self.export_audit,
                action=Action.AUDIT_READ,
                summary="The audit as a file",
                query=AuditExport,
                media_type="*/*",
                hidden=True,
            ),
            Route(
                method="GET",
                path="/console/events",
                handler=self.events,
                action=Action.QUEUE_READ,
                summary="What changes, for the console's pages",
                stream=True,
                hidden=True,
            ),
        )

    async def home(self, request: web.Request) -> web.StreamResponse:
        """GET /console."""
        place = await self._home(current_user(request))
        return web.Response(status=303, headers={"Location": place})

    async def users(self, request: web.Request) -> web.StreamResponse:
        """GET /console/users."""
        actor = current_user(request)
        accounts = await self._accounts.accounts(actor)
        rows = [
            {
                "account": account,
                "may_change": actor.role.includes(account.user.role),
                "sessions": len(await self._accounts.sessions(actor, account.user.email)),
            }
            for account in accounts
        ]
        roles = [role for role in Role if actor.role.includes(role)]
        return self._pages.render(
            request, "users.html", {"rows": rows, "roles": roles, "mails": self._mails()}
        )

    async def account(self, request: web.Request) -> web.StreamResponse:
        """GET /console/account."""
        user = current_user(request)
        session = session_of(request)
        account = await self._accounts.account_of(user)
        sessions = [
            {
                "session": one,
                "browser": browser_name(one.browser),
                "through": await self._accounts.names(one.origin),
            }
            for one in await self._accounts.sessions(user, user.email)
        ]
        values = {
            "tokens": await self._accounts.tokens(user),
            "sessions": sessions,
            "session_id": session.id if session else "",
            "has_password": bool(account.password),
            "fresh": session is not None and self._accounts.passwords.is_fresh(session),
        }
        return self._pages.render(request, "account.html", values)

    async def audit(self, request: web.Request) -> web.StreamResponse:
        """GET /console/audit."""
        query, deeds = query_of(request, AuditQuery), self._pages.section("audit.deeds", request)
        entries = await self._audit.page(
            before=query.before, limit=AUDIT_PAGE, wanted=query.wanted(deeds)
        )
        chosen: dict[str, str] = query.model_dump(exclude={"before"})
        asked = urlencode({name: value for name, value in chosen.items() if value})
        return self._pages.render(
            request,
            "audit.html",
            {
                "entries": [(entry, changes(entry)) for entry in entries],
                "nobody_known": NOBODY_KNOWN,
                "deeds": deeds,
                "fields": self._pages.section("audit.fields", request),
                "roles": self._pages.section("console.roles", request),
                "is_moment": is_moment,
                "older": entries[-1].n if len(entries) == AUDIT_PAGE else None,
                "chosen": chosen,
                "asked": asked,
            },
        )

    async def export_audit(self, request: web.Request) -> web.StreamResponse:
        """GET /console/audit/export."""
        query, user = query_of(request, AuditExport), current_user(request)
        wanted = query.wanted(self._pages.section("audit.deeds", request))
        entries = [e async for e in self._audit.entries(wanted=wanted)]
        await self._audit.record(
            "audit.export", who=user.email, address=address_of(request),
            after={"entries": len(entries), "format": query.format},
        )  # fmt: skip
        text = as_csv(entries) if query.format == "csv" else as_json(entries)
        kind = "text/csv" if query.format == "csv" else "application/json"
        return web.Response(
            text=text,
            content_type=kind,
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="audit.{query.format}"'},
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET /console/events."""
        return await self._stream.serve(request)
