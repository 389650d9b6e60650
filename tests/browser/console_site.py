"""The console as staff meets it, with the customers' chat beside it, on one port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry

from approvals.console.web import DeskPages
from approvals.web import ApprovalRoutes
from channels.web.pages import STATIC as CHAT_STATIC
from channels.web.pages import ChatPages
from core.accounts.rules import User
from core.accounts.sessions import SignedIn
from core.storage.client import Database
from core.storage.listing import ConversationListing
from core.web.assets import Assets
from core.web.conversations import ConversationRoutes
from core.web.deliveries import DeliveryRoutes
from core.web.pages import STATIC, Pages
from core.web.routing import Access, Route
from core.web.server import WebServer
from core.web.settings import WebSettings
from core.web.stream import ConsoleStream
from core.web.visitors import VisitorTokens
from core.wording import Words
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


class ConsoleSite:
    """One deployment on one port; stopped and started again, it keeps its data."""

    def __init__(
        self,
        db: Database,
        *,
        seconds: float = 600,
        undo_seconds: float = 0.0,
        more: More | None = None,
    ) -> None:
        self._db = db
        self._more = more
        self._port = 0
        self._seconds = seconds
        self._undo = undo_seconds
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
            {"chat": CHAT_STATIC, "core": STATIC, "approvals": ROOT / "approvals" / "static"}
        )
        pages = Pages(
            settings,
            words=words,
            assets=assets,
            templates={
                "approvals": ROOT / "approvals" / "templates",
                "trust": ROOT / "approvals" / "trust" / "templates",
            },
        )
        api = ConversationRoutes(
            settings,
            conversations=world.conversations,
            inbox=world.inbox,
            bus=world.bus,
            visitors=visitors,
            clock=world.clock,
        )
        letters = DeliveryRoutes(
            self.office.deliveries, conversations=world.conversations, pages=pages, words=words
        )
        desk = DeskPages(
            service=self.office.service,
            conversations=world.conversations,
            listing=ConversationListing(self._db["conversations"]),
            pages=pages,
            words=words,
            clock=world.clock,
            colleagues=colleagues,
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
                *letters.routes(),
                *(self._more(self.office, pages, words) if self._more else ()),
                *ChatPages(words, assets=assets).routes(),
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

    async def stop(self) -> None:
        """Go away, with every connection."""
        await self._stack.aclose()
