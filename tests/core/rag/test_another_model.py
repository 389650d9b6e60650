"""Another embedding model, and back: answers meanwhile, and nothing that is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np

from config.sections import VectorSettings
from core.rag.domain.model import Article
from core.rag.knowledge_base.rag import Rag
from core.rag.vectors.embeddings import encoder_for
from core.rag.vectors.encoder import Encoder, Matrix
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

BUNDLED = encoder_for()


class Turned:
    """The bundled model with its vectors turned, in as many dimensions as the name says."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = name, size
        turned = np.random.default_rng(sum(name.encode())).normal(size=(BUNDLED.size, size))
        self._turned = np.linalg.qr(turned if size <= BUNDLED.size else turned.T)[0]
        self._turned = self._turned if size <= BUNDLED.size else self._turned.T

    def questions(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self._unit(BUNDLED.questions(texts))

    def passages(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self._unit(BUNDLED.passages(texts))

    def _unit(self, rows: Matrix) -> Matrix:
        found = rows @ self._turned
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


SIZES = {"other:large": 512, "other:small": 256}


def made(name: str) -> Encoder:
    return Turned(name, SIZES[name]) if name else BUNDLED


@asynccontextmanager
async def opened(db: Database, folder: Path, clock: ManualClock, model: str) -> AsyncIterator[Rag]:
    async with AsyncExitStack() as stack:
        rag = Rag(
            stack, vectors=VectorSettings.model_validate(
                {"embedding_model": model or None}
            ), data_dir=folder, db=db,
            clock=clock, make_encoder=made,
        )  # fmt: skip
        await rag.open()
        yield rag


async def best(rag: Rag, question: str) -> str:
    hits = (await rag.knowledge.search(question)).hits
    return hits[0].passage.text if hits else ""


async def test_a_model_is_changed_and_changed_back(
    db: Database, tmp_path: Path, clock: ManualClock
) -> None:
    async with opened(db, tmp_path, clock, "") as rag:
        await rag.knowledge.start()
        await rag.knowledge.add_article(Article(id="p", title="Parking", text="Behind it."))
        await rag.knowledge.add_article(Article(id="o", title="Opening", text="Nine to five."))
    async with opened(db, tmp_path, clock, "other:large") as rag:
        # Before its vectors are made: the model of before answers.
        assert await best(rag, "Where can I park?") == "Behind it."
        assert await rag.index.count() == 0
        await rag.knowledge.start()
        assert rag.embedder.size == 512
        assert await rag.index.count() == 4
        assert await best(rag, "Where can I park?") == "Behind it."
        await rag.knowledge.remove("p")
        await rag.knowledge.add_article(Article(id="o", title="Opening", text="Ten to six."))
    async with opened(db, tmp_path, clock, "") as rag:
        assert await best(rag, "Where can I park?") != "Behind it."
        await rag.knowledge.start()
        assert await best(rag, "When are you open?") == "Ten to six."
        assert (await rag.knowledge.check()).count == 0
        assert await rag.index.count() == 2


async def test_a_model_that_comes_to_make_vectors_of_another_size(
    db: Database, tmp_path: Path, clock: ManualClock
) -> None:
    for size in (256, 128, 256):
        SIZES["other:small"] = size
        async with opened(db, tmp_path, clock, "other:small") as rag:
            await rag.knowledge.start()
            await rag.knowledge.add_article(Article(id="p", title="Parking", text=f"Row {size}."))
            assert await best(rag, "Where can I park?") == f"Row {size}."
            assert (await rag.knowledge.check()).count == 0
