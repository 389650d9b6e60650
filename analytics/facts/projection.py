"""The projection of facts: live from the log, and rebuilt from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from analytics.facts.columns import day_of
from analytics.facts.extractor import FactExtractor
from analytics.facts.model import Fact
from analytics.facts.store import FactStore
from core.clock import Clock
from core.domain.events import Commit
from core.engine.repository import Conversations
from core.engine.store.commit_log import MongoCommitLog
from core.runtime.lru import LruDict
from core.storage.client import Database
from core.storage.errors import store_errors

TRACED = 5_000  #: conversations whose trace is kept in memory; 1.3 KB each
REBUILD_BATCH = 200  #: conversations read from the log at once

Progress = Callable[[int, int], None]


class FactsProjection:
    """Feeds the facts from the log; a commit that comes twice changes nothing."""

    name = "analytics"

    def __init__(self, store: FactStore, *, conversations: Conversations) -> None:
        self._store = store
        self._conversations = conversations
        self._traces: LruDict[str, FactExtractor] = LruDict(TRACED)

    async def apply(self, commits: Sequence[Commit]) -> None:
        """See `core.engine.ports.Projection.apply`; nothing is written before `flush`."""
        facts: list[Fact] = []
        touched: dict[str, FactExtractor] = {}
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

    async def flush(self) -> None:
        """See `core.engine.ports.Gathering.flush`."""
        await self._store.flush()

    async def _trace(self, commit: Commit) -> FactExtractor:
        known = self._traces.get(commit.conversation_id)
        if known is not None and commit.base == known.seq + 1:
            return known
        trace = FactExtractor(commit.conversation_id)
        if commit.base > 1:
            for earlier in await self._conversations.history(commit.conversation_id):
                if earlier.base >= commit.base:
                    break
                trace.take(earlier)
        return trace


async def rebuild(
    db: Database,
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
    with store_errors():
        commit_log = MongoCommitLog(db["log"])
        ids = [d["_id"] async for d in db["conversations"].find({}, {"_id": 1})]
        for start in range(0, len(ids), REBUILD_BATCH):
            for conversation_id in ids[start : start + REBUILD_BATCH]:
                trace = FactExtractor(conversation_id)
                for commit in await commit_log.read(conversation_id):
                    for fact in trace.take(commit):
                        by_day[day_of(fact.at)].append(fact)
            if progress is not None:
                progress(min(start + REBUILD_BATCH, len(ids)), len(ids))
    await store.replace(by_day, before=begun)
    return len(ids), sum(map(len, by_day.values()))
