"""The bundled model on one thread, and an index of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.rag.knowledge.origins import Origins
from core.rag.knowledge.readings import Readings
from core.rag.knowledge.store import MongoArticles
from core.rag.knowledge_base.service import Knowledge
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder, encoder_for
from core.rag.vectors.encoder import Matrix
from core.rag.vectors.in_memory import MemoryIndex
from core.rag.vectors.index import VectorIndex
from core.rag.vectors.qdrant_edge import EdgeIndex
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.core.rag.world import World


@pytest.fixture(scope="session")
def computing() -> Iterator[ThreadPoolExecutor]:
    """The worker thread."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture(scope="session")
def embedder(computing: ThreadPoolExecutor) -> ThreadEmbedder:
    """The real model; questions asked twice cost once."""
    return ThreadEmbedder(encoder_for(), computing)


class Remembering:
    """The bundled model, computing equal texts once a session: whole bases are indexed again."""

    def __init__(self) -> None:
        self._model = encoder_for()
        self.name, self.size = self._model.name, self._model.size
        self._known: dict[tuple[str, str], Matrix] = {}

    def questions(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self._encode("question", texts, self._model.questions)

    def passages(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self._encode("passage", texts, self._model.passages)

    def _encode(
        self, kind: str, texts: Sequence[str], compute: Callable[[Sequence[str]], Matrix]
    ) -> Matrix:
        new = [text for text in dict.fromkeys(texts) if (kind, text) not in self._known]
        if new:
            self._known |= {(kind, t): v for t, v in zip(new, compute(new), strict=True)}
        return np.asarray([self._known[kind, text] for text in texts], dtype=np.float32)


@pytest.fixture(scope="session")
def remembering(computing: ThreadPoolExecutor) -> ThreadEmbedder:
    """An embedder for tests that index much the same again and again."""
    return ThreadEmbedder(Remembering(), computing)


@pytest.fixture
async def world(
    db: Database,
    tmp_path: Path,
    computing: ThreadPoolExecutor,
    remembering: ThreadEmbedder,
    clock: ManualClock,
) -> AsyncIterator[World]:
    """One deployment's knowledge."""
    index = EdgeIndex(tmp_path / "vectors", computing, size=lambda: remembering.size)
    await index.start()
    retriever = HybridRetriever(remembering, index)
    articles = MongoArticles(db["articles"])
    knowledge = Knowledge(
        articles=articles, embedder=remembering, index=index, retriever=retriever, clock=clock,
        origins=Origins(db["origins"]), readings=Readings(db["readings"]),
    )  # fmt: skip
    yield World(articles=articles, index=index, retriever=retriever, knowledge=knowledge)
    await retriever.stop()
    await index.stop()


@pytest.fixture(params=["edge", "qdrant", "qdrant over HTTP", "memory"])
async def index(
    request: pytest.FixtureRequest, tmp_path: Path, computing: ThreadPoolExecutor
) -> AsyncIterator[VectorIndex]:
    """Every adapter; the client's local mode stands in for a server."""
    made: VectorIndex
    if request.param == "qdrant over HTTP":
        from core.rag.vectors.qdrant_server import QdrantIndex
        from tests.support.servers.qdrant import qdrant_server

        async with qdrant_server() as url:
            made = QdrantIndex.at(url, collection="k", size=lambda: 384)
            await made.start()
            yield made
            await made.stop()
        return
    if request.param == "edge":
        made = EdgeIndex(tmp_path / "vectors", computing, size=lambda: 384)
    elif request.param == "memory":
        made = MemoryIndex(size=lambda: 384)
    else:
        # Imported here: it takes seconds, and most tests of this folder do without.
        from qdrant_client import AsyncQdrantClient

        from core.rag.vectors.qdrant_server import QdrantIndex

        made = QdrantIndex(AsyncQdrantClient(":memory:"), collection="k", size=lambda: 384)
    await made.start()
    yield made
    await made.stop()
    await made.stop()
