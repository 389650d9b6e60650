"""A vector index in arrays, for the product's small guide."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Passage
from core.rag.vectors.encoder import Matrix, Vector
from core.rag.vectors.index import (
    Contents,
    Field,
    KnownQuestions,
    Match,
    Point,
    known_from,
    passage_of,
    point_id,
    tallied,
)
from core.rag.vectors.lexical import SparseVector

DENSE = {Field.QUESTION: True, Field.TEXT: False}  #: whether the field is of questions
SPARSE = {Field.QUESTION_WORDS: True, Field.TEXT_WORDS: False}


class MemoryIndex:
    """`VectorIndex` over arrays; a change makes them anew, so it is for hundreds of points."""

    def __init__(self, *, size: Callable[[], int]) -> None:
        self._size = size
        self._points: dict[str, Point] | None = None
        self._dense: dict[Field, tuple[list[str], Matrix]] = {}  # ids of points
        self._words: dict[Field, dict[int, list[tuple[str, float]]]] = {}
        self._counts: dict[Field, int] = {}

    async def start(self) -> None:
        """See VectorIndex."""
        if self._points is None:
            self._points = {}
            self._arrange()

    async def stop(self) -> None:
        """See VectorIndex."""
        self._points = None

    async def upsert(self, points: Sequence[Point]) -> None:
        """See VectorIndex."""
        known = self._known
        known |= {point.id: point for point in points}
        self._arrange()

    async def delete(self, article_ids: Sequence[str]) -> None:
        """See VectorIndex."""
        gone = set(article_ids)
        self._points = {
            key: p for key, p in self._known.items() if p.passage.article_id not in gone
        }
        self._arrange()

    async def clear(self) -> None:
        """See VectorIndex."""
        self._known.clear()
        self._arrange()

    async def search(
        self, dense: Vector, sparse: SparseVector, *, limit: int = 20, topic: str = ""
    ) -> Mapping[Field, Sequence[Match]]:
        """See VectorIndex."""
        assert self._known is not None
        found: dict[Field, Sequence[Match]] = {}
        for field in Field:
            scored = self._near(field, dense) if field in DENSE else self._worded(field, sparse)
            wanted = [one for one in scored if not topic or self._is_of(one[0], topic)]
            best = heapq.nsmallest(limit, wanted, key=lambda one: (-one[1], one[0]))
            found[field] = [
                Match(id=key, score=score, payload=self._known[key].payload) for key, score in best
            ]
        return found

    async def passages(self, passage_ids: Sequence[str]) -> Mapping[str, Passage]:
        """See VectorIndex."""
        known = self._known
        found = [known[key] for key in map(point_id, passage_ids) if key in known]
        return {p.passage.id: passage_of(p.payload) for p in found}

    async def known_questions(self, *, limit: int = 50_000) -> KnownQuestions:
        """See VectorIndex."""
        asked = [p for p in self._known.values() if p.question and p.dense is not None][:limit]
        rows = [(p.payload, [float(x) for x in p.dense]) for p in asked if p.dense is not None]
        return known_from(rows, self._size())

    async def count(self) -> int:
        """See VectorIndex."""
        return len(self._known)

    async def contents(self) -> Contents:
        """See VectorIndex."""
        return tallied(point.payload for point in self._known.values())

    @property
    def _known(self) -> dict[str, Point]:
        if self._points is None:
            raise VectorsUnavailable
        return self._points

    def _arrange(self) -> None:
        points = self._known
        for field, asks in DENSE.items():
            own = [k for k, p in points.items() if bool(p.question) is asks and p.dense is not None]
            rows = [points[key].dense for key in own]
            self._dense[field] = own, np.asarray(rows, np.float32).reshape(len(own), self._size())
        for field, asks in SPARSE.items():
            listed: dict[int, list[tuple[str, float]]] = defaultdict(list)
            count = 0
            for key, p in points.items():
                if bool(p.question) is not asks or p.sparse is None or not p.sparse.indices:
                    continue
                count += 1
                for token, weight in zip(p.sparse.indices, p.sparse.values, strict=True):
                    listed[token].append((key, weight))
            self._words[field], self._counts[field] = dict(listed), count

    def _is_of(self, key: str, topic: str) -> bool:
        return self._known[key].passage.topic == topic

    def _near(self, field: Field, dense: Vector) -> list[tuple[str, float]]:
        keys, rows = self._dense[field]
        scores: NDArray[np.float32] = rows @ dense
        return list(zip(keys, scores.tolist(), strict=True))

    def _worded(self, field: Field, sparse: SparseVector) -> list[tuple[str, float]]:
        """The sum of the weights, rare tokens counting more: Qdrant's formula for its IDF."""
        listed, total = self._words[field], self._counts[field]
        scores: dict[str, float] = defaultdict(float)
        for token, asked in zip(sparse.indices, sparse.values, strict=True):
            known = listed.get(token, [])
            rarity = math.log((total - len(known) + 0.5) / (len(known) + 0.5) + 1.0)
            for key, weight in known:
                scores[key] += asked * weight * rarity
        return list(scores.items())
