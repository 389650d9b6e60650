"""The console as staff meets it, with the customers' chat beside it, on one port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

from playwright.async_api import Browser, Page
from prometheus_client import CollectorRegistry

from approvals.console.api import ApprovalRoutes
from approvals.console.inbox_assignment import AssignmentRoutes
from approvals.console.inbox_pages import InboxPages
from approvals.console.inbox_views import InboxViewRoutes
from approvals.console.pages import DeskPages
from channels.web.api import ConversationRoutes
from channels.web.pages import STATIC as CHAT_STATIC
from channels.web.pages import ChatPages
from core.accounts.roles import User
from core.accounts.sessions import SignedIn
from core.console.deliveries import DeliveryRoutes
from core.console.stream import ConsoleStream
from core.i18n import Words
from core.storage.client import Database
from core.web.http.assets import Assets
from core.web.http.routing import Access, Route
from core.web.http.settings import WebSettings
from core.web.identity.visitor_identity import VisitorIdentity
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.limits.admission import Admission
from core.web.pages import STATIC, Pages
from core.web.server import WebServer
from tests.approvals.office import JOON, MINA, SARA, Office, build_office
from tests.support.world import LOCALES, World, running

SECRET = "a secret for tests only, nothing depends on it"
ROOT = LOCALES.parents[1]
More = Callable[[Office, Pages, Words], Sequence[Route]]
PEOPLE = {"mina": MINA, "joon": JOON, "sara": SARA}


class FirstNames:
    """Lets people in who carry their first name in the session cookie."""

    async def by_token(self, token: str) -> User | None:
        return PEOPLE.get(token)

    async def by_session(self, cookie: str, *, is_activity: bool) -> SignedIn | None:
        del is_activity
        user = PEOPLE.get(cookie)
        return SignedIn(id=cookie, user=user, csrf=f"csrf-{cookie}") if user else None

    def is_csrf_token(self, session: SignedIn, token: str) -> bool:
        return token == session.csrf


async def colleagues() -> list[User]:
    """All staff."""
    return list(PEOPLE.values())


async def no_demonstration() -> bool:
    """The company has added something."""
    return False


class ConsoleSite:
    """One deployment on one port; stopped and started again, it keeps its data."""

    def __init__(
        self,
        db: Database,
        *,
        seconds: float = 600,
        undo_seconds: float = 0.0,
        console_undo: float = 0.0,
        threshold: float = 1.0,
        more: More | None = None,
    ) -> None:
        self._db = db
        self._more = more
        self._port = 0
        self._seconds = seconds
        self._undo = undo_seconds
        self._console_undo = console_undo
        self._threshold = threshold
        self._stack = AsyncExitStack()
        self.office: Office = build_office(db, seconds=seconds, undo_seconds=undo_seconds)

    @property
    def url(self) -> str:
        """Where people find it."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def world(self) -> World:
        """The core of the running process."""
        return self.office.world

    async def start(self) -> None:
        """Serve, on the same port as before if there was one."""
        self.office = build_office(self._db, seconds=self._seconds, undo_seconds=self._undo)
        world = self.office.world
        await self._stack.enter_async_context(running(world))
        settings = WebSettings(secret_key=SECRET, port=self._port, heartbeat_seconds=1.0)
        visitors = VisitorTokens(secret_key=SECRET)
        words = Words.load(LOCALES)
        assets = Assets(
            {
                "chat": CHAT_STATIC,
                "core": STATIC,
                "approvals": ROOT / "approvals" / "static",
                "trust": ROOT / "approvals" / "autonomy" / "static",
            }
        )
        pages = Pages(
            settings,
            words=words,
            assets=assets,
            templates={
                "approvals": ROOT / "approvals" / "templates",
                "trust": ROOT / "approvals" / "autonomy" / "templates",
            },
        )
        api = ConversationRoutes(
            settings,
            conversations=world.conversations,
            receive=world.inbox.receive,
            bus=world.bus,
            visitors=visitors,
            identity=VisitorIdentity(secret_key=SECRET),
            admission=Admission(
                settings.limits, under_way=world.worker.under_way, clock=world.clock
            ),
            clock=world.clock,
            is_on=lambda: True,
        )
        letters = DeliveryRoutes(
            self.office.deliveries, conversations=world.conversations, pages=pages, words=words
        )
        desk = DeskPages(
            service=self.office.service,
            conversations=world.conversations,
            inbox=self.office.inbox.inbox,
            notifications=self.office.inbox.notifications,
            presence=self.office.inbox.presence,
            pages=pages,
            words=words,
            clock=world.clock,
            colleagues=colleagues,
            undo_seconds=self._console_undo,
            threshold=lambda _: self._threshold,
        )
        events = Route(
            method="GET",
            path="/console/events",
            handler=ConsoleStream(bus=world.bus, heartbeat_seconds=1.0).serve,
            access=Access.STAFF,
            summary="What changes",
            stream=True,
            hidden=True,
        )
        server = WebServer(
            settings,
            (
                *api.routes(),
                *ApprovalRoutes(
                    service=self.office.service, deliveries=self.office.deliveries
                ).routes(),
                *desk.routes(),
                *InboxPages(
                    self.office.inbox.inbox,
                    replies=self.office.replies,
                    views=self.office.inbox.views,
                    presence=self.office.inbox.presence,
                    rules=self.office.inbox.rules,
                    notifications=self.office.inbox.notifications,
                    pages=pages,
                    words=words,
                    colleagues=colleagues,
                ).routes(),
                *self.office.inbox_routes().routes(),
                *InboxViewRoutes(
                    self.office.inbox.views, presence=self.office.inbox.presence
                ).routes(),
                *AssignmentRoutes(
                    self.office.inbox.rules,
                    inbox=self.office.inbox.inbox,
                    presence=self.office.inbox.presence,
                    colleagues=colleagues,
                    pages=pages,
                    words=words,
                    clock=world.clock,
                ).routes(),
                *letters.routes(),
                *(self._more(self.office, pages, words) if self._more else ()),
                *ChatPages(
                    words, assets=assets, demonstrates=no_demonstration, is_on=lambda: True
                ).routes(),
                *assets.routes(),
                events,
            ),
            visitors=visitors,
            staff=FirstNames(),
            clock=world.clock,
            pages=pages,
            registry=CollectorRegistry(),
        )
        await server.start()
        self._stack.push_async_callback(server.stop)
        self._port = server.port

    async def page(
        self, chromium: Browser, *, who: str = "", patience: float = 20_000, **context: Any
    ) -> Page:
        """A blank page in a profile of its own, where `who` (a first name) is signed in.

        What it waits for may take `patience` milliseconds; `context` is of the browser's context.
        """
        profile = await chromium.new_context(**{"locale": "en-US"} | context)
        if who:
            await profile.add_cookies([{"name": "session", "value": who, "url": self.url}])
        page = await profile.new_page()
        page.set_default_timeout(patience)
        return page

    async def stop(self) -> None:
        """Go away, with every connection."""
        await self._stack.aclose()
