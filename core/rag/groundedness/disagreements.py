"""Finds articles that contradict each other, in the background.

Each article is compared with its neighbours once for what it says: what an article was compared as
stands in the collection `compared`, by the digest of its content, with the ids of the passages it
disagrees with and none of their words. The sentences are read from the passages when they are
shown, so what was changed or removed meanwhile is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import ReplaceOne

from core.domain.knowledge_change import Change
from core.errors import StoreUnavailable
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Passage
from core.rag.groundedness.contradictions import Contradiction, contradictions
from core.rag.knowledge.indexing import answering, searchable
from core.rag.knowledge.store import MongoArticles, StoredArticle
from core.rag.vectors.encoder import Vector
from core.rag.vectors.index import KnownQuestions, VectorIndex
from core.rag.vectors.lexical import query_vector
from core.runtime.tasks import end
from core.storage.client import MongoCollection
from core.storage.errors import store_errors

log = logging.getLogger(__name__)

NEIGHBOURS = 8  #: matches looked at in each field
AT_ONCE = 50  #: articles compared between two looks at the store
WORDS_CHARS = 600  #: of a passage that are searched for
SETTLING_SECONDS = 0.5  #: a burst of changes is one
Pair = tuple[str, str]  #: ids of two passages, ascending


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two passages and their contradicting sentences."""

    one: Passage
    other: Passage
    said: Contradiction


class Disagreements:
    """Keeps up with the knowledge in the background; idempotent, whoever else does it too."""

    def __init__(
        self,
        *,
        compared: MongoCollection,
        articles: MongoArticles,
        index: VectorIndex,
    ) -> None:
        self._compared = compared
        self._articles = articles
        self._index = index
        self._task: asyncio.Task[None] | None = None
        self._stale = False

    async def changed(self, change: Change) -> None:
        """`core.domain.knowledge_change.OnChange`: compare again soon what was touched."""
        del change
        self.wake()

    def wake(self) -> None:
        """Look soon whether anything has to be compared; many calls cost one look."""
        self._stale = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_up(), name="compare-sources")

    async def stop(self) -> None:
        """Return once nothing of ours is running; what is left is done after the next start."""
        if self._task is not None:
            await end(self._task)

    async def catch_up(self) -> int:
        """Compare every article that was not compared as it is now; how many there were."""
        with store_errors():
            return await self._catch_up()

    async def current(self, *, limit: int = 20) -> list[Disagreement]:
        """The first of those that stand now, each pair once. Raises StoreUnavailable."""
        found: list[Disagreement] = []
        with store_errors():
            documents = await self._compared.find({"disagrees": True}).to_list()
        pairs = sorted({_pair(p) for d in documents for p in d["pairs"]})
        for start in range(0, len(pairs), limit):
            some = pairs[start : start + limit]
            passages = await self._index.passages(sorted({i for pair in some for i in pair}))
            for one, other in some:
                if one in passages and other in passages:
                    said = contradictions(passages[one], passages[other])
                    found += [
                        Disagreement(one=passages[one], other=passages[other], said=c)
                        for c in said[:1]
                    ]
            if len(found) >= limit:
                break
        return found[:limit]

    async def _keep_up(self) -> None:
        while self._stale:
            self._stale = False
            await asyncio.sleep(SETTLING_SECONDS)
            try:
                await self.catch_up()
            except (StoreUnavailable, VectorsUnavailable):
                log.warning("the sources could not be compared; the next change tries again")
                return
            except Exception:
                log.exception("the sources could not be compared")
                return

    async def _catch_up(self) -> int:
        wanted = await self._articles.digests()
        done = {d["_id"]: d["digest"] async for d in self._compared.find({}, {"digest": 1})}
        if gone := sorted(done.keys() - wanted.keys()):
            await self._compared.delete_many({"_id": {"$in": gone}})
        waiting = sorted(i for i, digest in wanted.items() if done.get(i) != digest)
        if not waiting:
            return 0
        near = _Meanings(await self._index.known_questions())
        for start in range(0, len(waiting), AT_ONCE):
            stored = await self._articles.find(waiting[start : start + AT_ONCE])
            writes = []
            for one in stored.values():
                if not one.pending:
                    pairs = [pair async for pair in self._pairs_of(one, near)]
                    writes.append(
                        ReplaceOne({"_id": one.article.id}, _document(one, pairs), upsert=True)
                    )
            if writes:
                await self._compared.bulk_write(writes, ordered=False)
        return len(waiting)

    async def _pairs_of(self, stored: StoredArticle, near: _Meanings) -> AsyncIterator[Pair]:
        for passage in answering(stored.article):
            meaning = near.of(passage)
            if not passage.text or meaning is None:
                continue
            words = query_vector(searchable(passage)[:WORDS_CHARS])
            found = await self._index.search(meaning, words, limit=NEIGHBOURS)
            ids = {m.payload["passage_id"] for matches in found.values() for m in matches}
            others = await self._index.passages(sorted(ids - {passage.id}))
            for other in await asyncio.to_thread(_disagreeing, passage, list(others.values())):
                yield _pair((passage.id, other.id))


class _Meanings:
    """The vectors of titles and headings, by the passage and by the article they stand for."""

    def __init__(self, known: KnownQuestions) -> None:
        self._vectors = known.vectors
        self._rows: dict[str, int] = {}
        for row, passage_id in enumerate(known.passages):
            self._rows.setdefault(passage_id, row)
            self._rows.setdefault(passage_id.rpartition("#")[0], row)

    def of(self, passage: Passage) -> Vector | None:
        """That of the passage, else of its article."""
        row = self._rows.get(passage.id, self._rows.get(passage.article_id))
        return None if row is None else self._vectors[row]


def _disagreeing(passage: Passage, others: Sequence[Passage]) -> list[Passage]:
    return [other for other in others if contradictions(passage, other)]


def _pair(ids: Sequence[str]) -> Pair:
    one, other = sorted(ids)
    return one, other


def _document(stored: StoredArticle, pairs: Sequence[Pair]) -> dict[str, Any]:
    return {
        "_id": stored.article.id,
        "digest": stored.digest,
        "disagrees": bool(pairs),
        "pairs": [list(pair) for pair in dict.fromkeys(pairs)],
    }
