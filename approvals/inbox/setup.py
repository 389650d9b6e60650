"""Builds the inbox: its store, what feeds it from the log, and what staff does in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from approvals.inbox.assigner import Assigner, Colleagues
from approvals.inbox.assignment import AssignmentRules
from approvals.inbox.mentions import mentioned
from approvals.inbox.notifications import Notifications
from approvals.inbox.presence import PresenceStore
from approvals.inbox.projection import InboxBuilder, InboxProjection
from approvals.inbox.saved_replies import SavedReplies
from approvals.inbox.service import Inbox
from approvals.inbox.snooze import Snoozed
from approvals.inbox.store import InboxStore
from approvals.inbox.telling import FindUser, Teller
from approvals.inbox.views import SavedViews
from approvals.inbox.words import WordNumbers
from core.accounts.roles import User
from core.engine.store.listing import ConversationListing
from core.runtime.mail import Outgoing
from core.slices.slice import Core


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxParts:
    """The parts that the slice registers."""

    inbox: Inbox
    projection: InboxProjection
    builder: InboxBuilder
    notifications: Notifications
    presence: PresenceStore
    snoozed: Snoozed
    teller: Teller
    rules: AssignmentRules
    assigner: Assigner
    views: SavedViews
    replies: SavedReplies

    async def let_go(self, user: User) -> None:
        """They are staff no more."""
        await self.presence.forget(user)
        await self.notifications.forget(user)
        await self.views.forget(user)


def build_inbox(
    core: Core,
    listing: ConversationListing,
    *,
    colleagues: Colleagues,
    find_user: FindUser,
    mailer: Outgoing | None,
    site: Callable[[], str],
) -> InboxParts:
    """The inbox on this core."""
    db, clock, conversations = core.db, core.clock, core.conversations
    store = InboxStore(db["inbox"])
    numbers = WordNumbers(core.secret_key)
    notifications = Notifications(db["notifications"])
    presence = PresenceStore(db["presence"], clock=clock)
    rules = AssignmentRules(db["assignment"], audit=core.audit, clock=clock)
    inbox = Inbox(
        store,
        numbers=numbers,
        conversations=conversations,
        listing=listing,
        seen=db["inbox_seen"],
        notifications=notifications,
        audit=core.audit,
        clock=clock,
        drain=core.projector.drain,
    )
    return InboxParts(
        inbox=inbox,
        projection=InboxProjection(store, conversations=conversations, numbers=numbers),
        builder=InboxBuilder(
            store, db["conversations"], conversations=conversations, numbers=numbers
        ),
        notifications=notifications,
        presence=presence,
        snoozed=Snoozed(inbox.back_by, conversations=conversations, clock=clock),
        teller=Teller(
            notifications,
            presence=presence,
            find_user=find_user,
            mailer=mailer,
            words=core.words,
            site=site,
            clock=clock,
        ),
        rules=rules,
        assigner=Assigner(
            rules,
            open_work=inbox.open_work,
            presence=presence,
            colleagues=colleagues,
            conversations=conversations,
            clock=clock,
        ),
        views=SavedViews(db["inbox_views"], clock=clock),
        replies=SavedReplies(db["saved_replies"], clock=clock),
    )


async def mentions_in(colleagues: Colleagues, text: str) -> tuple[str, ...]:
    """E-mails of the colleagues whom a note names."""
    return mentioned(text, await colleagues()) if "@" in text else ()
