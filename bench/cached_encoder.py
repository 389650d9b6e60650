"""An encoder that remembers on disk, so that a measurement pays for its embeddings once."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.rag.vectors.embeddings import BundledEncoder
from core.rag.vectors.encoder import Encoder, Matrix

SAVE_EVERY = 500


class CachedEncoder:
    """The bundled model in front of a file of its own earlier vectors."""

    name = BundledEncoder.name
    size = BundledEncoder.size

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[tuple[str, str], Matrix] = {}
        self._encoder: Encoder | None = None
        self._new = 0
        if file.exists():
            with file.open("rb") as opened:
                self._known = pickle.load(opened)

    def questions(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self._encode("q", texts)

    def passages(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        return self._encode("p", texts)

    def save(self) -> None:
        """Write the file, if there is anything new."""
        if self._new:
            with self.file.open("wb") as opened:
                pickle.dump(self._known, opened)
            self._new = 0

    def _encode(self, kind: str, texts: Sequence[str]) -> Matrix:
        for text in texts:
            if (kind, text) in self._known:
                continue
            if self._encoder is None:
                self._encoder = BundledEncoder()
            encode = self._encoder.questions if kind == "q" else self._encoder.passages
            self._known[kind, text] = encode([text])[0]
            self._new += 1
            if self._new >= SAVE_EVERY:
                self.save()
        return np.array([self._known[kind, text] for text in texts], dtype=np.float32)
