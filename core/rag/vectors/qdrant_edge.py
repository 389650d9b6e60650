"""The vector index in our process: Qdrant Edge, on disk."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypeVar

import qdrant_edge as edge

from core.errors import SetupError
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Passage
from core.rag.vectors.encoder import Vector
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

T = TypeVar("T")

BATCH = 256


class EdgeIndex:
    """`VectorIndex` over one Qdrant Edge shard; every call runs on the executor's thread.

    A lock file keeps a second process out, with a sentence instead of the engine's panic.
    """

    def __init__(self, folder: Path, executor: Executor, *, size: Callable[[], int]) -> None:
        self._folder = folder
        self._executor = executor
        self._size = size
        self._shard: edge.EdgeShard | None = None
        self._lock: int | None = None

    async def start(self) -> None:
        """See VectorIndex. Raises SetupError when another process has the folder."""
        await self._run(self._open)

    async def stop(self) -> None:
        """See VectorIndex."""
        await self._run(self._close)

    async def upsert(self, points: Sequence[Point]) -> None:
        """See VectorIndex."""

        def work() -> None:
            shard = self._opened()
            for start in range(0, len(points), BATCH):
                batch = [_to_edge(point) for point in points[start : start + BATCH]]
                shard.update(edge.UpdateOperation.upsert_points(batch))
            shard.flush()

        await self._run(work)

    async def delete(self, article_ids: Sequence[str]) -> None:
        """See VectorIndex."""
        condition = edge.FieldCondition(key="article_id", match=edge.MatchAny(list(article_ids)))

        def work() -> None:
            shard = self._opened()
            shard.update(
                edge.UpdateOperation.delete_points_by_filter(edge.Filter(must=[condition]))
            )
            shard.flush()

        if article_ids:
            await self._run(work)

    async def clear(self) -> None:
        """See VectorIndex."""

        def work() -> None:
            if self._shard is not None:
                self._shard.close()
                self._shard = None
            shutil.rmtree(self._shard_folder, ignore_errors=True)
            self._load()

        await self._run(work)

    async def search(
        self, dense: Vector, sparse: SparseVector, *, limit: int = 20, topic: str = ""
    ) -> Mapping[Field, Sequence[Match]]:
        """See VectorIndex."""
        wanted = None
        if topic:
            match = edge.MatchValue(topic)
            wanted = edge.Filter(must=[edge.FieldCondition(key="topic", match=match)])
        meaning = dense.tolist()
        words = edge.SparseVector(list(sparse.indices), list(sparse.values))

        def request(field: Field) -> edge.QueryRequest:
            nearest = (
                edge.Query.Nearest(meaning, using=field.value)
                if field in (Field.QUESTION, Field.TEXT)
                else edge.Query.Nearest(words, using=field.value)
            )
            return edge.QueryRequest(limit=limit, query=nearest, with_payload=True, filter=wanted)

        # A vector without tokens is not a valid query.
        fields = list(Field) if sparse.indices else [Field.QUESTION, Field.TEXT]

        def work() -> Mapping[Field, Sequence[Match]]:
            answer = self._opened().query_batch(
                edge.QueryBatchRequest([request(field) for field in fields])
            )
            found: dict[Field, Sequence[Match]] = dict.fromkeys(Field, ())
            for field, points in zip(fields, answer, strict=True):
                found[field] = [
                    Match(id=str(p.id), score=p.score, payload=p.payload or {}) for p in points
                ]
            return found

        return await self._run(work)

    async def passages(self, passage_ids: Sequence[str]) -> Mapping[str, Passage]:
        """See VectorIndex."""
        ids: list[edge.PointId] = [point_id(passage_id) for passage_id in passage_ids]

        def work() -> Mapping[str, Passage]:
            records = self._opened().retrieve(ids, with_payload=True, with_vector=False)
            found = [passage_of(record.payload or {}) for record in records]
            return {passage.id: passage for passage in found}

        return await self._run(work) if ids else {}

    async def known_questions(self, *, limit: int = 50_000) -> KnownQuestions:
        """See VectorIndex."""
        field = Field.QUESTION.value
        wanted = edge.Filter(must=[edge.HasVectorCondition(field)])

        def work() -> KnownQuestions:
            rows: list[tuple[Mapping[str, Any], list[float]]] = []
            offset: edge.PointId | None = None
            while len(rows) < limit:
                records, offset = self._opened().scroll(
                    edge.ScrollRequest(
                        offset=offset, limit=1000, filter=wanted,
                        with_payload=True, with_vector=[field],
                    )
                )  # fmt: skip
                rows += [(r.payload or {}, _dense(r.vector)) for r in records]
                if offset is None:
                    break
            return known_from(rows[:limit], self._size())

        return await self._run(work)

    async def count(self) -> int:
        """See VectorIndex."""
        return await self._run(lambda: self._opened().count(edge.CountRequest(exact=True)))

    async def contents(self) -> Contents:
        """See VectorIndex."""

        def work() -> Contents:
            payloads: list[Mapping[str, Any]] = []
            offset: edge.PointId | None = None
            while True:
                records, offset = self._opened().scroll(
                    edge.ScrollRequest(
                        offset=offset, limit=2000, with_payload=True, with_vector=False
                    )
                )
                payloads += [
                    {key: (r.payload or {}).get(key) for key in ("article_id", "version")}
                    for r in records
                ]
                if offset is None:
                    return tallied(payloads)

        return await self._run(work)

    @property
    def _shard_folder(self) -> Path:
        """The shard of vectors of our size: a model may come to make others, beside these."""
        usual = self._folder / "shard"
        return (
            usual
            if _size_in(usual) in (0, self._size())
            else self._folder / f"shard-{self._size()}"
        )

    def _opened(self) -> edge.EdgeShard:
        if self._shard is None:
            raise VectorsUnavailable
        return self._shard

    def _open(self) -> None:
        if self._shard is not None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise SetupError(f"The folder {self._folder} cannot be written: {error}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise SetupError(f"Another process uses the vectors in {self._folder}.") from error
        self._lock = lock
        self._load()

    def _load(self) -> None:
        folder = self._shard_folder
        if folder.exists() and any(folder.iterdir()):
            self._shard = edge.EdgeShard.load(str(folder))
            return
        folder.mkdir(parents=True, exist_ok=True)
        dense = edge.EdgeVectorParams(size=self._size(), distance=edge.Distance.Cosine)
        sparse = edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)
        shard = edge.EdgeShard.create(
            str(folder),
            edge.EdgeConfig(
                vectors={Field.QUESTION.value: dense, Field.TEXT.value: dense},
                sparse_vectors={
                    Field.QUESTION_WORDS.value: sparse,
                    Field.TEXT_WORDS.value: sparse,
                },
                max_search_threads=1,
            ),
        )
        for key in ("article_id", "topic"):
            shard.update(
                edge.UpdateOperation.create_field_index(key, edge.PayloadSchemaType.Keyword)
            )
        shard.flush()
        self._shard = shard

    def _close(self) -> None:
        if self._shard is not None:
            self._shard.flush()
            self._shard.close()
            self._shard = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except (VectorsUnavailable, SetupError):
            raise
        except Exception as error:
            # The engine raises bare Exceptions; whatever it says, the search is down.
            raise VectorsUnavailable(f"The vector index failed: {error}") from error


def _size_in(folder: Path) -> int:
    """The length of the vectors in a shard; 0 for a new one."""
    try:
        config = json.loads((folder / "edge_config.json").read_text(encoding="utf-8"))
        return int(config["vectors"][Field.QUESTION.value]["size"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _to_edge(point: Point) -> edge.Point:
    vectors: dict[str, edge.NamedVector] = {}
    meaning, words = (
        (Field.QUESTION, Field.QUESTION_WORDS) if point.question else (Field.TEXT, Field.TEXT_WORDS)
    )
    if point.dense is not None:
        vectors[meaning.value] = point.dense.tolist()
    if point.sparse is not None and point.sparse.indices:
        vectors[words.value] = edge.SparseVector(
            list(point.sparse.indices), list(point.sparse.values)
        )
    return edge.Point(point.id, vectors, dict(point.payload))


def _dense(vector: object) -> list[float]:
    assert isinstance(vector, dict)
    found = vector[Field.QUESTION.value]
    assert isinstance(found, list)
    return found
