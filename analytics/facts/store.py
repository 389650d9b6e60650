"""The store of facts: pages as they come, rolled up into one document a day."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from bson import ObjectId

from analytics.facts.columns import (
    DAY_MS,
    NAMED,
    NOTHING,
    Names,
    Page,
    Row,
    Rows,
    as_rows,
    day_of,
    digest,
    plain_row,
    to_row,
    to_rows,
    unique,
)
from analytics.facts.day_documents import DayDocuments
from analytics.facts.days import Day, ids_of, joined, merged, names_of
from analytics.facts.model import RULES, Fact
from analytics.facts.tables import Facts
from core.clock import Clock
from core.runtime.lru import LruDict
from core.storage.client import Database, unhurried
from core.storage.errors import store_errors

Rewording = Callable[[Rows, Names], Rows | None]
"""Changes rows in place that it is given, and gives them back; None where nothing is to change."""

KEPT_BYTES = 96_000_000  #: of days in memory, 22 bytes a fact; older ones are read again
KEPT_JOINS = 3  #: stretches of time whose columns are kept, those asked for last
#: Pages become visible after the time they bear, by as much as an election or two clocks make it.
OVERLAP = timedelta(seconds=120)
LOOSE_PAGES = 400  #: of a day that is not over: more are rolled up
READ_AT_ONCE = 32  #: days


class FactStore:
    """Takes facts in by pages and gives them back by days.

    Facts are gathered in memory and written by one insert, whatever their number; who reads in
    the same process sees them at once. Pages of a day are rolled up into that day's document;
    until they are deleted a fact may stand in both, and whoever reads takes each once. Readers
    look at pages first and at days after, because a page is deleted only when its day holds it.
    """

    def __init__(self, db: Database, *, clock: Clock, days: DayDocuments | None = None) -> None:
        self._pages = db["analytics_pages"]
        self._days = days or DayDocuments(db)
        self._clock = clock
        self.names = Names()
        self._fresh: list[tuple[Row, str]] = []  # taken in, not written yet; whose facts they are
        self._loose: dict[int, dict[Any, Rows]] = defaultdict(dict)
        self._loose_ids: dict[int, dict[int, str]] = defaultdict(dict)
        self._loaded: OrderedDict[int, tuple[int, Day]] = OrderedDict()  # day -> version, facts
        self._merged: dict[int, tuple[tuple[int, int, int], Day]] = {}
        self._joined: LruDict[tuple[int, ...], tuple[list[Day], Facts]] = LruDict(KEPT_JOINS)
        self._read_until: datetime | None = None
        self._gathered = 0
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._changing = asyncio.Lock()  # what is written already: rolled up, reworded, made again

    def gather(self, facts: Sequence[Fact]) -> None:
        """Take these in; `flush` writes them down."""
        # Turned into rows as they come: all at once would hold up whoever writes just then.
        self._fresh += [(to_row(fact, self.names), fact.conversation_id) for fact in facts]
        self._gathered += len(facts)

    async def flush(self) -> None:
        """Write down what was gathered. Raises StoreUnavailable, and keeps it then."""
        async with self._writing:
            await self._write()

    async def _write(self) -> None:
        fresh = list(self._fresh)
        if not fresh:
            return
        by_day: dict[int, list[tuple[Row, str]]] = defaultdict(list)
        for row, conversation_id in fresh:
            by_day[row[0] // DAY_MS].append((row, conversation_id))
        now, pages, known = self._clock.now(), [], []
        for day, own in by_day.items():
            page_id, rows = ObjectId(), as_rows([row for row, _ in own])
            ids = {row[1]: conversation_id for row, conversation_id in own}
            page = Page.of(rows, self.names, ids.values())
            pages.append({"_id": page_id, "day": day, "t": now, "rules": RULES, **page.document()})
            known.append((day, page_id, rows, ids))
        with store_errors():
            await self._pages.insert_many(pages, ordered=False)
        for day, page_id, rows, ids in known:
            self._loose[day][page_id] = rows
            self._loose_ids[day].update(ids)
        del self._fresh[: len(fresh)]

    async def facts(self, first: int, last: int) -> Facts:
        """All facts of these UTC days, both included. Raises StoreUnavailable."""
        async with self._reading:
            with store_errors():
                await self._read_pages()
                versions = await self._days.versions()
                await self._load([d for d in range(first, last + 1) if d in versions], versions)
            fresh = self._fresh_rows(first, last)
            known = {*versions, *fresh, *(d for d, pages in self._loose.items() if pages)}
            wanted = [day for day in range(first, last + 1) if day in known]
            parts = [
                (day, list(self._loose.get(day, {}).values()), fresh.get(day)) for day in wanted
            ]
            # A day with much in it takes long enough to put together for a customer to notice.
            found = await asyncio.to_thread(
                lambda: self._join([self._day(day, pages, new) for day, pages, new in parts])
            )
            self._forget_most(keep=set(wanted))
            return found

    async def conversation_ids(
        self, first: int, last: int, wanted: Iterable[int]
    ) -> dict[int, str]:
        """The ids that these digests stand for, as far as they occur in these days."""
        left, found = set(wanted), dict[int, str]()

        def take(ids: Mapping[int, str]) -> None:
            found.update({number: ids[number] for number in left & ids.keys()})
            left.difference_update(found)

        take({row[1]: conversation_id for row, conversation_id in self._fresh})
        with store_errors():
            for day in range(last, first - 1, -1):
                take(self._loose_ids.get(day, {}))
                if not left:
                    break
                if day in self._loaded and left.isdisjoint(self._loaded[day][1].digests.tolist()):
                    continue
                document = await self._days.find_ids(day)
                if document is not None:
                    take(ids_of(document))
        return found

    async def roll_up(self, *, everything: bool = False) -> int:
        """Gather the pages of days that are over, or have many; gives how many days."""
        async with self._changing:
            return await self._roll_up_all(everything=everything)

    async def _roll_up_all(self, *, everything: bool) -> int:
        with store_errors():
            await self._read_pages()
        today = day_of(self._clock.now() - timedelta(minutes=10))
        days = [
            day
            for day, pages in self._loose.items()
            if pages and (everything or day < today or len(pages) > LOOSE_PAGES)
        ]
        for day in days:
            await self._roll_up(day)
        return len(days)

    async def replace(self, by_day: Mapping[int, Sequence[Fact]], *, before: datetime) -> None:
        """These are all facts there were before that time; nothing else was true."""
        async with self._changing:
            await self._replace(by_day, before=before)

    async def reword(self, change: Rewording, *, texts: Collection[str]) -> int:
        """Change the names in facts that are written down; gives in how many facts.

        `change` gives the rows with other names, or None where all stay as they are. It is asked
        about what mentions one of `texts`, which nobody is counted under any more afterwards
        unless `change` leaves them. Raises StoreUnavailable.
        """
        await self.flush()
        async with self._changing, self._writing, self._reading:
            with store_errors():
                changed = await self._reword_pages(change, frozenset(texts))
                changed += await self._reword_days(change, frozenset(texts))
            if changed:
                self._merged.clear()
                self._joined.clear()
                self._forget_names(texts)
        return changed

    async def rows_of(self, conversation_ids: Collection[str]) -> list[dict[str, Any]]:
        """Every fact of these conversations in plain words, by time."""
        await self.flush()
        wanted = np.array([digest(i) for i in conversation_ids], dtype=np.uint64)
        ids = dict(zip(wanted.tolist(), conversation_ids, strict=True))
        names = Names()
        with store_errors():
            parts = [Page.from_document(d).read(names) async for d in self._pages.find({})]
            async for document in self._days.all():
                if not wanted.size or not set(ids) & ids_of(document).keys():
                    continue
                parts.append(Day.read(document, names).rows())
        own = [rows[np.isin(rows["conversation"], wanted)] for rows in parts]
        found = unique(np.concatenate([NOTHING, *own]))
        return [plain_row(row, names, ids) for row in found.tolist()]

    async def _reword_pages(self, change: Rewording, texts: frozenset[str]) -> int:
        changed = 0
        with unhurried():
            documents = await self._pages.find({}).to_list()
        for document in documents:
            page = Page.from_document(document)
            if document["rules"] != RULES or not texts & set(page.texts()):
                continue
            rows = change(page.read(self.names), self.names)
            if rows is None:
                continue
            changed += int(np.count_nonzero(rows != page.read(self.names)))
            again = Page.of(rows, self.names, page.conversation_ids())
            await self._pages.update_one({"_id": document["_id"]}, {"$set": again.document()})
            if document["_id"] in self._loose.get(document["day"], {}):
                self._loose[document["day"]][document["_id"]] = rows
        return changed

    async def _reword_days(self, change: Rewording, texts: frozenset[str]) -> int:
        changed = 0
        async for document in self._days.all():
            number = document["_id"]
            if document["rules"] != RULES:
                continue
            if not texts & set(names_of(document)):
                continue
            before = Day.read(document, self.names).rows()
            rows = change(before.copy(), self.names)
            if rows is None:
                continue
            changed += int(np.count_nonzero(rows != before))
            version = document["v"] + 1
            again = Day.of(number, rows, self.names).document(self.names, ids_of(document))
            await self._days.put(number, {"rules": RULES, **again}, version=version)
            self._loaded.pop(number, None)
        return changed

    def _forget_names(self, texts: Collection[str]) -> None:
        """No name is remembered in memory either that nobody is counted under."""
        loose = [rows for pages in self._loose.values() for rows in pages.values()]
        used = {number for row, _ in self._fresh for number in row[4:10]}
        for rows in loose:
            used.update(*(np.unique(rows[field]).tolist() for field in NAMED))
        for _, day in self._loaded.values():
            used.update(day.names.tolist())
        for text in texts:
            if self.names.find(text) not in used:
                self.names.forget(text)

    async def _replace(self, by_day: Mapping[int, Sequence[Fact]], *, before: datetime) -> None:
        with store_errors():
            versions = await self._days.versions()
            for number in sorted({*by_day, *versions}):
                facts = by_day.get(number, ())
                names = Names()
                day = Day.of(number, to_rows(facts, names), names)
                ids = {digest(i): i for i in {f.conversation_id for f in facts}}
                version = versions.get(number, 0) + 1
                fields = {"rules": RULES, **day.document(names, ids)}
                await self._days.put(number, fields, version=version)
            with unhurried():
                await self._pages.delete_many({"t": {"$lt": before}})
        for kept in (self._loaded, self._loose, self._loose_ids, self._merged, self._joined):
            kept.clear()
        self._read_until = None

    async def _roll_up(self, number: int) -> None:
        pages = dict(self._loose[number])
        ids = dict(self._loose_ids[number])
        with store_errors():
            stored = await self._days.find(number)
            version = stored["v"] if stored else 0
            # A day of a hundred thousand conversations takes seconds; customers wait for the loop.
            fields = await asyncio.to_thread(
                self._rolled, number, stored, list(pages.values()), ids
            )
            if not await self._days.put(number, fields, version=version + 1, after=version):
                return  # somebody else was faster; the pages wait for the next time
            await self._pages.delete_many({"_id": {"$in": list(pages)}})
        for page_id in pages:
            self._loose[number].pop(page_id, None)
        if not self._loose[number]:
            self._loose_ids.pop(number, None)

    def _rolled(
        self,
        number: int,
        stored: Mapping[str, Any] | None,
        pages: Sequence[Rows],
        ids: Mapping[int, str],
    ) -> dict[str, Any]:
        """The fields of the day with these pages."""
        day, known = None, dict(ids)
        if stored is not None and stored["rules"] == RULES:
            day = Day.read(stored, self.names)
            known |= ids_of(stored)
        day = merged(number, day, pages, self.names)
        return {"rules": RULES, **day.document(self.names, known)}

    async def _read_pages(self) -> None:
        now = self._clock.now()
        query = {} if self._read_until is None else {"t": {"$gte": self._read_until - OVERLAP}}
        with unhurried():
            documents = await self._pages.find(query).to_list()
        for document in documents:
            own = self._loose[document["day"]]
            if document["rules"] != RULES or document["_id"] in own:
                continue
            page = Page.from_document(document)
            own[document["_id"]] = page.read(self.names)
            ids = {digest(i): i for i in page.conversation_ids()}
            self._loose_ids[document["day"]].update(ids)
        self._read_until = now

    async def _load(self, days: Sequence[int], versions: Mapping[int, int]) -> None:
        missing = [d for d in days if d not in self._loaded or self._loaded[d][0] != versions[d]]
        for start in range(0, len(missing), READ_AT_ONCE):
            batch = missing[start : start + READ_AT_ONCE]
            documents = await self._days.find_many(batch)
            read = await asyncio.to_thread(self._read, documents)
            for document, day in zip(documents, read, strict=True):
                self._loaded[day.number] = (document["v"], day)

    def _read(self, documents: Sequence[Mapping[str, Any]]) -> list[Day]:
        return [
            Day.read(document, self.names)
            if document["rules"] == RULES
            else merged(document["_id"], None, (), self.names)
            for document in documents
        ]

    def _fresh_rows(self, first: int, last: int) -> dict[int, Rows]:
        by_day: dict[int, list[Row]] = defaultdict(list)
        for row, _ in self._fresh:
            number = row[0] // DAY_MS
            if first <= number <= last:
                by_day[number].append(row)
        return {number: as_rows(own) for number, own in by_day.items()}

    def _day(self, number: int, pages: list[Rows], fresh: Rows | None) -> Day:
        version, rolled = self._loaded.get(number, (0, None))
        if rolled is not None:
            self._loaded.move_to_end(number)
            if not pages and fresh is None:
                return rolled
        mark = (version, len(pages), 0 if fresh is None else self._gathered)
        known = self._merged.get(number)
        if known is not None and known[0] == mark:
            return known[1]
        rows = [*pages, fresh] if fresh is not None else pages
        day = merged(number, rolled, rows, self.names)
        self._merged[number] = (mark, day)
        return day

    def _join(self, days: list[Day]) -> Facts:
        key = tuple(map(id, days))
        known = self._joined.get(key)
        if known is None:
            # The days are kept beside it, or their ids might be given to others.
            known = self._joined[key] = (days, joined(days))
        return known[1]

    def _forget_most(self, *, keep: set[int]) -> None:
        total = sum(day.size for _, day in self._loaded.values())
        for number in list(self._loaded):
            if total <= KEPT_BYTES:
                return
            if number not in keep:
                total -= self._loaded.pop(number)[1].size
        for number in [n for n in self._merged if n not in keep]:
            del self._merged[number]
