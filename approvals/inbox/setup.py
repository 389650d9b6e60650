"""Builds the inbox: its store, what feeds it from the log, and what staff finds in it."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.inbox.projection import InboxBuilder, InboxProjection
from approvals.inbox.service import Inbox
from approvals.inbox.store import InboxStore
from approvals.inbox.words import WordNumbers
from core.engine.store.listing import ConversationListing
from core.slices.slice import Core


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxParts:
    """The parts that the slice registers."""

    inbox: Inbox
    projection: InboxProjection
    builder: InboxBuilder


def build_inbox(core: Core, listing: ConversationListing) -> InboxParts:
    """The inbox on this core."""
    store = InboxStore(core.db["inbox"])
    numbers = WordNumbers(core.secret_key)
    return InboxParts(
        inbox=Inbox(
            store,
            numbers=numbers,
            conversations=core.conversations,
            listing=listing,
            seen=core.db["inbox_seen"],
            audit=core.audit,
            clock=core.clock,
            drain=core.projector.drain,
        ),
        projection=InboxProjection(store, conversations=core.conversations, numbers=numbers),
        builder=InboxBuilder(
            store, core.db["conversations"], conversations=core.conversations, numbers=numbers
        ),
    )
