"""A matcher that remembers on disk, so that a measurement pays for its pairs once."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from pathlib import Path

from core.rag.reranking.question_matcher import HEAD, MODEL, SURELY, PairModel
from core.rag.semantics.alignment import same_words


class CachedMatcher:
    """`Matcher` in front of a file of earlier judgements by the same model."""

    def __init__(self, file: Path) -> None:
        version = hashlib.sha256(MODEL.read_bytes() + HEAD.read_bytes()).hexdigest()[:12]
        self._file = file.with_suffix(f".{version}.pairs")
        self._known: dict[tuple[str, str], float] = {}
        self._model: PairModel | None = None
        if self._file.exists():
            with self._file.open("rb") as opened:
                self._known = pickle.load(opened)

    async def judge(self, asked: str, known: Sequence[str]) -> Sequence[float]:
        """See Matcher; blocking, which a measurement may."""
        return [self._one(asked, other) for other in known]

    def save(self) -> None:
        """Write the file."""
        with self._file.open("wb") as opened:
            pickle.dump(self._known, opened)

    def _one(self, asked: str, known: str) -> float:
        if same_words(asked, known):
            return SURELY
        if (asked, known) not in self._known:
            if self._model is None:
                self._model = PairModel()
            self._known[asked, known] = self._model.judge(asked, known)
        return self._known[asked, known]
