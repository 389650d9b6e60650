"""The chat as customers meet it: pages and API on a real port, the core and a desk behind it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from prometheus_client import CollectorRegistry

from channels.web.api import ConversationRoutes
from channels.web.pages import STATIC, ChatPages
from core.accounts.roles import User
from core.accounts.sessions import SignedIn
from core.company.model import Company
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.events import Decision
from core.i18n import Words
from core.storage.client import Database
from core.web.http.assets import Assets
from core.web.http.settings import Limits, WebSettings
from core.web.identity.visitor_identity import VisitorIdentity
from core.web.identity.visitor_tokens import VisitorTokens
from core.web.limits.admission import Admission
from core.web.pages import STATIC as CORE_STATIC
from core.web.server import WebServer
from tests.approvals.office import MINA, Office, build_office
from tests.support.world import LOCALES, World, running

SECRET = "a secret for tests only, nothing depends on it"


class NobodyIsStaff:
    """A door that lets nobody in: these pages are for customers."""

    async def by_token(self, token: str) -> User | None:
        del token
        return None

    async def by_session(self, cookie: str, *, is_activity: bool) -> SignedIn | None:
        del cookie, is_activity
        return None

    def is_csrf_token(self, session: SignedIn, token: str) -> bool:
        del session, token
        return False


class Site:
    """One deployment on one port; stopped and started again, it keeps its data."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._port = 0
        self._stack = AsyncExitStack()
        self.office: Office = build_office(db)
        self.demonstrates = False  #: whether the company has added nothing yet
        self.company = Company()  #: what it has set
        self.limits = Limits()  #: count from the next start

    @property
    def url(self) -> str:
        """Where customers find it."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    @property
    def world(self) -> World:
        """The core of the running process."""
        return self.office.world

    async def start(self) -> None:
        """Serve, on the same port as before if there was one."""
        self.office = build_office(self._db)
        world = self.office.world
        await self._stack.enter_async_context(running(world))
        settings = WebSettings(
            secret_key=SECRET, port=self._port, heartbeat_seconds=1.0, limits=self.limits
        )
        visitors = VisitorTokens(secret_key=SECRET)
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
        assets = Assets({"chat": STATIC, "core": CORE_STATIC})
        chat = ChatPages(
            Words.load(LOCALES),
            assets=assets,
            demonstrates=self._demonstrates,
            is_on=lambda: True,
            company=lambda: self.company,
        )
        server = WebServer(
            settings,
            (*api.routes(), *chat.routes(), *assets.routes()),
            visitors=visitors,
            staff=NobodyIsStaff(),
            clock=world.clock,
            registry=CollectorRegistry(),
        )
        await server.start()
        self._stack.push_async_callback(server.stop)
        self._port = server.port

    async def _demonstrates(self) -> bool:
        return self.demonstrates

    async def stop(self) -> None:
        """Go away, with every connection."""
        await self._stack.aclose()

    async def only_conversation(self) -> Conversation:
        """The one conversation there is, as soon as it is there."""
        async with asyncio.timeout(5):
            while not (rows := [row async for row in self._db["log"].find({}, {"c": 1})]):
                await asyncio.sleep(0.02)
        ids = {row["c"] for row in rows}
        assert len(ids) == 1, ids
        return await self.world.conversations.load(ids.pop())

    async def customer_texts(self) -> list[str]:
        """What the customer has said, as it is stored."""
        c = await self.only_conversation()
        items = await self.world.events(c.id)
        return [item.event.text for item in items if isinstance(item.event, ev.Received)]

    async def approve(self) -> None:
        """A colleague approves the draft that waits."""
        c = await self.only_conversation()
        await self.world.until(c.id, lambda c: c.review is not None)
        state = await self.world.conversations.load(c.id)
        assert state.review is not None
        approval = await self.office.service.get(MINA, state.review.draft_id)
        await self.office.decide(approval, Decision.APPROVE)

    async def take_over(self) -> str:
        """A colleague takes the conversation over; gives its id."""
        c = await self.only_conversation()
        await self.office.service.take_over(MINA, c.id)
        await self.world.until(c.id, lambda c: c.status is Status.HUMAN)
        return c.id
