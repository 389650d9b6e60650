"""Makes core/rag/vectors/guide_vectors.npz from the guide and the demonstration shop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from core.rag.knowledge.indexing import points_of
from core.rag.reading.readers import files_in, read_file
from core.rag.vectors.embeddings import BundledEncoder, ThreadEmbedder
from core.rag.vectors.encoder import Encoder, Matrix
from core.rag.vectors.precomputed import SEEDS, SeededEncoder, digest_of, write_seeds
from core.runtime.shipped import DEMONSTRATION, GUIDE


class Recorder:
    """An encoder that keeps what it made; older seeds are used again."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.name = encoder.name
        self.size = encoder.size
        self.made: dict[str, Matrix] = {}

    def questions(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        found = self._encoder.questions(texts)
        self.made |= {digest_of("question", t): v for t, v in zip(texts, found, strict=True)}
        return found

    def passages(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        found = self._encoder.passages(texts)
        self.made |= {digest_of("passage", t): v for t, v in zip(texts, found, strict=True)}
        return found


async def main() -> None:
    recorder = Recorder(SeededEncoder(BundledEncoder()))
    with ThreadPoolExecutor(1) as executor:
        embedder = ThreadEmbedder(recorder, executor)
        for file in files_in([GUIDE, DEMONSTRATION]):
            for article in read_file(file):
                await points_of(article, embedder)
    write_seeds(SEEDS, recorder.name, recorder.made)
    print(f"{len(recorder.made)} vectors, {SEEDS.stat().st_size // 1024} KB")


if __name__ == "__main__":
    asyncio.run(main())
