"""The core put together on a real store, with an answerer and a channel that tests can steer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.bus import LocalBus
from core.channel import Channel, ChannelCapabilities, Receive
from core.clock import Clock, SystemClock
from core.conversations import Conversation
from core.deliveries import Deliveries
from core.drafts import Draft, Question, Turn
from core.events import Event, Numbered, Sent
from core.inbox import Inbox
from core.messages import (
    Address,
    Citation,
    Delivery,
    DeliveryState,
    InboundKind,
    InboundMessage,
    OutboundMessage,
    Sender,
)
from core.outbox import Outbox
from core.pipeline import AlwaysOpen, Desk, FixedRules, Pipeline
from core.policy import Rules
from core.ports import OnDelta
from core.projector import Projector
from core.repository import Conversations
from core.speech import Speech
from core.steps import is_idle
from core.storage.client import Database
from core.storage.commit_log import MongoCommitLog
from core.storage.deliveries import MongoDeliveries
from core.storage.snapshots import MongoSnapshots
from core.wording import Words
from core.worker import LocalLease, Worker

LOCALES = Path(__file__).parents[2] / "config" / "locales"
SOURCE = Citation(id="p1", title="Guide", url="https://example.com/guide")

Answerer = Callable[[Question], Awaitable[Draft]]


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
        """See `core.ports.Responder`."""
        self.asked.append(question)
        draft = await self.answer(question)
        if on_delta is not None and draft.confidence > 0.9:
            on_delta(draft.text)
        return draft

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """See `core.ports.Responder`."""
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
        """See `core.ports.ChannelDirectory`."""
        return self.running.get(channel_id)


@dataclass(kw_only=True)
class World:
    """Everything of one process; `events` reads what happened from the store."""

    db: Database
    clock: Clock
    bus: LocalBus
    commit_log: MongoCommitLog
    snapshots: MongoSnapshots
    conversations: Conversations
    projector: Projector
    inbox: Inbox
    worker: Worker
    pipeline: Pipeline
    outbox: Outbox
    speech: Speech
    responder: SteeredResponder
    channels: Channels
    deliveries: Deliveries
    keys: int = field(default=0)

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


def build(db: Database, *, clock: Clock | None = None, desk: Desk | None = None) -> World:
    """A process on this store that has not started yet."""
    clock = clock or SystemClock()
    bus = LocalBus()
    commit_log = MongoCommitLog(db["log"])
    snapshots = MongoSnapshots(db["conversations"], db["unsettled"], owner="test")
    conversations = Conversations(log_store=commit_log, snapshots=snapshots, bus=bus, clock=clock)
    projector = Projector(
        conversations=conversations,
        snapshots=snapshots,
        clock=clock,
        is_idle=is_idle,
        settle_after=0.3,
    )
    channels = Channels()

    def pulls(channel_id: str) -> bool:
        channel = channels.get(channel_id)
        return channel is not None and channel.capabilities.pulls

    speech = Speech(Words.load(LOCALES), pulls=pulls)
    responder = SteeredResponder()
    pipeline = Pipeline(
        conversations=conversations,
        responder=responder,
        speech=speech,
        desk=desk or AlwaysOpen(seconds=600),
        rules=FixedRules(value=Rules(threshold=0.9)),
        clock=clock,
    )
    outbox = Outbox(conversations=conversations, channels=channels, clock=clock)
    worker = Worker(
        conversations=conversations,
        pipeline=pipeline,
        outbox=outbox,
        channels=channels,
        lease=LocalLease(),
        clock=clock,
    )
    delivery_store = MongoDeliveries(db["deliveries"], conversations)
    projector.register(delivery_store)
    deliveries = Deliveries(conversations=conversations, store=delivery_store, wake=worker.wake)
    inbox = Inbox(conversations=conversations, wake=worker.wake, foresee=pipeline.foresee)
    return World(
        db=db,
        clock=clock,
        bus=bus,
        commit_log=commit_log,
        snapshots=snapshots,
        conversations=conversations,
        projector=projector,
        inbox=inbox,
        worker=worker,
        pipeline=pipeline,
        outbox=outbox,
        speech=speech,
        responder=responder,
        channels=channels,
        deliveries=deliveries,
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
