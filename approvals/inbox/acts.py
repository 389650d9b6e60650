"""Acts of staff from the inbox: tags, and one act on many conversations."""

from __future__ import annotations

import enum
import logging
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from approvals.queue.decisions import check_exists
from approvals.queue.service import ApprovalService
from core.accounts.roles import Action, User
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.events import Event
from core.engine.repository import Conversations
from core.errors import BadInput, ContactCenterError, StoreUnavailable
from core.text.sanitize import sanitize

log = logging.getLogger(__name__)

MOST_TAGS = 20  #: of one conversation
LONGEST_TAG = 40  #: characters
MOST_AT_ONCE = 100  #: conversations


class Bulk(enum.StrEnum):
    """An act on many conversations at once."""

    RESOLVE = "resolve"
    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    ASSIGN = "assign"
    TAG = "tag"
    UNTAG = "untag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The outcome for each: the ids it was done to, and why not to the others."""

    done: Sequence[str]
    refused: Mapping[str, ContactCenterError]


class InboxActs:
    """Tags and bulk acts; each conversation is one compare-and-set of its own."""

    def __init__(self, service: ApprovalService, conversations: Conversations) -> None:
        self._service = service
        self._conversations = conversations

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

    async def bulk(
        self,
        user: User,
        ids: Sequence[str],
        act: Bulk,
        *,
        to: str = "",
        tags: Sequence[str] = (),
    ) -> Done:
        """Do it to each of them; who is refused stops nobody else. Raises BadInput for all."""
        if len(ids) > MOST_AT_ONCE:
            raise BadInput(f"At most {MOST_AT_ONCE} conversations at once.")
        if act is Bulk.ASSIGN and not to.strip():
            raise BadInput("Say to whom.")
        if act in (Bulk.TAG, Bulk.UNTAG) and not tags:
            raise BadInput("Say which tags.")
        done: list[str] = []
        refused: dict[str, ContactCenterError] = {}
        for conversation_id in dict.fromkeys(ids):
            try:
                await self._one(user, conversation_id, act, to=to, tags=tags)
                done.append(conversation_id)
            except StoreUnavailable:
                raise
            except ContactCenterError as error:
                refused[conversation_id] = error
        return Done(done=done, refused=refused)

    async def _one(
        self, user: User, conversation_id: str, act: Bulk, *, to: str, tags: Sequence[str]
    ) -> None:
        match act:
            case Bulk.RESOLVE:
                await self._service.resolve(user, conversation_id)
            case Bulk.TAKE_OVER:
                await self._service.take_over(user, conversation_id)
            case Bulk.HAND_BACK:
                await self._service.hand_back(user, conversation_id)
            case Bulk.ASSIGN:
                await self._service.transfer(user, conversation_id, to=to)
            case Bulk.TAG:
                await self.tag(user, conversation_id, add=tags, remove=())
            case Bulk.UNTAG:
                await self.tag(user, conversation_id, add=(), remove=tags)


def tag_of(text: str) -> str:
    """One spelling for a tag. Raises BadInput for one that is empty or too long."""
    tag = " ".join(unicodedata.normalize("NFC", sanitize(text)).casefold().split()).strip("# ")
    if not tag or len(tag) > LONGEST_TAG or "," in tag:
        raise BadInput(f"A tag has 1 to {LONGEST_TAG} characters and no comma.")
    return tag
