"""Acts of staff from the inbox: tags, snoozing, and one act on many conversations."""

from __future__ import annotations

import enum
import logging
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import assert_never

from approvals.queue.decisions import check_exists, check_free, check_text
from approvals.queue.service import ApprovalService
from core.accounts.roles import Action, User
from core.clock import Clock
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.events import Event
from core.engine.repository import Conversations
from core.errors import BadInput, ContactCenterError, StoreUnavailable
from core.text.sanitize import sanitize

log = logging.getLogger(__name__)

MOST_TAGS = 20  #: of one conversation
LONGEST_TAG = 40  #: characters
MOST_AT_ONCE = 100  #: conversations
LONGEST_SNOOZE = timedelta(days=366)


class IsClosed(BadInput):
    """It is closed, and opens again when the customer writes."""


class Bulk(enum.StrEnum):
    """An act on many conversations at once."""

    RESOLVE = "resolve"
    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    ASSIGN = "assign"
    TAG = "tag"
    UNTAG = "untag"
    SNOOZE = "snooze"
    WAKE = "wake"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The outcome for each: the ids it was done to, and why not to the others."""

    done: Sequence[str]
    refused: Mapping[str, ContactCenterError]


class InboxActs:
    """Tags, snoozing and bulk acts; each conversation is one compare-and-set of its own."""

    def __init__(
        self, service: ApprovalService, conversations: Conversations, *, clock: Clock
    ) -> None:
        self._service = service
        self._conversations = conversations
        self._clock = clock

    async def tag(
        self, user: User, conversation_id: str, *, add: Sequence[str], remove: Sequence[str]
    ) -> Sequence[str]:
        """Put tags on and take others off; gives those it has now. Raises BadInput, NotFound."""
        user.require(Action.CONVERSATION_REPLY)
        wanted = tuple(map(tag_of, add))
        gone = tuple(map(tag_of, remove))

        def decide(c: Conversation) -> Sequence[Event]:
            check_exists(c)
            added = tuple(t for t in dict.fromkeys(wanted) if t not in c.tags and t not in gone)
            removed = tuple(t for t in dict.fromkeys(gone) if t in c.tags)
            if len(c.tags) + len(added) - len(removed) > MOST_TAGS:
                raise BadInput(f"A conversation has at most {MOST_TAGS} tags.")
            if not (added or removed):
                return ()
            return (ev.Tagged(by=user.email, added=added, removed=removed),)

        change = await self._conversations.update(conversation_id, decide)
        return change.after.tags

    async def snooze(self, user: User, conversation_id: str, *, until: datetime | None) -> None:
        """Put it aside until then, or (None) until the customer writes, which always ends it.

        The customer's own clock goes on. Raises BadInput, NotFound, NotYours.
        """
        user.require(Action.CONVERSATION_REPLY)
        until = self._checked(until)

        def decide(c: Conversation) -> Sequence[Event]:
            check_free(c, user)
            if c.status is Status.RESOLVED:
                raise IsClosed
            if c.snoozed_by and c.snoozed_until == until:
                return ()
            return (ev.Snoozed(by=user.email, until=until),)

        await self._conversations.update(conversation_id, decide)

    async def wake(self, user: User, conversation_id: str) -> None:
        """Bring back what was put aside. Raises NotFound, NotYours."""
        user.require(Action.CONVERSATION_REPLY)

        def decide(c: Conversation) -> Sequence[Event]:
            check_free(c, user)
            if not c.snoozed_by:
                return ()
            return (ev.Woken(by=user.email, set_by=c.snoozed_by),)

        await self._conversations.update(conversation_id, decide)

    def _checked(self, until: datetime | None) -> datetime | None:
        if until is None:
            return None
        now = self._clock.now()
        try:
            until = until.astimezone(UTC).replace(microsecond=0)
        except OverflowError:  # in another zone it lies outside of the calendar
            until = now
        if not now < until <= now + LONGEST_SNOOZE:
            raise BadInput("Choose a time that is still to come, within a year.")
        return until

    async def bulk(
        self,
        user: User,
        ids: Sequence[str],
        act: Bulk,
        *,
        to: str = "",
        tags: Sequence[str] = (),
        until: datetime | None = None,
        text: str = "",
    ) -> Done:
        """Do it to each of them; who is refused stops nobody else. Raises BadInput for all."""
        if len(ids) > MOST_AT_ONCE:
            raise BadInput(f"At most {MOST_AT_ONCE} conversations at once.")
        if act is Bulk.ASSIGN and not to.strip():
            raise BadInput("Say to whom.")
        if act in (Bulk.TAG, Bulk.UNTAG) and not tags:
            raise BadInput("Say which tags.")
        if act is Bulk.NOTE:
            check_text(text)
        if act is Bulk.SNOOZE:
            self._checked(until)
        one = self._act(user, act, to=to, tags=tags, until=until, text=text)
        done: list[str] = []
        refused: dict[str, ContactCenterError] = {}
        for conversation_id in dict.fromkeys(ids):
            try:
                await one(conversation_id)
                done.append(conversation_id)
            except StoreUnavailable:
                raise
            except ContactCenterError as error:
                refused[conversation_id] = error
        return Done(done=done, refused=refused)

    def _act(
        self,
        user: User,
        act: Bulk,
        *,
        to: str,
        tags: Sequence[str],
        until: datetime | None,
        text: str,
    ) -> Callable[[str], Awaitable[object]]:
        """The act on one conversation, by its id."""
        service = self._service
        match act:
            case Bulk.RESOLVE:
                return partial(service.resolve, user)
            case Bulk.TAKE_OVER:
                return partial(service.take_over, user)
            case Bulk.HAND_BACK:
                return partial(service.hand_back, user)
            case Bulk.ASSIGN:
                return partial(service.transfer, user, to=to)
            case Bulk.TAG:
                return partial(self.tag, user, add=tags, remove=())
            case Bulk.UNTAG:
                return partial(self.tag, user, add=(), remove=tags)
            case Bulk.SNOOZE:
                return partial(self.snooze, user, until=until)
            case Bulk.WAKE:
                return partial(self.wake, user)
            case Bulk.NOTE:
                return partial(service.note, user, text=text)
            case _:
                assert_never(act)


def tag_of(text: str) -> str:
    """One spelling for a tag. Raises BadInput for one that is empty or too long."""
    tag = " ".join(unicodedata.normalize("NFC", sanitize(text)).casefold().split()).strip("# ")
    if not tag or len(tag) > LONGEST_TAG or "," in tag:
        raise BadInput(f"A tag has 1 to {LONGEST_TAG} characters and no comma.")
    return tag
