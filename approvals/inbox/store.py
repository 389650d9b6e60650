"""The store of the inbox: packed pages, changed by compare-and-set, searched in memory."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

import numpy as np

from approvals.inbox.pages import CHOSEN_BY, EMPTY, News, Page, Places, page_of, unpacked
from approvals.inbox.rows import Row, Wanted
from core.errors import StoreUnavailable
from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors

MARK = "built"  #: the document that says by which key the words were numbered
HEADS = "heads"  #: the document with the newest version of each page
AT_ONCE = 16  #: pages that are read, or written
ATTEMPTS = 8  #: at one page, which other processes may be changing
_ROWS = {"words": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Rows in the wanted order; `next` is the place of the last one, None at the end."""

    rows: Sequence[Row]
    next: tuple[int, str] | None
    total: int  #: of all pages


class InboxStore:
    """Keeps every conversation's row and words.

    What is told is seen here at once and by other processes after `flush`; between two looks only
    pages that have changed are read again.
    """

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection
        self._pages: dict[int, Page] = {}
        self._pending: dict[str, News] = {}
        self._flushing = asyncio.Lock()
        self._reading = asyncio.Lock()

    def tell(self, news: Mapping[str, News]) -> None:
        """Take this in; nothing is written before `flush`."""
        for key, new in news.items():
            self._pending[key] = new.after(self._pending.get(key))

    async def flush(self) -> None:
        """Write down what was told. Raises StoreUnavailable, and holds it then."""
        async with self._flushing:
            by_page: dict[int, dict[str, News]] = defaultdict(dict)
            for key, news in self._pending.items():
                by_page[page_of(key)][key] = news
            places, versions = asyncio.Semaphore(AT_ONCE), {}

            async def write(number: int, told: Mapping[str, News]) -> None:
                async with places:
                    page = self._pages[number] = await self._write(number, told)
                versions[f"pages.{number}"] = page.version
                for key, news in told.items():
                    if self._pending.get(key) is news:
                        del self._pending[key]

            outcomes = await asyncio.gather(
                *(write(number, told) for number, told in by_page.items()), return_exceptions=True
            )
            # What is written is to be seen by all, whatever became of the other pages.
            if versions:
                with store_errors():
                    await self._collection.update_one(
                        {"_id": HEADS}, {"$max": versions}, upsert=True
                    )
            for outcome in outcomes:
                if outcome is not None:
                    raise outcome

    async def find(
        self,
        wanted: Wanted,
        *,
        words: frozenset[int] = frozenset(),
        by: str = "newest",
        limit: int,
        after: tuple[int, str] | None = None,
    ) -> Found:
        """The rows that are wanted and in which all `words` stand.

        `by` is newest, oldest or waiting (whoever waits longest first); `after` is `next` of
        the page before.
        """
        await self._refresh(whole=bool(words))
        pending: dict[int, list[str]] = defaultdict(list)
        for key in self._pending:
            pending[page_of(key)].append(key)
        fresh = self._fresh_page(whole=bool(words))
        hits = [(fresh, fresh.find(wanted, words, by=by))]
        hits += [
            (page, page.find(wanted, words, by=by, without=pending.get(number, ())))
            for number, page in self._pages.items()
        ]
        behind = [(page, *_behind(page, *hit, after)) for page, hit in hits]
        every = np.concatenate([places for _, _, places in behind])
        # One more tells that there is more; those of one moment are told apart by their ids. Only
        # these become objects: a hundred thousand a look would keep the garbage collector busy.
        bound = np.partition(every, limit)[limit] if len(every) > limit else None
        found: list[tuple[int, str, Row]] = []
        for page, numbers, places in behind:
            first = np.flatnonzero(places <= bound) if bound is not None else range(len(places))
            for i in first:
                row = page.row(int(numbers[i]))
                found.append((int(places[i]), row.id, row))
        chosen = nsmallest(limit + 1, found)
        last = chosen[limit - 1] if len(chosen) > limit else None
        return Found(
            rows=tuple(row for _, _, row in chosen[:limit]),
            next=last[:2] if last else None,
            total=sum(len(numbers) for _, (numbers, _) in hits),
        )

    async def row(self, conversation_id: str) -> Row | None:
        """The row of one conversation."""
        await self._refresh(whole=False)
        page = self._pages.get(page_of(conversation_id))
        known = page.rows.get(conversation_id) if page else None
        news = self._pending.get(conversation_id)
        return news.over(known) if news else known

    def values(self) -> Mapping[str, Sequence[str]]:
        """Channels, languages, topics and tags of what `find` has read last, for choosing."""
        known: dict[str, set[str]] = {name: set() for name in (*CHOSEN_BY, "tags")}
        for page in (*self._pages.values(), self._fresh_page(whole=False)):
            for name, values in page.values.items():
                known[name] |= values
        return {name: sorted(values - {""}) for name, values in known.items()}

    async def built_with(self) -> str:
        """By which key the words were numbered; "" while there is no index."""
        with store_errors():
            mark = await self._collection.find_one({"_id": MARK})
        return str(mark["key"]) if mark else ""

    async def mark_built(self, key: str) -> None:
        """All conversations are in it, numbered by this key."""
        with store_errors():
            mark = {"_id": MARK, "key": key}
            await self._collection.replace_one({"_id": MARK}, mark, upsert=True)

    def _fresh_page(self, *, whole: bool) -> Page:
        """What is not written down yet, as a page of its own."""
        news: dict[str, News] = {}
        for key, new in self._pending.items():
            if new.row is None:
                continue
            page = self._pages.get(page_of(key), EMPTY)
            known = page.words_of(key) if whole and not new.anew else frozenset()
            news[key] = News(row=new.over(page.rows.get(key)), words=known | new.words)
        return EMPTY.with_news(news)

    async def _refresh(self, *, whole: bool) -> None:
        """Read what has changed; `whole` reads the words too."""
        async with self._reading:
            with store_errors():
                heads = await self._collection.find_one({"_id": HEADS})
            versions: Mapping[str, int] = heads["pages"] if heads else {}
            stale = [
                number
                for number, version in versions.items()
                if (page := self._pages.get(int(number))) is None
                or page.version < version
                or (whole and not page.has_words)
            ]
            for start in range(0, len(stale), AT_ONCE):
                some = {"_id": {"$in": stale[start : start + AT_ONCE]}}
                with store_errors():
                    found = await self._collection.find(some, None if whole else _ROWS).to_list()
                for document in found:
                    self._pages[int(document["_id"])] = unpacked(document)

    async def _write(self, number: int, news: Mapping[str, News]) -> Page:
        known = self._pages.get(number)
        for _ in range(ATTEMPTS):
            if known is None or not known.has_words:
                known = await self._read(number)
            page = known.with_news(news)
            document = {"_id": str(number), **page.packed()}
            try:
                with store_errors():
                    done = await self._collection.replace_one(
                        {"_id": str(number), "v": known.version},
                        document,
                        upsert=known.version == 0,
                    )
            except KeyTaken:
                known = None
                continue
            if done.matched_count or done.upserted_id is not None:
                return page
            known = None  # another process was faster
        raise StoreUnavailable("The inbox is too busy.")

    async def _read(self, number: int) -> Page:
        with store_errors():
            document = await self._collection.find_one({"_id": str(number)})
        return unpacked(document) if document else EMPTY


def _behind(
    page: Page, numbers: Places, places: Places, after: tuple[int, str] | None
) -> tuple[Places, Places]:
    """Those of a page's rows that come behind `after`."""
    if after is None:
        return numbers, places
    ties = np.flatnonzero(places == after[0])
    seen = [i for i in ties.tolist() if page.row(int(numbers[i])).id <= after[1]]
    behind = places >= after[0]
    behind[seen] = False
    return numbers[behind], places[behind]
