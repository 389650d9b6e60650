"""The facts in the store: pages as they come, rolled up into one document a day."""

from __future__ import annotations

import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from analytics.columns import (
    NOTHING,
    Names,
    Packed,
    Rows,
    day_of,
    digest,
    millis,
    to_rows,
    unique,
)
from analytics.facts import RULES, Fact, Trace
from core.clock import Clock
from core.errors import StoreUnavailable
from core.events import Commit
from core.repository import Conversations
from core.storage.commit_log import commit_from_document

log = logging.getLogger(__name__)

TRACED = 20_000  #: conversations whose trace is kept in memory
KEPT_ROWS = 3_000_000  #: rows in memory, 49 bytes each; older days are read again
OVERLAP = timedelta(seconds=10)  #: pages may become visible a little after their time
LOOSE_PAGES = 400  #: of a day that is not over: more are rolled up
ALL_DAYS = 3_000_000
REBUILD_BATCH = 200  #: conversations read from the log at once
CATALOG = "catalog"

Progress = Callable[[int, int], None]


class FactStore:
    """Takes facts in by pages and gives them back by days.

    A page is written by one insert, whatever the number of commits in it. Pages of a day are
    rolled up into that day's document; until they are deleted a fact may stand in both, and
    whoever reads takes each once. Readers look at pages first and at days after, because a page
    is deleted only when its day holds it.
    """

    def __init__(self, db: AsyncDatabase[dict[str, Any]], *, clock: Clock) -> None:
        self._pages = db["analytics_pages"]
        self._days = db["analytics_days"]
        self._clock = clock
        self.names = Names()
        self._loaded: OrderedDict[int, tuple[int, Rows]] = OrderedDict()  # day -> version, rows
        self._loose: dict[int, dict[Any, Rows]] = defaultdict(dict)
        self._loose_ids: dict[int, set[str]] = defaultdict(set)
        self._merged: dict[int, tuple[int, int, Rows]] = {}
        self._read_until: datetime | None = None
        self._joined: tuple[object, Rows] = (None, NOTHING)

    async def add(self, facts: Sequence[Fact]) -> None:
        """Store these. Raises StoreUnavailable."""
        by_day: dict[int, list[Fact]] = defaultdict(list)
        for fact in facts:
            by_day[day_of(fact.at)].append(fact)
        now = self._clock.now()
        pages = []
        for day, own in by_day.items():
            names = Names()
            rows = to_rows(own, names)
            packed = Packed.of(rows, names, (f.conversation_id for f in own))
            pages.append({"day": day, "t": now, "rules": RULES, **packed.document()})
        if not pages:
            return
        try:
            await self._pages.insert_many(pages, ordered=False)
        except PyMongoError as error:
            raise StoreUnavailable from error

    async def rows(self, first: int, last: int) -> Rows:
        """All facts of these UTC days, both included, by time. Raises StoreUnavailable."""
        try:
            await self._read_pages()
            versions = await self._versions()
            wanted = [d for d in range(first, last + 1) if d in versions or self._loose.get(d)]
            await self._load([d for d in wanted if d in versions], versions)
        except PyMongoError as error:
            raise StoreUnavailable from error
        parts = [self._day(day, versions) for day in wanted]
        key = tuple(map(id, parts))
        if self._joined[0] != key:
            joined = np.concatenate(parts) if parts else NOTHING
            # The parts are kept beside it, or their ids might be given to others.
            self._joined = (key, joined)
            self._forget_most(keep=set(wanted))
        return self._joined[1]

    async def conversation_ids(
        self, first: int, last: int, wanted: Iterable[int]
    ) -> dict[int, str]:
        """The ids that these digests stand for, as far as they occur in these days."""
        left, found = set(wanted), {}
        known = [i for d in range(first, last + 1) for i in self._loose_ids.get(d, ())]
        found.update({digest(i): i for i in known if digest(i) in left})
        try:
            for day in range(last, first - 1, -1):
                if len(found) == len(left):
                    break
                document = await self._days.find_one(
                    {"_id": day}, {"ids": 1, "names": 1, "rows": 1}
                )
                if document is not None:
                    for i in Packed.from_document(document).conversation_ids():
                        number = digest(i)
                        if number in left:
                            found[number] = i
        except PyMongoError as error:
            raise StoreUnavailable from error
        return found

    async def roll_up(self, *, everything: bool = False) -> int:
        """Gather the pages of days that are over, or have many; gives how many days."""
        await self._rolled_pages()
        today = day_of(self._clock.now() - timedelta(minutes=10))
        days = [
            day
            for day, pages in self._loose.items()
            if pages and (everything or day < today or len(pages) > LOOSE_PAGES)
        ]
        for day in days:
            await self._roll_up(day)
        return len(days)

    async def replace(self, by_day: dict[int, list[Fact]], *, before: datetime) -> None:
        """These are all facts there were before that time; nothing else was true."""
        try:
            versions = await self._versions()
            for day in sorted({*by_day, *versions}):
                facts = by_day.get(day, [])
                names = Names()
                rows = to_rows(facts, names)
                packed = Packed.of(rows, names, (f.conversation_id for f in facts))
                await self._days.replace_one(
                    {"_id": day},
                    {"v": versions.get(day, 0) + 1, "rules": RULES, **packed.document()},
                    upsert=True,
                )
                await self._note(day, versions.get(day, 0) + 1)
            await self._pages.delete_many({"t": {"$lt": before}})
        except PyMongoError as error:
            raise StoreUnavailable from error
        self._loaded.clear()
        self._loose.clear()
        self._loose_ids.clear()
        self._merged.clear()
        self._read_until = None

    async def _rolled_pages(self) -> None:
        try:
            await self._read_pages()
        except PyMongoError as error:
            raise StoreUnavailable from error

    async def _roll_up(self, day: int) -> None:
        pages = dict(self._loose[day])
        try:
            stored = await self._days.find_one({"_id": day})
            version = stored["v"] if stored else 0
            parts = list(pages.values())
            ids = set(self._loose_ids[day])
            if stored is not None and stored["rules"] == RULES:
                packed = Packed.from_document(stored)
                parts.append(packed.read(self.names))
                ids.update(packed.conversation_ids())
            packed = Packed.of(unique(np.concatenate(parts)), self.names, ids)
            new = {"v": version + 1, "rules": RULES, **packed.document()}
            if stored is None:
                await self._days.insert_one({"_id": day, **new})
            else:
                done = await self._days.replace_one({"_id": day, "v": version}, new)
                if not done.modified_count:
                    return  # somebody else was faster; the pages wait for the next time
            await self._note(day, version + 1)
            await self._pages.delete_many({"_id": {"$in": list(pages)}})
        except DuplicateKeyError:
            return
        except PyMongoError as error:
            raise StoreUnavailable from error
        for page_id in pages:
            self._loose[day].pop(page_id, None)
        if not self._loose[day]:
            self._loose_ids.pop(day, None)

    async def _note(self, day: int, version: int) -> None:
        await self._days.update_one(
            {"_id": CATALOG}, {"$set": {f"days.{day}": version}}, upsert=True
        )

    async def _versions(self) -> dict[int, int]:
        catalog = await self._days.find_one({"_id": CATALOG})
        return {int(day): v for day, v in (catalog or {}).get("days", {}).items()}

    async def _read_pages(self) -> None:
        now = self._clock.now()
        query = {} if self._read_until is None else {"t": {"$gte": self._read_until - OVERLAP}}
        for page in await self._pages.find(query).to_list():
            if page["rules"] != RULES or page["_id"] in self._loose[page["day"]]:
                continue
            packed = Packed.from_document(page)
            self._loose[page["day"]][page["_id"]] = packed.read(self.names)
            self._loose_ids[page["day"]].update(packed.conversation_ids())
        self._read_until = now

    async def _load(self, days: Sequence[int], versions: dict[int, int]) -> None:
        missing = [d for d in days if self._loaded.get(d, (0, NOTHING))[0] != versions[d]]
        for start in range(0, len(missing), 16):
            batch = missing[start : start + 16]
            for document in await self._days.find({"_id": {"$in": batch}}).to_list():
                rows = NOTHING
                if document["rules"] == RULES:
                    rows = Packed.from_document(document).read(self.names)
                self._loaded[document["_id"]] = (document["v"], rows)

    def _day(self, day: int, versions: dict[int, int]) -> Rows:
        version, rolled = self._loaded.get(day, (0, NOTHING))
        if day in self._loaded:
            self._loaded.move_to_end(day)
        pages = self._loose.get(day)
        if not pages:
            return rolled
        merged = self._merged.get(day)
        if merged is not None and merged[:2] == (version, len(pages)):
            return merged[2]
        rows = unique(np.concatenate([rolled, *pages.values()]))
        self._merged[day] = (version, len(pages), rows)
        del versions
        return rows

    def _forget_most(self, *, keep: set[int]) -> None:
        total = sum(len(rows) for _, rows in self._loaded.values())
        for day in list(self._loaded):
            if total <= KEPT_ROWS:
                return
            if day not in keep:
                total -= len(self._loaded.pop(day)[1])


class FactsProjection:
    """Feeds the facts from the log; a commit that comes twice changes nothing."""

    name = "analytics"

    def __init__(self, store: FactStore, *, conversations: Conversations) -> None:
        self._store = store
        self._conversations = conversations
        self._traces: OrderedDict[str, Trace] = OrderedDict()

    async def apply(self, commits: Sequence[Commit]) -> None:
        """See `core.ports.Projection.apply`."""
        facts: list[Fact] = []
        touched: dict[str, Trace] = {}
        try:
            for commit in commits:
                trace = touched.get(commit.conversation_id)
                if trace is None or commit.base != trace.seq + 1:
                    trace = await self._trace(commit)
                    touched[commit.conversation_id] = trace
                facts += trace.take(commit)
            await self._store.add(facts)
        except BaseException:
            # What was not stored comes again, and must find the traces as they were.
            for conversation_id in touched:
                self._traces.pop(conversation_id, None)
            raise
        for conversation_id, trace in touched.items():
            self._traces[conversation_id] = trace
            self._traces.move_to_end(conversation_id)
        while len(self._traces) > TRACED:
            self._traces.popitem(last=False)

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
        ids = [d["_id"] for d in await db["conversations"].find({}, {"_id": 1}).to_list()]
        for start in range(0, len(ids), REBUILD_BATCH):
            batch = ids[start : start + REBUILD_BATCH]
            commits: dict[str, list[Commit]] = defaultdict(list)
            for document in await db["log"].find({"c": {"$in": batch}}).to_list():
                commits[document["c"]].append(commit_from_document(document))
            for conversation_id, own in commits.items():
                trace = Trace(conversation_id)
                for commit in sorted(own, key=lambda c: c.base):
                    for fact in trace.take(commit):
                        by_day[day_of(fact.at)].append(fact)
            if progress is not None:
                progress(min(start + REBUILD_BATCH, len(ids)), len(ids))
    except PyMongoError as error:
        raise StoreUnavailable from error
    await store.replace(by_day, before=begun)
    return len(ids), sum(map(len, by_day.values()))


__all__ = ["FactStore", "FactsProjection", "millis", "rebuild"]
