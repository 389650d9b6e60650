"""A desk with people, built on the core as tests build it."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from approvals.console.inbox_api import InboxRoutes
from approvals.inbox.acts import InboxActs
from approvals.inbox.saved_replies import SavedReplies
from approvals.inbox.setup import InboxParts, build_inbox, mentions_in
from approvals.queue.escalation import Desk, Escalation
from approvals.queue.model import Approval, Ruling
from approvals.queue.opening_hours import Hours
from approvals.queue.service import ApprovalService
from approvals.queue.store import ApprovalsProjection, ApprovalStore
from core.accounts.roles import Role, User
from core.clock import Clock
from core.domain.drafts import Draft
from core.domain.events import Decision
from core.engine.outbound.deliveries import Deliveries
from core.engine.store.listing import ConversationListing
from core.i18n import Words
from core.runtime.mail import Mailer
from core.storage.client import Database
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
    escalation: Escalation
    desk: Desk
    deliveries: Deliveries
    inbox: InboxParts
    acts: InboxActs
    replies: SavedReplies

    def inbox_routes(self) -> InboxRoutes:
        """The inbox's API."""
        return InboxRoutes(
            self.inbox.inbox,
            acts=self.acts,
            replies=self.replies,
            conversations=self.world.conversations,
        )

    async def waiting(
        self,
        *,
        chat: str = "c1",
        channel: str = "web",
        draft: Draft | None = None,
        text: str = QUESTION,
    ) -> Approval:
        """A customer asks, the assistant is unsure: the approval that waits now."""
        self.world.responder.always(draft or unsure())
        cid = await self.world.write(text, chat=chat, channel=channel)
        state = await self.world.until(cid, lambda c: bool(c.reviews) and not c.due)
        return await self.service.get(MINA, state.reviews[-1].draft_id)

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
    mailer: Mailer | None = None,
) -> Office:
    """An office on this store; the world in it is not started yet."""
    opening = Hours.parse(hours, zone=zone, holidays=holidays)
    desk = Desk(hours=opening, seconds=seconds, words=Words.load(LOCALES))
    world = build(db, clock=clock, desk=desk)
    store = ApprovalStore(db["approvals"])
    projection = ApprovalsProjection(
        db["approvals"], conversations=world.conversations, next_step_at=desk.next_step_at
    )
    world.projector.register(projection)
    listing = ConversationListing(db["conversations"])
    people = {user.email: user for user in (MINA, JOON, SARA)}

    async def find_user(email: str) -> User | None:
        return people.get(email)

    async def colleagues() -> list[User]:
        return list(people.values())

    inbox = build_inbox(
        world.core,
        listing,
        colleagues=colleagues,
        find_user=find_user,
        mailer=mailer,
        site=lambda: "http://desk.example.com",
    )
    world.projector.register(inbox.projection)
    world.projector.register(inbox.notifications)

    service = ApprovalService(
        conversations=world.conversations,
        store=store,
        in_hands=listing.in_hands,
        drain=world.projector.drain,
        replies=world.replies,
        words=world.core.words,
        clock=world.clock,
        wake=world.worker.wake,
        find_user=find_user,
        many_notices=world.channels.many_notices,
        undo_seconds=undo_seconds,
        mentioned=functools.partial(mentions_in, colleagues),
    )
    escalation = Escalation(
        conversations=world.conversations,
        store=store,
        desk=desk,
        replies=world.replies,
        clock=world.clock,
        wake=world.worker.wake,
        many_notices=world.channels.many_notices,
    )
    return Office(
        world=world,
        service=service,
        store=store,
        projection=projection,
        escalation=escalation,
        desk=desk,
        deliveries=world.deliveries,
        inbox=inbox,
        acts=InboxActs(service, world.conversations, clock=world.clock),
        replies=inbox.replies,
    )
