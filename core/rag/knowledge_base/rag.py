"""Retrieval and the knowledge base over one store, opened at the first use."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

from config.sections import VectorSettings
from core.clock import Clock
from core.errors import SetupError
from core.rag.answering.guide import Guide
from core.rag.confidence.model import Confidence
from core.rag.confidence.recalibration import RecalibratedConfidence
from core.rag.domain.errors import VectorsUnavailable
from core.rag.groundedness.disagreements import Disagreements
from core.rag.knowledge.history import History
from core.rag.knowledge.origins import Origins
from core.rag.knowledge.readings import Readings
from core.rag.knowledge.revision import SharedRevision
from core.rag.knowledge.store import MongoArticles
from core.rag.knowledge_base.service import Knowledge
from core.rag.reranking.question_matcher import PairModel, ThreadMatcher
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import DeferredEncoder, ThreadEmbedder
from core.rag.vectors.encoder import Encoder
from core.rag.vectors.index import VectorIndex
from core.runtime.shipped import DEMONSTRATION
from core.storage.client import Database

log = logging.getLogger(__name__)


class Rag:
    """The knowledge base: store, index, retriever and guide, opened at the first use.

    Built without waiting for anything, so that commands that need no knowledge neither load a
    model nor reach for a vector server; `open` does both, once, and leaving `stack` closes it.
    `guide` is the folder of the product's guide; without it there is no Help, no demonstration.
    """

    def __init__(
        self,
        stack: AsyncExitStack,
        *,
        vectors: VectorSettings,
        data_dir: Path,
        db: Database,
        clock: Clock,
        guide: Path | None = None,
        shows_shop: Callable[[], bool] = lambda: False,
        make_encoder: Callable[[str], Encoder] | None = None,
    ) -> None:
        """`shows_shop` says whether the demonstration shop is here.

        `make_encoder` makes an embedding model of its name, as `encoder_for` does.
        """
        self._stack = stack
        self._vectors, self._data_dir, self._make_encoder = vectors, data_dir, make_encoder
        self._qdrant_url = vectors.qdrant_url
        self._opening = asyncio.Lock()
        self._is_open = False
        self._on_open: list[Callable[[], Awaitable[None]]] = []
        self._computing, searching, comparing = (
            ThreadPoolExecutor(1, thread_name_prefix=name)
            for name in ("embed", "search", "compare")
        )
        for executor in (self._computing, searching, comparing):
            # What waits in the queue is not begun any more, and nobody waits here for the last
            # one: a document being taken in held up a stop for as long as it took.
            stack.callback(executor.shutdown, wait=False, cancel_futures=True)
        self._encoder = DeferredEncoder(vectors.embedding_model or "", make=make_encoder)
        self.embedder = ThreadEmbedder(self._encoder, self._computing)
        self.index = _index(vectors, self.embedder, searching, data_dir=data_dir)
        self.matcher = ThreadMatcher(PairModel(), comparing)
        self.retriever = HybridRetriever(self.embedder, self.index, matcher=self.matcher)
        self.revision = SharedRevision(db["knowledge"])
        self.confidence = RecalibratedConfidence(Confidence.load())
        self.guide = Guide(guide, embedder=self.embedder) if guide is not None else None
        self.shop = (
            Guide(DEMONSTRATION, embedder=self.embedder, prefix="demo-")
            if guide is not None
            else None
        )
        self._articles = MongoArticles(db["articles"])
        self._before: AsyncExitStack | None = None  # the model and index of before, while searched
        self.knowledge = Knowledge(
            articles=self._articles,
            embedder=self.embedder,
            index=self.index,
            retriever=self.retriever,
            clock=clock,
            origins=Origins(db["origins"]),
            readings=Readings(db["readings"]),
            guide=self.guide,
            shop=lambda: self.shop if shows_shop() else None,
        )
        self.disagreements = Disagreements(
            compared=db["compared"], articles=MongoArticles(db["articles"]), index=self.index
        )
        self.history = History(db, articles=self._articles, clock=clock)
        self.knowledge.on_changed(self.history.changed)
        self.knowledge.on_changed(self.disagreements.changed)
        self.knowledge.on_built(self._let_go)

    async def share(self) -> None:
        """Tell other processes of changes, and follow theirs, until cancelled."""
        self.revision.on_changed_elsewhere(self._changed_elsewhere)
        await self.revision.run()

    async def _changed_elsewhere(self) -> None:
        self.retriever.changed_elsewhere()

    def on_open(self, listener: Callable[[], Awaitable[None]]) -> None:
        """Await this once everything is open, before anybody uses it."""
        self._on_open.append(listener)

    async def open(self) -> None:
        """Open model and index. Raises SetupError for what cannot be opened."""
        async with self._opening:
            if self._is_open:
                return
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._computing, self._encoder.load)
            self._stack.push_async_callback(self.index.stop)
            try:
                await self.index.start()
            except VectorsUnavailable as error:
                if not self._qdrant_url:
                    raise
                raise SetupError(f"QDRANT_URL ({self._qdrant_url}): {error.detail}") from error
            self._stack.push_async_callback(self.retriever.stop)
            self._stack.push_async_callback(self._let_go)
            if not await self._search_as_before():
                await self.retriever.start()
            if self.guide is not None:
                self._stack.push_async_callback(self.guide.stop)
            if self.shop is not None:
                self._stack.push_async_callback(self.shop.stop)
            self._stack.push_async_callback(self.disagreements.stop)
            for listener in self._on_open:
                await listener()
            self._is_open = True

    async def _search_as_before(self) -> bool:
        """Search with the model of before until the new one's index is whole; whether it does.

        Making it takes minutes, in which customers would else find nothing.
        """
        name = await self._articles.model()
        if not name or name == self.embedder.name:
            return False
        stack = AsyncExitStack()
        try:
            encoder = DeferredEncoder(name, make=self._make_encoder)
            computing, searching = (ThreadPoolExecutor(1) for _ in range(2))
            for executor in (computing, searching):
                stack.callback(executor.shutdown, wait=False, cancel_futures=True)
            await asyncio.get_running_loop().run_in_executor(computing, encoder.load)
            embedder = ThreadEmbedder(encoder, computing)
            index = _index(self._vectors, embedder, searching, data_dir=self._data_dir)
            stack.push_async_callback(index.stop)
            await index.start()
            if await index.count():
                await self.retriever.use(embedder, index)
                self._before = stack
                log.info("searching with %s while vectors of %s are made", name, self._encoder.name)
                return True
        except (SetupError, VectorsUnavailable) as error:
            log.warning("the model of before cannot be used meanwhile: %s", error)
        await stack.aclose()
        return False

    async def _let_go(self) -> None:
        """Close the model and index of before, which nobody searches any more."""
        before, self._before = self._before, None
        if before is not None:
            await before.aclose()

    @property
    def is_open(self) -> bool:
        """Whether model and index are open."""
        return self._is_open

    async def ready(self) -> Knowledge:
        """The knowledge base, opened."""
        await self.open()
        return self.knowledge

    def forget(self) -> int:
        """Remember no question that was embedded or compared; how many there were."""
        return self.embedder.forget() + self.matcher.forget()


def _index(
    vectors: VectorSettings,
    embedder: ThreadEmbedder,
    searching: ThreadPoolExecutor,
    *,
    data_dir: Path,
) -> VectorIndex:
    # Vectors of two models cannot be compared, so each has a place of its own.
    place = re.sub(r"[^a-z0-9]+", "-", embedder.name.lower()).strip("-")
    if vectors.qdrant_url:
        from core.rag.vectors.qdrant_server import QdrantIndex

        return QdrantIndex.at(
            vectors.qdrant_url,
            api_key=vectors.qdrant_api_key or "",
            collection=f"knowledge-{place}",
            size=lambda: embedder.size,
        )
    from core.rag.vectors.qdrant_edge import EdgeIndex

    return EdgeIndex(data_dir / "vectors" / place, searching, size=lambda: embedder.size)
