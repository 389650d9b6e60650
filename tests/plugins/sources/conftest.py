"""Sources over the real store, index and model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.clock import SystemClock
from core.rag.knowledge.origins import Origins
from core.rag.knowledge.readings import Readings
from core.rag.knowledge.store import MongoArticles
from core.rag.knowledge_base.service import Knowledge
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder, encoder_for
from core.rag.vectors.qdrant_edge import EdgeIndex
from core.storage.client import Database
from tests.plugins.sources.desk import SourceDesk


@pytest.fixture(scope="session")
def computing() -> Iterator[ThreadPoolExecutor]:
    """The worker thread."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture(scope="session")
def embedder(computing: ThreadPoolExecutor) -> ThreadEmbedder:
    """The real model."""
    return ThreadEmbedder(encoder_for(), computing)


@pytest.fixture
async def desk(
    db: Database, tmp_path: Path, computing: ThreadPoolExecutor, embedder: ThreadEmbedder
) -> AsyncIterator[SourceDesk]:
    """One deployment's sources."""
    index = EdgeIndex(tmp_path / "vectors", computing, size=lambda: embedder.size)
    await index.start()
    retriever = HybridRetriever(embedder, index)
    knowledge = Knowledge(
        articles=MongoArticles(db["articles"]),
        embedder=embedder,
        index=index,
        retriever=retriever,
        clock=SystemClock(),
        origins=Origins(db["origins"]),
        readings=Readings(db["readings"]),
    )
    yield SourceDesk(db, knowledge, folder=tmp_path / "sources", plugins=tmp_path / "plugins")
    await retriever.stop()
    await index.stop()
