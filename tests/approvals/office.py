"""A desk with people, built on the core as tests build it."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.deadlines import Desk, Ladder
from approvals.hours import Hours
from approvals.model import Approval, Ruling
from approvals.service import ApprovalService
from approvals.store import ApprovalsProjection, ApprovalStore
from core.accounts.rules import Role, User
from core.clock import Clock
from core.deliveries import Deliveries
from core.drafts import Draft
from core.events import Decision
from core.storage.client import Database
from core.storage.deliveries import MongoDeliveries
from core.storage.listing import ConversationListing
from core.wording import Words
from tests.support.world import LOCALES, World, build, unsure

MINA = User(id="u1", email="mina@example.com", role=Role.AGENT, name="Mina")
JOON = User(id="u2", email="joon@example.com", role=Role.AGENT)
SARA = User(id="u3", email="sara@example.com", role=Role.SUPERVISOR, name="Sara")
QUESTION = "How do I reset my password?"


@dataclass(kw_only=True)
class Office:
    """The world, and the slice on it."""

    world: World
    service: ApprovalService
    store: ApprovalStore
    projection: ApprovalsProjection
    ladder: Ladder
    desk: Desk
    deliveries: Deliveries

    async def waiting(
        self, *, chat: str = "c1", channel: str = "web", draft: Draft | None = None
    ) -> Approval:
        """A customer asks, the assistant is unsure: the approval that waits now."""
        self.world.responder.always(draft or unsure())
        cid = await self.world.write(QUESTION, chat=chat, channel=channel)
        state = await self.world.until(cid, lambda c: c.review is not None)
        assert state.review is not None
        return await self.service.get(MINA, state.review.draft_id)

    async def decide(
        self, approval: Approval, decision: Decision, *, user: User = MINA, text: str = ""
    ) -> None:
        """Rule as a face would."""
        ruling = Ruling(decision=decision, text=text)
        await self.service.decide(user, approval.id, ruling, version=approval.version)


def build_office(
    db: Database,
    *,
    clock: Clock | None = None,
    hours: str = "",
    zone: str = "UTC",
    holidays: str = "",
    seconds: float = 600,
    undo_seconds: float = 0.0,
) -> Office:
    """An office on this store; the world in it is not started yet."""
    words = Words.load(LOCALES)
    opening = Hours.parse(hours, zone=zone, holidays=holidays)
    desk = Desk(hours=opening, seconds=seconds, words=words)
    world = build(db, clock=clock, desk=desk)
    store = ApprovalStore(db["approvals"])
    projection = ApprovalsProjection(
        db["approvals"], conversations=world.conversations, next_step_at=desk.next_step_at
    )
    world.projector.register(projection)
    delivery_store = MongoDeliveries(db["deliveries"], world.conversations)
    world.projector.register(delivery_store)
    deliveries = Deliveries(
        conversations=world.conversations, store=delivery_store, wake=world.worker.wake
    )
    people = {user.email: user for user in (MINA, JOON, SARA)}

    async def find_user(email: str) -> User | None:
        return people.get(email)

    def many_notices(channel_id: str) -> bool:
        channel = world.channels.get(channel_id)
        return channel is not None and channel.capabilities.notices

    service = ApprovalService(
        conversations=world.conversations,
        store=store,
        in_hands=ConversationListing(db["conversations"]).in_hands,
        drain=world.projector.drain,
        speech=world.speech,
        words=words,
        clock=world.clock,
        wake=world.worker.wake,
        find_user=find_user,
        many_notices=many_notices,
        undo_seconds=undo_seconds,
    )
    ladder = Ladder(
        conversations=world.conversations,
        store=store,
        desk=desk,
        speech=world.speech,
        clock=world.clock,
        wake=world.worker.wake,
        many_notices=many_notices,
    )
    return Office(
        world=world,
        service=service,
        store=store,
        projection=projection,
        ladder=ladder,
        desk=desk,
        deliveries=deliveries,
    )
