"""Puts the parts of answering together from their settings."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.sections import VectorSettings
from core.clock import Clock
from core.errors import SetupError
from core.rag.articles import MongoArticles
from core.rag.confidence import Confidence
from core.rag.embeddings import ThreadEmbedder, encoder_for
from core.rag.errors import VectorsUnavailable
from core.rag.index import VectorIndex
from core.rag.knowledge import Knowledge
from core.rag.retriever import HybridRetriever
from core.rag.tempering import TemperedConfidence

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase


@dataclass(frozen=True, slots=True, kw_only=True)
class Rag:
    """Everything of this folder that others use."""

    embedder: ThreadEmbedder
    index: VectorIndex
    retriever: HybridRetriever
    knowledge: Knowledge
    confidence: TemperedConfidence


async def open_rag(
    stack: AsyncExitStack,
    *,
    vectors: VectorSettings,
    data_dir: Path,
    db: AsyncDatabase[dict[str, Any]],
    clock: Clock,
) -> Rag:
    """Open it; leaving the stack closes it. Raises SetupError for what cannot be opened."""
    computing = ThreadPoolExecutor(1, thread_name_prefix="embed")
    searching = ThreadPoolExecutor(1, thread_name_prefix="search")
    for executor in (computing, searching):
        # What waits in the queue is not begun any more, and nobody waits here for the last one:
        # a document being taken in held up a stop for as long as it took.
        stack.callback(executor.shutdown, wait=False, cancel_futures=True)
    encoder = await asyncio.get_running_loop().run_in_executor(
        computing, encoder_for, vectors.embedding_model or ""
    )
    embedder = ThreadEmbedder(encoder, computing)
    # Vectors of two models cannot be compared, so each has a place of its own.
    place = re.sub(r"[^a-z0-9]+", "-", embedder.name.lower()).strip("-")
    index: VectorIndex
    if vectors.qdrant_url:
        from core.rag.vectors_qdrant import QdrantIndex

        index = QdrantIndex.at(
            vectors.qdrant_url,
            api_key=vectors.qdrant_api_key or "",
            collection=f"knowledge-{place}",
            size=embedder.size,
        )
    else:
        from core.rag.vectors_edge import EdgeIndex

        index = EdgeIndex(data_dir / "vectors" / place, searching, size=embedder.size)
    stack.push_async_callback(index.stop)
    try:
        await index.start()
    except VectorsUnavailable as error:
        if not vectors.qdrant_url:
            raise
        raise SetupError(f"QDRANT_URL ({vectors.qdrant_url}): {error.detail}") from error
    retriever = HybridRetriever(embedder, index)
    stack.push_async_callback(retriever.stop)
    await retriever.start()
    knowledge = Knowledge(
        articles=MongoArticles(db["articles"]),
        embedder=embedder,
        index=index,
        retriever=retriever,
        clock=clock,
    )
    return Rag(
        embedder=embedder,
        index=index,
        retriever=retriever,
        knowledge=knowledge,
        confidence=TemperedConfidence(Confidence.load()),
    )
