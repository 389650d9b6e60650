"""The core put together on a real store, with an answerer and a channel that tests can steer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from config.settings import read_settings
from core.clock import Clock
from core.cluster.model import Role
from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Question, Turn
from core.domain.events import Event, Numbered, Sent
from core.domain.messages import (
    Address,
    Citation,
    Delivery,
    DeliveryState,
    InboundKind,
    InboundMessage,
    OutboundMessage,
    Sender,
)
from core.domain.policy import Rules
from core.engine.inbound.acknowledgements import Acknowledgements
from core.engine.outbound.outbox import Outbox
from core.engine.ports import OnDelta
from core.engine.processing.pipeline import Desk, Pipeline
from core.engine.processing.worker import Worker
from core.engine.replies import Replies
from core.runtime.data_dir import DataDir
from core.sdk.channel import Channel, ChannelCapabilities, Receive
from core.slices.slice import Core
from core.storage.client import Database

SECRET = "s" * 32
NOWHERE = Path("/nonexistent")  #: tests with files bring a folder
LOCALES = Path(__file__).parents[2] / "config" / "locales"
SOURCE = Citation(id="p1", title="Guide", url="https://example.com/guide")

Answerer = Callable[[Question], Awaitable[Draft]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlwaysOpen:
    """A desk that never closes."""

    seconds: float

    def deadline(self, now: datetime) -> datetime:
        """So many seconds from now."""
        return now + timedelta(seconds=self.seconds)

    def back(self, now: datetime, locale: str) -> str | None:
        """Never closed."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedRules:
    """The same rules for everything."""

    value: Rules

    def rules(self, conversation: Conversation, draft: Draft) -> Rules:
        """Always these."""
        return self.value


def sure(text: str = "Open Settings and press Reset.") -> Draft:
    """A draft that may go out alone."""
    return Draft(text=text, citations=(SOURCE,), confidence=0.99, answerer="test")


def unsure(text: str = "Perhaps in Settings.") -> Draft:
    """A draft that has to wait."""
    return Draft(text=text, citations=(SOURCE,), confidence=0.3, answerer="test")


class SteeredResponder:
    """Answers by `answer`, which a test replaces; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.foreseen: list[str] = []

        async def answer(question: Question) -> Draft:
            del question
            return sure()

        self.answer: Answerer = answer

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        """See `core.engine.ports.Responder`."""
        self.asked.append(question)
        draft = await self.answer(question)
        if on_delta is not None and draft.confidence > 0.9:
            on_delta(draft.text)
        return draft

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """See `core.engine.ports.Responder`."""
        self.foreseen.append(text)

    def always(self, draft: Draft) -> None:
        """From now on answer with this."""

        async def answer(question: Question) -> Draft:
            del question
            return draft

        self.answer = answer


class VendorChannel:
    """A push channel whose vendor remembers; `before_send` may raise what vendors do."""

    def __init__(self) -> None:
        self.sent: list[OutboundMessage] = []
        self.before_send: Callable[[OutboundMessage], Awaitable[None]] | None = None
        self.after_send: Callable[[OutboundMessage], Awaitable[None]] | None = None
        self.answers_only = False

    @property
    def capabilities(self) -> ChannelCapabilities:
        return ChannelCapabilities(text_limit=4096, answers_only=self.answers_only)

    async def start(self, receive: Receive) -> None:
        del receive

    async def send(self, message: OutboundMessage) -> Delivery:
        if self.before_send is not None:
            await self.before_send(message)
        self.sent.append(message)
        if self.after_send is not None:
            await self.after_send(message)
        return Delivery(state=DeliveryState.SENT, external_ids=(f"v{len(self.sent)}",))

    async def stop(self) -> None:
        return


class WebLike:
    """A channel whose customers fetch from us."""

    @property
    def capabilities(self) -> ChannelCapabilities:
        return ChannelCapabilities(text_limit=100_000, pulls=True)

    async def start(self, receive: Receive) -> None:
        del receive

    async def send(self, message: OutboundMessage) -> Delivery:
        raise AssertionError(f"nobody sends {message.id}: it is fetched")

    async def stop(self) -> None:
        return


class Channels:
    """Which channels run; a test switches them."""

    def __init__(self) -> None:
        self.running: dict[str, Channel] = {"web": WebLike(), "vendor": VendorChannel()}

    def get(self, channel_id: str) -> Channel | None:
        """See `core.engine.ports.ChannelDirectory`."""
        return self.running.get(channel_id)

    def pulls(self, channel_id: str) -> bool:
        """Whether customers fetch from it."""
        channel = self.get(channel_id)
        return channel is not None and channel.capabilities.pulls

    def many_notices(self, channel_id: str) -> bool:
        """Whether a notice costs nothing there."""
        channel = self.get(channel_id)
        return channel is not None and channel.capabilities.notices


@dataclass(kw_only=True)
class World:
    """Everything of one process; `events` reads what happened from the store."""

    core: Core
    worker: Worker
    pipeline: Pipeline
    outbox: Outbox
    replies: Replies
    responder: SteeredResponder
    channels: Channels
    keys: int = field(default=0)

    def __post_init__(self) -> None:
        core = self.core
        self.db, self.clock, self.bus = core.db, core.clock, core.bus
        self.commit_log, self.snapshots = core.commit_log, core.snapshots
        self.conversations, self.projector = core.conversations, core.projector
        self.inbox, self.deliveries = core.inbox, core.deliveries

    @property
    def vendor(self) -> VendorChannel:
        """The steerable push channel."""
        channel = self.channels.running["vendor"]
        assert isinstance(channel, VendorChannel)
        return channel

    def message(
        self,
        text: str,
        *,
        channel: str = "web",
        chat: str = "c1",
        key: str = "",
        kind: InboundKind = InboundKind.MESSAGE,
    ) -> InboundMessage:
        """What a customer writes; a fresh external id unless one is given."""
        self.keys += 1
        address = Address(channel=channel, account="a", chat=chat)
        return InboundMessage(
            address=address,
            external_id=key or f"k{self.keys}",
            sender=Sender(id=chat, locale="en"),
            text=text,
            kind=kind,
        )

    async def write(self, text: str, *, channel: str = "web", chat: str = "c1") -> str:
        """A customer writes; gives the conversation's id."""
        commit = await self.inbox.accept(self.message(text, channel=channel, chat=chat))
        return commit.conversation_id

    async def events(self, conversation_id: str) -> list[Numbered]:
        """What is in the log, in order."""
        return [
            item
            for commit in await self.commit_log.read(conversation_id)
            for item in commit.numbered()
        ]

    async def said(self, conversation_id: str) -> list[tuple[str, str]]:
        """(author, text) of everything sent to the customer."""
        return [
            (item.event.author.value, item.event.text)
            for item in await self.events(conversation_id)
            if isinstance(item.event, Sent)
        ]

    async def kinds(self, conversation_id: str) -> list[str]:
        """The kinds of all events, in order."""
        return [item.event.kind for item in await self.events(conversation_id)]

    async def until(
        self, conversation_id: str, what: Callable[[Conversation], bool], *, seconds: float = 5.0
    ) -> Conversation:
        """The state as soon as it is like that; fails after `seconds`."""
        async with asyncio.timeout(seconds):
            while True:
                state = await self.conversations.peek(conversation_id)
                if what(state):
                    return state
                await asyncio.sleep(0.005)

    async def append(self, conversation_id: str, *events: Event) -> None:
        """Let something happen."""
        await self.conversations.update(conversation_id, lambda _: events)
        self.worker.wake(conversation_id)


def build(
    db: Database,
    *,
    clock: Clock | None = None,
    desk: Desk | None = None,
    writing_seconds: float = 0.0,
    settings: Mapping[str, str] | None = None,
    role: Role = Role.ALL,
    channels: Channels | None = None,
) -> World:
    """A process on this store that has not started yet: the product's core, steered answers."""
    from app.core import build_core  # much more than a test needs that only looks at the world

    core = build_core(
        read_settings({"SECRET_KEY": SECRET, **(settings or {})}),
        DataDir(NOWHERE),
        db,
        clock=clock,
        settle_after=0.3,
        role=role,
    )
    channels, responder = channels or Channels(), SteeredResponder()
    replies = Replies(core.words, pulls=channels.pulls)
    pipeline = Pipeline(
        conversations=core.conversations,
        responder=responder,
        replies=replies,
        desk=desk or AlwaysOpen(seconds=600),
        rules=FixedRules(value=Rules(threshold=0.9)),
        clock=core.clock,
        writing_seconds=lambda: writing_seconds,
    )
    outbox = Outbox(
        conversations=core.conversations,
        channels=channels,
        clock=core.clock,
        disclosure=replies.disclosure,
        ownership=core.node,
    )
    worker = Worker(
        conversations=core.conversations,
        pipeline=pipeline,
        outbox=outbox,
        channels=channels,
        clock=core.clock,
        ownership=core.node,
    )
    core.wakeups.on_wake(worker.wake)
    core.inbox.fetched(channels.pulls)
    core.inbox.acknowledging(Acknowledgements(replies, many_notices=channels.many_notices))
    core.inbox.on_coming(pipeline.foresee)
    worker.start()
    return World(
        core=core,
        worker=worker,
        pipeline=pipeline,
        outbox=outbox,
        replies=replies,
        responder=responder,
        channels=channels,
    )


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    """Start it, recovering what an earlier process left; stop it at the end."""
    for conversation_id in await world.snapshots.unsettled():
        await world.projector.recover(conversation_id)
        world.worker.wake(conversation_id)
    world.projector.start()
    try:
        yield world
    finally:
        await world.worker.stop()
        await world.projector.stop()
        await world.commit_log.close()
        await world.snapshots.close()
