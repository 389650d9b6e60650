"""The inbox as staff uses it: search, lists, what one has seen; with rights and the audit."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from approvals.inbox.notifications import Notifications
from approvals.inbox.rows import Row, Wanted
from approvals.inbox.store import InboxStore
from approvals.inbox.words import WordNumbers
from approvals.queue.decisions import is_elsewhere
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.clock import Clock
from core.domain.conversation import Conversation, Status
from core.domain.messages import Author
from core.engine.repository import Conversations
from core.engine.store.listing import ConversationListing
from core.runtime.lru import LruDict
from core.storage.client import MongoCollection
from core.storage.errors import store_errors

PAGE = 50
WAITING_PAGE = 500  #: rows at a time of those in people's hands
SEARCHES_KNOWN = 2000  #: whose being shown again is audited no second time
FRESH_SECONDS = 1.0  #: how long a list waits for the newest events
UNREAD = ("review", "human")  #: states in which a person is concerned


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question to the inbox."""

    text: str = ""  #: words that must all stand in it, or a conversation's id
    wanted: Wanted = field(default_factory=Wanted)
    by: str = "newest"
    after: tuple[int, str] | None = None
    limit: int = PAGE
    mentioned: bool = False  #: only those whose notes name the reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A conversation in the list."""

    row: Row
    state: Conversation
    unread: bool  #: the customer wrote last, and the reader has not looked since
    news: bool = False  #: something in it concerns the reader in person, and they have not looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A page of the list; `next` is its last place, None at the end."""

    items: Sequence[Item]
    next: tuple[int, str] | None
    total: int


class Inbox:
    """Finds conversations, for those who may read them."""

    def __init__(
        self,
        store: InboxStore,
        *,
        numbers: WordNumbers,
        conversations: Conversations,
        listing: ConversationListing,
        seen: MongoCollection,
        notifications: Notifications,
        audit: Audit,
        clock: Clock,
        drain: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._numbers = numbers
        self._conversations = conversations
        self._listing = listing
        self._seen = seen
        self._notifications = notifications
        self._audit = audit
        self._clock = clock
        self._drain = drain
        self._searched: LruDict[tuple[str, str], bool] = LruDict(SEARCHES_KNOWN)

    async def find(
        self, user: User, asked: Asked, *, address: str = "", again: bool = False
    ) -> Listed:
        """A page of what is asked for. A search is audited, unless it is shown `again`.

        That is believed, as of a page behind the first one, of what this process has audited.
        """
        user.require(Action.CONVERSATION_READ)
        await self._fresh()
        text = asked.text.strip()
        if text and (one := await self._by_id(text)) is not None:
            return Listed(items=await self._items(user, [one]), next=None, total=1)
        words = self._numbers.of(text) if text else frozenset()
        if text and not words:
            return Listed(items=(), next=None, total=0)
        wanted = asked.wanted
        if asked.mentioned:
            named = frozenset(await self._notifications.mentioned_in(user))
            wanted = replace(wanted, ids=named if wanted.ids is None else named & wanted.ids)
        found = await self._store.find(
            wanted, words=words, by=asked.by, limit=asked.limit, after=asked.after
        )
        goes_on = again or asked.after is not None
        if text and not (goes_on and (user.id, text) in self._searched):
            # What was typed may name a customer, and the audit forgets nothing.
            await self._audit.record(
                "conversation.search",
                who=user.email,
                address=address,
                after={"words": len(words), "found": found.total},
            )
            self._searched[user.id, text] = True
        return Listed(items=await self._items(user, found.rows), next=found.next, total=found.total)

    def values(self) -> Mapping[str, Sequence[str]]:
        """What one may choose by: channel, locale, topic and tags, as found last."""
        return self._store.values()

    async def count(self, user: User, wanted: Wanted) -> int:
        """How many conversations are wanted."""
        user.require(Action.CONVERSATION_READ)
        return (await self._store.find(wanted, limit=1)).total

    async def in_hands_waiting(self) -> Sequence[str]:
        """Conversations in our people's hands whose customers wait, the longest wait first."""
        # All of them: with some it is never time for anything, and they would be in the way.
        found = await self._all(Wanted(status=Status.HUMAN.value, waiting=True))
        return [row.id for row in found if not is_elsewhere(row.assignee)]

    async def open_work(self) -> Sequence[Row]:
        """What waits for a person or is in somebody's hands, and is not put aside.

        The longest wait comes first.
        """
        found = await self._all(Wanted(status=Status.REVIEW.value, snoozed=False))
        return [*found, *await self._all(Wanted(status=Status.HUMAN.value, snoozed=False))]

    async def back_by(self, now: datetime) -> Sequence[str]:
        """The conversations that were put aside until this time or before."""
        return [row.id for row in await self._all(Wanted(back_by=now))]

    async def _all(self, wanted: Wanted) -> Sequence[Row]:
        await self._fresh()
        rows: list[Row] = []
        after = None
        while True:
            found = await self._store.find(wanted, by="waiting", limit=WAITING_PAGE, after=after)
            rows += found.rows
            after = found.next
            if after is None:
                return rows

    async def saw(self, user: User, c: Conversation) -> None:
        """The user looks at the conversation as it stands now."""
        user.require(Action.CONVERSATION_READ)
        document = {"_id": _mark(user, c.id), "c": c.id, "seq": c.seq, "at": self._clock.now()}
        with store_errors():
            await self._seen.replace_one({"_id": document["_id"]}, document, upsert=True)
        await self._notifications.saw(user, c.id)

    async def _fresh(self) -> None:
        """Wait until the list is as new as the log; an old one serves better than none."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FRESH_SECONDS):
                await self._drain()

    async def _by_id(self, text: str) -> Row | None:
        """The conversation with this id, or of the draft or message with it."""
        if " " in text:
            return None
        for conversation_id in dict.fromkeys((text, text.rpartition(".")[0])):
            if row := await self._store.row(conversation_id):
                return row
        return None

    async def _items(self, user: User, rows: Sequence[Row]) -> Sequence[Item]:
        known = await self._listing.read([row.id for row in rows])
        seen = await self._seen_by(user, [row.id for row in rows])
        news = {one.c for one in await self._notifications.unseen(user)} if rows else set()
        items = []
        for row in rows:
            state = known.get(row.id)
            if state is None or state.seq < row.seq:
                state = await self._conversations.peek(row.id)
            if state.erased or not state.seq:
                continue
            theirs = bool(state.memory) and state.memory[-1].author == Author.CUSTOMER.value
            concerned = row.status in UNREAD and row.assignee in ("", user.email)
            unread = concerned and theirs and row.asked > seen.get(row.id, 0)
            items.append(Item(row=row, state=state, unread=unread, news=row.id in news))
        return items

    async def _seen_by(self, user: User, ids: Sequence[str]) -> dict[str, int]:
        marks = [_mark(user, conversation_id) for conversation_id in ids]
        with store_errors():
            found = await self._seen.find({"_id": {"$in": marks}}, {"c": 1, "seq": 1}).to_list()
        return {d["c"]: d["seq"] for d in found}


def _mark(user: User, conversation_id: str) -> str:
    return f"{conversation_id}/{user.id}"
