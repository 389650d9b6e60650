"""Keeps the index saying what the articles say: embeds, forgets, compares and mends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from core.clock import Clock
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Article
from core.rag.knowledge.identity import entry_of
from core.rag.knowledge.indexing import points_of
from core.rag.knowledge.reconciling import Differences, differences, next_change, version_of
from core.rag.knowledge.store import MongoArticles
from core.rag.vectors.encoder import Embedder
from core.rag.vectors.index import Point, VectorIndex

log = logging.getLogger(__name__)

BATCH = 16  #: articles embedded between two writes; a kill loses the work on so many at most

Progress = Callable[[int, int], None]
"""Takes how many articles are done and how many there are."""


class IndexKeeper:
    """The articles of a deployment and the index that is made of them; one call at a time."""

    def __init__(
        self, *, articles: MongoArticles, embedder: Embedder, index: VectorIndex, clock: Clock
    ) -> None:
        self._articles = articles
        self._embedder = embedder
        self._index = index
        self._clock = clock
        self._next_change: datetime | None = None  # when an article begins or ceases to hold
        self._is_unsettled = False  # the index was away when something had to go in or out

    def is_due(self) -> bool:
        """Whether there may be something to mend."""
        now = self._clock.now()
        return self._is_unsettled or (self._next_change is not None and self._next_change <= now)

    async def compared(self) -> Differences:
        """Where index and articles disagree at this moment."""
        entries = [entry_of(outline) for outline in await self._articles.outlines()]
        now = self._clock.now()
        self._next_change = next_change(entries, now=now)
        return differences(entries, await self._index.contents(), now=now)

    async def mend(self, progress: Progress | None) -> tuple[Differences, int]:
        """Have them agree; where they did not, and how many articles were embedded."""
        found = await self.compared()
        await self._index.delete(found.orphaned)
        await self._articles.await_indexing([*found.missing, *found.outdated])
        embedded = await self.embed(progress)
        await self._whole()
        return found, embedded

    async def rebuild(self, progress: Progress | None) -> int:
        """Make all vectors again; of how many articles."""
        await self._articles.unindexed()
        await self._index.clear()
        embedded = await self.embed(progress)
        await self._whole()
        return embedded

    async def forget(self, article_ids: Sequence[str]) -> None:
        """Take them out of the index; where it is away, as soon as it is back."""
        try:
            await self._index.delete(article_ids)
        except VectorsUnavailable:
            log.warning("the vectors of %d articles go when the index is back", len(article_ids))
            self._is_unsettled = True

    async def embed(self, progress: Progress | None) -> int:
        """Embed the articles that wait for it; how many there were."""
        waiting = await self._articles.pending()
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            points: list[Point] = []
            for done, stored in enumerate(batch, start=start):
                if stored.article.is_answerable(self._clock.now()):
                    made = await points_of(stored.article, self._embedder)
                    version = version_of(stored.digest, len({point.id for point in made}))
                    points += [replace(point, version=version) for point in made]
                if progress is not None:
                    progress(done + 1, len(waiting))
            # Between these two an answer may be missing for a moment, never doubled.
            try:
                await self._index.delete([stored.article.id for stored in batch])
                await self._index.upsert(points)
            except VectorsUnavailable:
                self._is_unsettled = True
                raise
            await self._articles.indexed({s.article.id: s.digest for s in batch})
        self._note_windows(stored.article for stored in waiting)
        return len(waiting)

    async def unanswerable(self, article_ids: Collection[str]) -> Collection[str]:
        """Those of these articles that customers may not be answered from at this moment.

        The articles are the truth: the index may not have heard of it yet.
        """
        now = self._clock.now()
        found = map(entry_of, await self._articles.outlines_of(article_ids))
        return set(article_ids) - {entry.id for entry in found if entry.is_answerable(now)}

    async def _whole(self) -> None:
        self._is_unsettled = False
        if await self._articles.model() != self._embedder.name:
            await self._articles.remember_model(self._embedder.name)

    def _note_windows(self, articles: Iterable[Article]) -> None:
        now = self._clock.now()
        edges = [e for a in articles for e in (a.valid_from, a.valid_until) if e and e > now]
        known = [self._next_change] if self._next_change is not None else []
        self._next_change = min([*edges, *known], default=None)
