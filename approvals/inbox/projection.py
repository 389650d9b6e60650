"""Keeps the inbox from the log: rows and words as they come, and all of it built anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from approvals.inbox.pages import News
from approvals.inbox.rows import row_of
from approvals.inbox.store import InboxStore
from approvals.inbox.words import WordNumbers
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.engine.ports import Person
from core.engine.repository import Conversations
from core.errors import StoreUnavailable
from core.storage.client import MongoCollection, unhurried
from core.storage.errors import store_errors

log = logging.getLogger(__name__)

BUILD_BATCH = 100  #: conversations between two writes while the index is built
PAUSE = 0.02  #: seconds between two batches, in which customers are served
AGAIN = 30.0  #: seconds after which a broken build goes on


class InboxProjection:
    """A projection that updates the inbox by each commit; idempotent."""

    name = "inbox"

    def __init__(
        self, store: InboxStore, *, conversations: Conversations, numbers: WordNumbers
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._numbers = numbers

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        """See `core.engine.ports.Projection.apply`; nothing is written before `flush`."""
        for commit in commits:
            state = await self._conversations.peek(commit.conversation_id)
            self._store.tell({commit.conversation_id: news_of((commit,), state, self._numbers)})

    async def flush(self) -> None:
        """See `core.engine.ports.Gathering.flush`."""
        await self._store.flush()

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """See `core.engine.ports.PersonalData`: nothing that the log does not say in full."""
        return ()

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`: `apply` has seen their mark, this writes it."""
        await self._store.flush()
        return {"inbox": len(person.conversation_ids)}


def news_of(
    commits: Sequence[ev.Commit], state: Conversation, numbers: WordNumbers, *, anew: bool = False
) -> News:
    """What these commits of a conversation, which stands like this now, say to the inbox."""
    topic, asked = "", 0
    words: set[int] = set()
    for commit in commits:
        for item in commit.numbered():
            if isinstance(item.event, ev.Erased):
                topic, asked, words, anew = "", 0, set(), True
            words |= numbers.of_event(item.event, locale=state.locale)
            if isinstance(item.event, ev.Received) and not item.event.silent:
                asked = item.seq
            topic = _topic(item.event) or topic
    if state.erased:
        return News(row=None)
    return News(row=row_of(state, topic=topic, asked=asked), words=frozenset(words), anew=anew)


def _topic(event: ev.Event) -> str:
    match event:
        case ev.ReviewRequested(draft=draft) | ev.ReviewRedrafted(draft=draft):
            return draft.topic
        case ev.Sent(draft=draft) if draft is not None:
            return draft.topic
        case _:
            return ""


class InboxBuilder:
    """Builds the inbox of conversations that are older than it, beside everything else."""

    def __init__(
        self,
        store: InboxStore,
        snapshots: MongoCollection,
        *,
        conversations: Conversations,
        numbers: WordNumbers,
    ) -> None:
        self._store = store
        self._snapshots = snapshots
        self._conversations = conversations
        self._numbers = numbers

    async def run(self) -> None:
        """Build it unless it is built by this key; the task of a start."""
        while True:
            try:
                if await self._store.built_with() != self._numbers.fingerprint:
                    await self.build()
                return
            except StoreUnavailable:
                log.warning("the inbox could not be built; trying again in %.0f s", AGAIN)
                await asyncio.sleep(AGAIN)

    async def build(self) -> int:
        """Build it from the log; gives how many conversations there are."""
        with store_errors(), unhurried():
            ids = [d["_id"] for d in await self._snapshots.find({}, {"_id": 1}).to_list()]
        for start in range(0, len(ids), BUILD_BATCH):
            for conversation_id in ids[start : start + BUILD_BATCH]:
                state = await self._conversations.peek(conversation_id)
                commits = await self._conversations.history(conversation_id)
                news = news_of(commits, state, self._numbers, anew=True)
                self._store.tell({conversation_id: news})
            await self._store.flush()
            await asyncio.sleep(PAUSE)
        await self._store.mark_built(self._numbers.fingerprint)
        return len(ids)
