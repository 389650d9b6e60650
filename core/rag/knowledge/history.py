"""The history of articles: earlier versions, and who changed what, for half a year.

A version is kept at the moment it is replaced or removed, whoever does it, so that it can be
brought back. What came from a person goes with them (`core.rag.personal_data`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import Clock
from core.domain.knowledge_change import Change, Deed
from core.rag.knowledge.store import MongoArticles, batched
from core.storage.client import Database
from core.storage.errors import store_errors

MOST = 100  #: changes of one article, and removals, that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of one article."""

    article_id: str
    at: datetime
    by: str
    deed: Deed
    before: str  #: digest of what it said, "" where it is new
    after: str  #: digest of what it says since, "" where it is gone


class History:
    """The collections `article_changes` and `article_versions`."""

    def __init__(self, db: Database, *, articles: MongoArticles, clock: Clock) -> None:
        self._changes = db["article_changes"]
        self._versions = db["article_versions"]
        self._articles = articles
        self._clock = clock

    async def changed(self, change: Change) -> None:
        """`core.domain.knowledge_change.OnChange`: note who changed which articles."""
        now = self._clock.now()
        documents = [
            {
                "_id": self._clock.new_id(),
                "article": article_id,
                "at": now,
                "by": change.by,
                "deed": change.deed.value,
                "before": change.before.get(article_id, ""),
                "after": change.after.get(article_id, ""),
            }
            for article_id in {**change.before, **change.after}
            if change.before.get(article_id) != change.after.get(article_id)
        ]
        for part in batched(documents):
            with store_errors():
                await self._changes.insert_many(part)

    async def of(self, article_id: str) -> list[Entry]:
        """The changes of an article, the newest first."""
        with store_errors():
            found = await self._changes.find({"article": article_id}).to_list()
        return _newest(found)

    async def removed(self) -> list[tuple[Entry, str]]:
        """Articles that were removed and are not there again, the newest first, with titles."""
        with store_errors():
            found = await self._changes.find({"after": ""}).to_list()
        last: dict[str, Entry] = {}
        for entry in _newest(found):
            last.setdefault(entry.article_id, entry)
        there = {o["_id"] for o in await self._articles.outlines_of(last)}
        gone = [entry for i, entry in last.items() if i not in there]
        titles = await self._titles([f"{e.article_id}/{e.before}" for e in gone])
        return [
            (entry, titles[key])
            for entry in gone
            if (key := f"{entry.article_id}/{entry.before}") in titles
        ]

    async def versions(self, article_id: str) -> Mapping[str, Mapping[str, Any]]:
        """What an article once said, by digest: its title and text."""
        with store_errors():
            found = await self._versions.find({"article": article_id}).to_list()
        return {
            document["digest"]: {
                "title": document["was"]["title"],
                "text": document["was"]["text"],
            }
            for document in found
        }

    async def _titles(self, keys: Sequence[str]) -> dict[str, str]:
        with store_errors():
            found = await self._versions.find(
                {"_id": {"$in": list(keys)}}, {"was.title": 1}
            ).to_list()
        return {document["_id"]: document["was"]["title"] for document in found}


def _newest(documents: Sequence[Mapping[str, Any]]) -> list[Entry]:
    entries = [
        Entry(
            article_id=d["article"],
            at=d["at"],
            by=d["by"],
            deed=Deed(d["deed"]),
            before=d["before"],
            after=d["after"],
        )
        for d in documents
    ]
    return sorted(entries, key=lambda e: e.at, reverse=True)[:MOST]
