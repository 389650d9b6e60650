"""From the log to the facts: as it happens, and all over again."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from analytics.columns import day_of
from analytics.facts import Fact
from analytics.store import FactStore
from analytics.trace import Trace
from core.clock import Clock
from core.errors import StoreUnavailable
from core.events import Commit
from core.repository import Conversations
from core.storage.commit_log import MongoCommitLog

TRACED = 20_000  #: conversations whose trace is kept in memory
REBUILD_BATCH = 200  #: conversations read from the log at once

Progress = Callable[[int, int], None]


class FactsProjection:
    """Feeds the facts from the log; a commit that comes twice changes nothing."""

    name = "analytics"

    def __init__(self, store: FactStore, *, conversations: Conversations) -> None:
        self._store = store
        self._conversations = conversations
        self._traces: OrderedDict[str, Trace] = OrderedDict()

    async def apply(self, commits: Sequence[Commit]) -> None:
        """See `core.ports.Projection.apply`; nothing is written before `flush`."""
        facts: list[Fact] = []
        touched: dict[str, Trace] = {}
        try:
            for commit in commits:
                trace = touched.get(commit.conversation_id)
                if trace is None or commit.base != trace.seq + 1:
                    trace = await self._trace(commit)
                    touched[commit.conversation_id] = trace
                facts += trace.take(commit)
        except BaseException:
            # What was not taken in comes again, and must find the traces as they were.
            for conversation_id in touched:
                self._traces.pop(conversation_id, None)
            raise
        self._store.gather(facts)
        for conversation_id, trace in touched.items():
            self._traces[conversation_id] = trace
            self._traces.move_to_end(conversation_id)
        while len(self._traces) > TRACED:
            self._traces.popitem(last=False)

    async def flush(self) -> None:
        """See `core.ports.Gathering.flush`."""
        await self._store.flush()

    async def _trace(self, commit: Commit) -> Trace:
        known = self._traces.get(commit.conversation_id)
        if known is not None and commit.base == known.seq + 1:
            return known
        trace = Trace(commit.conversation_id)
        if commit.base > 1:
            for earlier in await self._conversations.history(commit.conversation_id):
                if earlier.base >= commit.base:
                    break
                trace.take(earlier)
        return trace


async def rebuild(
    db: AsyncDatabase[dict[str, Any]],
    store: FactStore,
    *,
    clock: Clock,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Make all facts again from the log; gives how many conversations and facts there are.

    It may run while others write: their pages are younger than its beginning and stay.
    """
    begun = clock.now()
    by_day: dict[int, list[Fact]] = defaultdict(list)
    try:
        commit_log = MongoCommitLog(db["log"])
        ids = [d["_id"] for d in await db["conversations"].find({}, {"_id": 1}).to_list()]
        for start in range(0, len(ids), REBUILD_BATCH):
            for conversation_id in ids[start : start + REBUILD_BATCH]:
                trace = Trace(conversation_id)
                for commit in await commit_log.read(conversation_id):
                    for fact in trace.take(commit):
                        by_day[day_of(fact.at)].append(fact)
            if progress is not None:
                progress(min(start + REBUILD_BATCH, len(ids)), len(ids))
    except PyMongoError as error:
        raise StoreUnavailable from error
    await store.replace(by_day, before=begun)
    return len(ids), sum(map(len, by_day.values()))
