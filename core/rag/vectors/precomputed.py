"""Precomputed vectors that ship with the guide, for a quick first start."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.rag.vectors.encoder import Encoder, Matrix

SEEDS = Path(__file__).with_name("guide_vectors.npz")


class SeededEncoder:
    """An encoder with a file of precomputed vectors; texts that are not in it are embedded.

    Texts are known by their digest: a guide that was edited costs time and is never wrong.
    """

    def __init__(self, encoder: Encoder, file: Path = SEEDS) -> None:
        self._encoder = encoder
        self.name = encoder.name
        self.size = encoder.size
        self._rows: dict[str, int] = {}
        self._vectors: Matrix = np.zeros((0, encoder.size), dtype=np.float32)
        if file.exists():
            with np.load(file, allow_pickle=False) as stored:
                if str(stored["model"]) == encoder.name:
                    self._rows = {str(digest): i for i, digest in enumerate(stored["digests"])}
                    self._vectors = stored["vectors"].astype(np.float32)

    def questions(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self._encode("question", texts)

    def passages(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self._encode("passage", texts)

    def _encode(self, kind: str, texts: Sequence[str]) -> Matrix:
        rows = [self._rows.get(digest_of(kind, text)) for text in texts]
        encode = self._encoder.questions if kind == "question" else self._encoder.passages
        if all(row is None for row in rows):
            return encode(texts)
        return np.stack(
            [
                encode([text])[0] if row is None else self._vectors[row]
                for row, text in zip(rows, texts, strict=True)
            ]
        )


def digest_of(kind: str, text: str) -> str:
    """What a text is known by in the file."""
    return hashlib.blake2b(f"{kind}\x1f{text}".encode(), digest_size=10).hexdigest()


def write_seeds(file: Path, model: str, vectors: dict[str, Matrix]) -> None:
    """Store these vectors, by digest, in half precision."""
    np.savez_compressed(
        file,
        model=np.array(model),
        digests=np.array(sorted(vectors)),
        vectors=np.array([vectors[d] for d in sorted(vectors)], dtype=np.float16),
    )
