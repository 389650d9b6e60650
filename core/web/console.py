"""The console's own pages: the way in, users, one's account, and the live stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from core.accounts.audit import NOBODY_KNOWN, Audit, Wanted
from core.accounts.audit_files import as_csv, as_json
from core.accounts.rules import Action, Role
from core.accounts.service import AccountsService
from core.ports import Bus
from core.web.pages import Pages
from core.web.routing import (
    Access,
    Fields,
    Route,
    address_of,
    current_user,
    query_of,
    session_of,
)
from core.web.settings import WebSettings
from core.web.stream import ConsoleStream

AUDIT_PAGE = 100


_DATE = r"^(\d{4}(-\d{2}(-\d{2})?)?)?$"


class AuditFilter(Fields):
    """Which entries are meant."""

    who: str = Field(default="", max_length=200)
    what: str = Field(default="", max_length=60)
    subject: str = Field(default="", max_length=200)
    since: str = Field(default="", pattern=_DATE)
    until: str = Field(default="", pattern=_DATE)

    def wanted(self) -> Wanted:
        """In the audit's words."""
        return Wanted(
            who=self.who.strip(),
            what=self.what.strip(),
            subject=self.subject.strip(),
            since=self.since,
            until=self.until,
        )


class AuditQuery(AuditFilter):
    """Which entries to show."""

    before: int | None = Field(default=None, ge=1, le=2**53)


class AuditExport(AuditFilter):
    """Which entries to give out, and how."""

    format: Literal["csv", "json"] = "csv"


class ConsoleRoutes:
    """`/console` and what belongs to no slice."""

    def __init__(
        self,
        settings: WebSettings,
        *,
        accounts: AccountsService,
        audit: Audit,
        pages: Pages,
        bus: Bus,
    ) -> None:
        self._accounts = accounts
        self._audit = audit
        self._pages = pages
        self._stream = ConsoleStream(bus=bus, heartbeat_seconds=settings.heartbeat_seconds)

    def routes(self) -> Sequence[Route]:
        """The shell's pages."""
        home = Route(
            method="GET",
            path="/console",
            handler=self.home,
            access=Access.STAFF,
            action=Action.ACCOUNT_OWN,
            summary="The console",
            page=True,
        )
        return (
            home,
            replace(home, path="/console/"),
            Route(
                method="GET",
                path="/console/users",
                handler=self.users,
                access=Access.SUPERVISOR,
                action=Action.USERS_READ,
                summary="Users",
                page=True,
            ),
            Route(
                method="GET",
                path="/console/account",
                handler=self.account,
                access=Access.STAFF,
                action=Action.ACCOUNT_OWN,
                summary="My account",
                page=True,
            ),
            Route(
                method="GET",
                path="/console/audit",
                handler=self.audit,
                access=Access.ADMIN,
                action=Action.AUDIT_READ,
                summary="Audit",
                query=AuditQuery,
                page=True,
            ),
            Route(
                method="GET",
                path="/console/audit/export",
                handler=self.export_audit,
                access=Access.ADMIN,
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
                access=Access.STAFF,
                action=Action.QUEUE_READ,
                summary="What changes, for the console's pages",
                stream=True,
                hidden=True,
            ),
        )

    async def home(self, request: web.Request) -> web.StreamResponse:
        """GET /console."""
        current_user(request)
        return web.Response(status=303, headers={"Location": "/console/approvals"})

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
        return self._pages.render(request, "users.html", {"rows": rows, "roles": roles})

    async def account(self, request: web.Request) -> web.StreamResponse:
        """GET /console/account."""
        user = current_user(request)
        session = session_of(request)
        values = {
            "tokens": await self._accounts.tokens(user),
            "sessions": await self._accounts.sessions(user, user.email),
            "session_id": session.id if session else "",
        }
        return self._pages.render(request, "account.html", values)

    async def audit(self, request: web.Request) -> web.StreamResponse:
        """GET /console/audit."""
        query = query_of(request, AuditQuery)
        entries = await self._audit.page(
            before=query.before, limit=AUDIT_PAGE, wanted=query.wanted()
        )
        chosen: dict[str, str] = query.model_dump(exclude={"before"})
        asked = urlencode({name: value for name, value in chosen.items() if value})
        return self._pages.render(
            request,
            "audit.html",
            {
                "entries": entries,
                "nobody_known": NOBODY_KNOWN,
                "deeds": self._pages.section("audit.deeds", request),
                "older": entries[-1].n if len(entries) == AUDIT_PAGE else None,
                "chosen": chosen,
                "asked": asked,
            },
        )

    async def export_audit(self, request: web.Request) -> web.StreamResponse:
        """GET /console/audit/export."""
        query, user = query_of(request, AuditExport), current_user(request)
        entries = [e async for e in self._audit.entries(wanted=query.wanted())]
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
