"""The vector index on a Qdrant server or cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from qdrant_client import AsyncQdrantClient, models

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

BATCH = 128


class QdrantIndex:
    """`VectorIndex` over one collection; the client is ours from now on and closed by `stop`."""

    def __init__(
        self, client: AsyncQdrantClient, *, collection: str, size: Callable[[], int]
    ) -> None:
        self._client = client
        self._collection = collection
        self._size = size

    @classmethod
    def at(
        cls, url: str, *, api_key: str = "", collection: str, size: Callable[[], int]
    ) -> QdrantIndex:
        """An index on the server at this address."""
        # The check of versions would ask before we do, and warn on the terminal.
        client = AsyncQdrantClient(
            url=url, api_key=api_key or None, timeout=10, check_compatibility=False
        )
        return cls(client, collection=collection, size=size)

    async def start(self) -> None:
        """See VectorIndex."""
        if await _asked(self._client.collection_exists(self._collection)):
            if await self._size_there() == self._size():
                return
            # A model may come to make vectors of another size: they get a place beside these.
            self._collection = f"{self._collection}-{self._size()}"
            if await _asked(self._client.collection_exists(self._collection)):
                return
        try:
            await self._create()
        except VectorsUnavailable:
            # Another process may have been faster by a moment.
            if not await _asked(self._client.collection_exists(self._collection)):
                raise

    async def stop(self) -> None:
        """See VectorIndex."""
        await _asked(self._client.close())

    async def upsert(self, points: Sequence[Point]) -> None:
        """See VectorIndex."""
        for start in range(0, len(points), BATCH):
            batch = [_to_struct(point) for point in points[start : start + BATCH]]
            await _asked(self._client.upsert(self._collection, batch, wait=True))

    async def delete(self, article_ids: Sequence[str]) -> None:
        """See VectorIndex."""
        if not article_ids:
            return
        condition = models.FieldCondition(
            key="article_id", match=models.MatchAny(any=list(article_ids))
        )
        selector = models.FilterSelector(filter=models.Filter(must=[condition]))
        await _asked(self._client.delete(self._collection, selector, wait=True))

    async def clear(self) -> None:
        """See VectorIndex."""
        await _asked(self._client.delete_collection(self._collection))
        await self._create()

    async def search(
        self, dense: Vector, sparse: SparseVector, *, limit: int = 20, topic: str = ""
    ) -> Mapping[Field, Sequence[Match]]:
        """See VectorIndex."""
        wanted = None
        if topic:
            match = models.MatchValue(value=topic)
            wanted = models.Filter(must=[models.FieldCondition(key="topic", match=match)])
        meaning = dense.tolist()
        words = models.SparseVector(indices=list(sparse.indices), values=list(sparse.values))
        fields = list(Field) if sparse.indices else [Field.QUESTION, Field.TEXT]
        requests = [
            models.QueryRequest(
                query=meaning if field in (Field.QUESTION, Field.TEXT) else words,
                using=field.value,
                limit=limit,
                filter=wanted,
                with_payload=True,
            )
            for field in fields
        ]
        answers = await _asked(self._client.query_batch_points(self._collection, requests))
        found: dict[Field, Sequence[Match]] = dict.fromkeys(Field, ())
        for field, answer in zip(fields, answers, strict=True):
            found[field] = [
                Match(id=str(p.id), score=p.score, payload=p.payload or {}) for p in answer.points
            ]
        return found

    async def passages(self, passage_ids: Sequence[str]) -> Mapping[str, Passage]:
        """See VectorIndex."""
        if not passage_ids:
            return {}
        records = await _asked(
            self._client.retrieve(
                self._collection, [point_id(p) for p in passage_ids], with_payload=True
            )
        )
        found = [passage_of(record.payload or {}) for record in records]
        return {passage.id: passage for passage in found}

    async def known_questions(self, *, limit: int = 50_000) -> KnownQuestions:
        """See VectorIndex."""
        field = Field.QUESTION.value
        wanted = models.Filter(must=[models.HasVectorCondition(has_vector=field)])
        rows: list[tuple[Mapping[str, Any], list[float]]] = []
        offset = None
        while len(rows) < limit:
            records, offset = await _asked(
                self._client.scroll(
                    self._collection, scroll_filter=wanted, limit=500, offset=offset,
                    with_payload=True, with_vectors=[field],
                )
            )  # fmt: skip
            for record in records:
                assert isinstance(record.vector, dict)
                vector = record.vector[field]
                assert isinstance(vector, list)
                rows.append((record.payload or {}, [float(x) for x in vector]))  # type: ignore[arg-type]
            if offset is None:
                break
        return known_from(rows[:limit], self._size())

    async def count(self) -> int:
        """See VectorIndex."""
        return (await _asked(self._client.count(self._collection, exact=True))).count

    async def contents(self) -> Contents:
        """See VectorIndex."""
        payloads: list[Mapping[str, Any]] = []
        offset = None
        while True:
            records, offset = await _asked(
                self._client.scroll(
                    self._collection, limit=2000, offset=offset,
                    with_payload=["article_id", "version"], with_vectors=False,
                )
            )  # fmt: skip
            payloads += [record.payload or {} for record in records]
            if offset is None:
                return tallied(payloads)

    async def _size_there(self) -> int:
        told = await _asked(self._client.get_collection(self._collection))
        vectors = told.config.params.vectors
        field = vectors.get(Field.QUESTION.value) if isinstance(vectors, dict) else vectors
        return field.size if field is not None else 0

    async def _create(self) -> None:
        dense = models.VectorParams(size=self._size(), distance=models.Distance.COSINE)
        sparse = models.SparseVectorParams(modifier=models.Modifier.IDF)
        await _asked(
            self._client.create_collection(
                self._collection,
                vectors_config={Field.QUESTION.value: dense, Field.TEXT.value: dense},
                sparse_vectors_config={
                    Field.QUESTION_WORDS.value: sparse,
                    Field.TEXT_WORDS.value: sparse,
                },
            )
        )
        for key in ("article_id", "topic"):
            await _asked(
                self._client.create_payload_index(
                    self._collection, key, models.PayloadSchemaType.KEYWORD
                )
            )


async def _asked(call: Awaitable[T]) -> T:
    try:
        return await call
    except Exception as error:
        # The client raises its own errors, those of its HTTP library and those of its checks.
        raise VectorsUnavailable(f"The vector index failed: {error}") from error


def _to_struct(point: Point) -> models.PointStruct:
    vectors: dict[str, list[float] | models.SparseVector] = {}
    meaning, words = (
        (Field.QUESTION, Field.QUESTION_WORDS) if point.question else (Field.TEXT, Field.TEXT_WORDS)
    )
    if point.dense is not None:
        vectors[meaning.value] = point.dense.tolist()
    if point.sparse is not None and point.sparse.indices:
        vectors[words.value] = models.SparseVector(
            indices=list(point.sparse.indices), values=list(point.sparse.values)
        )
    return models.PointStruct(id=point.id, vector=vectors, payload=dict(point.payload))  # type: ignore[arg-type]
