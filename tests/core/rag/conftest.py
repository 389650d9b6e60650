"""The bundled model on one thread, and an index of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.rag.embeddings import ThreadEmbedder, encoder_for
from core.rag.index import VectorIndex
from core.rag.vectors_edge import EdgeIndex


@pytest.fixture(scope="session")
def computing() -> Iterator[ThreadPoolExecutor]:
    """The worker thread."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture(scope="session")
def embedder(computing: ThreadPoolExecutor) -> ThreadEmbedder:
    """The real model; questions asked twice cost once."""
    return ThreadEmbedder(encoder_for(), computing)


@pytest.fixture(params=["edge", "qdrant"])
async def index(
    request: pytest.FixtureRequest, tmp_path: Path, computing: ThreadPoolExecutor
) -> AsyncIterator[VectorIndex]:
    """Both adapters; the client's local mode stands in for a server."""
    made: VectorIndex
    if request.param == "edge":
        made = EdgeIndex(tmp_path / "vectors", computing, size=384)
    else:
        # Imported here: it takes seconds, and most tests of this folder do without.
        from qdrant_client import AsyncQdrantClient

        from core.rag.vectors_qdrant import QdrantIndex

        made = QdrantIndex(AsyncQdrantClient(":memory:"), collection="k", size=384)
    await made.start()
    yield made
    await made.stop()
    await made.stop()
