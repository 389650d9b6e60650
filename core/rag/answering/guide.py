"""The product's own guide, in an index apart from the company's knowledge.

Staff always (Help), customers only as a demonstration: until the company has first had an article
of its own. It has an index of its own, so that no passage of it weighs in the company's ranking, in
the rarity of words or in what the confidence is fitted to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from core.rag.domain.model import Article, Found
from core.rag.knowledge.indexing import points_of
from core.rag.reading.readers import files_in, read_file
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.encoder import Embedder
from core.rag.vectors.in_memory import MemoryIndex
from core.runtime import tasks


class Guide:
    """A folder's index in memory: the guide, whose vectors ship with it, or a demonstration."""

    def __init__(self, folder: Path, *, embedder: Embedder, prefix: str = "guide-") -> None:
        """`prefix` begins the id of each of its articles."""
        self._folder = folder
        self._prefix = prefix
        self._embedder = embedder
        self._index = MemoryIndex(size=lambda: embedder.size)
        self._retriever = HybridRetriever(embedder, self._index)
        self._taking_in: asyncio.Task[None] | None = None
        self._articles: tuple[Article, ...] = ()

    @property
    def files(self) -> frozenset[str]:
        """Its files by their paths below its folder, as earlier versions kept them."""
        return frozenset(str(f.relative_to(self._folder)) for f in files_in([self._folder]))

    def has(self, article_id: str) -> bool:
        """Whether one of its articles has this id."""
        return article_id.startswith(self._prefix)

    async def ready(self) -> None:
        """Take it in at the first call; return once it can be searched."""
        if self._taking_in is None:
            self._taking_in = asyncio.create_task(self._take_in(), name="guide")
        await asyncio.shield(self._taking_in)

    async def stop(self) -> None:
        """Return once nothing of ours is running."""
        if self._taking_in is not None:
            await tasks.end(self._taking_in)
        await self._retriever.stop()
        await self._index.stop()

    async def search(self, text: str, *, locale: str = "", limit: int = 5) -> Found:
        """The sections that fit best, in any language, the reader's before others."""
        await self.ready()
        return await self._retriever.search(text, locale=locale, limit=limit)

    async def contents(self, locale: str) -> list[tuple[str, str]]:
        """Its pages in this language: address and title, in their order."""
        await self.ready()
        return sorted((a.url, a.title) for a in self._articles if a.locale == locale)

    async def _take_in(self) -> None:
        read = await asyncio.to_thread(lambda: [read_file(f) for f in files_in([self._folder])])
        articles = [article for found in read for article in found]
        await self._index.start()
        await self._index.upsert(
            [point for a in articles for point in await points_of(a, self._embedder)]
        )
        await self._retriever.refresh()
        self._articles = tuple(articles)


class Customers:
    """`Retriever` for customers: the company's knowledge, before it a demonstration."""

    def __init__(
        self,
        own: HybridRetriever,
        guide: Guide | None,
        *,
        demonstrates: Callable[[], Awaitable[bool]],
        shop: Callable[[], Guide | None] = lambda: None,
    ) -> None:
        """`demonstrates` says whether the company has never had knowledge of its own.

        `shop` is the demonstration shop while it is here: it answers in the guide's place.
        """
        self._own = own
        self._guide = guide
        self._demonstrates = demonstrates
        self._shop = shop
        self._demonstrated = False

    @property
    def revision(self) -> object:
        """Another value whenever the same question may be answered otherwise."""
        return self._own.revision, self._demonstrated, self._shop() is not None

    async def search(self, text: str, *, locale: str = "", limit: int = 5) -> Found:
        """See Retriever."""
        shown = self._shop() or self._guide
        self._demonstrated = shown is not None and await self._demonstrates()
        if shown is None or not self._demonstrated:
            return await self._own.search(text, locale=locale, limit=limit)
        found = await shown.search(text, locale=locale, limit=limit)
        # It may have taken its time, and the company's first article may have come meanwhile.
        if not await self._demonstrates():
            return await self.search(text, locale=locale, limit=limit)
        return replace(found, demonstration=True)

    def foresee(self, text: str) -> None:
        """See Retriever."""
        self._own.foresee(text)
