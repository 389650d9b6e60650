"""The facts in the store: pages as they come, rolled up into one document a day."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from analytics.columns import (
    DAY_MS,
    Names,
    Page,
    Row,
    Rows,
    as_rows,
    day_of,
    digest,
    to_row,
    to_rows,
)
from analytics.days import Day, ids_of, joined, merged
from analytics.facts import RULES, Fact
from analytics.tables import Facts
from core.clock import Clock
from core.errors import StoreUnavailable

KEPT_BYTES = 96_000_000  #: of days in memory, 22 bytes a fact; older ones are read again
KEPT_JOINS = 3  #: stretches of time whose columns are kept, those asked for last
OVERLAP = timedelta(seconds=10)  #: pages may become visible a little after their time
LOOSE_PAGES = 400  #: of a day that is not over: more are rolled up
READ_AT_ONCE = 32  #: days
CATALOG = "catalog"


class FactStore:
    """Takes facts in by pages and gives them back by days.

    Facts are gathered in memory and written by one insert, whatever their number; who reads in
    the same process sees them at once. Pages of a day are rolled up into that day's document;
    until they are deleted a fact may stand in both, and whoever reads takes each once. Readers
    look at pages first and at days after, because a page is deleted only when its day holds it.
    """

    def __init__(self, db: AsyncDatabase[dict[str, Any]], *, clock: Clock) -> None:
        self._pages = db["analytics_pages"]
        self._days = db["analytics_days"]
        self._clock = clock
        self.names = Names()
        self._fresh: list[tuple[Row, str]] = []  # taken in, not written yet; whose facts they are
        self._loose: dict[int, dict[Any, Rows]] = defaultdict(dict)
        self._loose_ids: dict[int, dict[int, str]] = defaultdict(dict)
        self._loaded: OrderedDict[int, tuple[int, Day]] = OrderedDict()  # day -> version, facts
        self._merged: dict[int, tuple[tuple[int, int, int], Day]] = {}
        self._joined: OrderedDict[tuple[int, ...], tuple[list[Day], Facts]] = OrderedDict()
        self._read_until: datetime | None = None
        self._gathered = 0
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()

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
        try:
            await self._pages.insert_many(pages, ordered=False)
        except PyMongoError as error:
            raise StoreUnavailable from error
        for day, page_id, rows, ids in known:
            self._loose[day][page_id] = rows
            self._loose_ids[day].update(ids)
        del self._fresh[: len(fresh)]

    async def facts(self, first: int, last: int) -> Facts:
        """All facts of these UTC days, both included. Raises StoreUnavailable."""
        async with self._reading:
            try:
                await self._read_pages()
                versions = await self._versions()
                await self._load([d for d in range(first, last + 1) if d in versions], versions)
            except PyMongoError as error:
                raise StoreUnavailable from error
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
        try:
            for day in range(last, first - 1, -1):
                take(self._loose_ids.get(day, {}))
                if not left:
                    break
                if day in self._loaded and left.isdisjoint(self._loaded[day][1].digests.tolist()):
                    continue
                fields = {"ids": 1, "rows": 1, "names": 1}
                document = await self._days.find_one({"_id": day}, fields)
                if document is not None:
                    take(ids_of(document))
        except PyMongoError as error:
            raise StoreUnavailable from error
        return found

    async def roll_up(self, *, everything: bool = False) -> int:
        """Gather the pages of days that are over, or have many; gives how many days."""
        try:
            await self._read_pages()
        except PyMongoError as error:
            raise StoreUnavailable from error
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
        try:
            versions = await self._versions()
            for number in sorted({*by_day, *versions}):
                facts = by_day.get(number, ())
                names = Names()
                day = Day.of(number, to_rows(facts, names), names)
                ids = {digest(i): i for i in {f.conversation_id for f in facts}}
                version = versions.get(number, 0) + 1
                await self._days.replace_one(
                    {"_id": number},
                    {"v": version, "rules": RULES, **day.document(names, ids)},
                    upsert=True,
                )
                await self._note(number, version)
            await self._pages.delete_many({"t": {"$lt": before}})
        except PyMongoError as error:
            raise StoreUnavailable from error
        for kept in (self._loaded, self._loose, self._loose_ids, self._merged, self._joined):
            kept.clear()
        self._read_until = None

    async def _roll_up(self, number: int) -> None:
        pages = dict(self._loose[number])
        ids = dict(self._loose_ids[number])
        try:
            stored = await self._days.find_one({"_id": number})
            version, day = (stored["v"] if stored else 0), None
            if stored is not None and stored["rules"] == RULES:
                day = Day.read(stored, self.names)
                ids |= ids_of(stored)
            day = merged(number, day, list(pages.values()), self.names)
            new = {"v": version + 1, "rules": RULES, **day.document(self.names, ids)}
            if stored is None:
                await self._days.insert_one({"_id": number, **new})
            else:
                done = await self._days.replace_one({"_id": number, "v": version}, new)
                if not done.modified_count:
                    return  # somebody else was faster; the pages wait for the next time
            await self._note(number, version + 1)
            await self._pages.delete_many({"_id": {"$in": list(pages)}})
        except DuplicateKeyError:
            return
        except PyMongoError as error:
            raise StoreUnavailable from error
        for page_id in pages:
            self._loose[number].pop(page_id, None)
        if not self._loose[number]:
            self._loose_ids.pop(number, None)

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
        for document in await self._pages.find(query).to_list():
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
            documents = await self._days.find({"_id": {"$in": batch}}).to_list()
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
            while len(self._joined) > KEPT_JOINS:
                self._joined.popitem(last=False)
        self._joined.move_to_end(key)
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
