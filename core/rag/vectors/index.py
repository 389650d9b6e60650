"""The vector index's port, and its points."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from core.rag.domain.model import Passage
from core.rag.vectors.encoder import Matrix, Vector
from core.rag.vectors.lexical import SparseVector

NAMESPACE = uuid.UUID("6f2d0d0e-7a0c-4c8e-9d55-0f1b3c1c9a77")


class Field(enum.StrEnum):
    """The part of an article that a vector stands for; each is searched apart."""

    QUESTION = "question"  #: the meaning of a title, heading or known question
    TEXT = "text"  #: the meaning of a passage
    QUESTION_WORDS = "question_words"  #: the words of a title, heading or known question
    TEXT_WORDS = "text_words"  #: the words of a passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One entry of the index: a passage, or a question that a passage answers."""

    passage: Passage  #: for a question: the passage that answers it
    answer: str = ""  #: id of the section it belongs to, or of the article when it has one only
    question: str = ""  #: "" for a passage
    learned: bool = False  #: a known question, not a title or heading
    version: str = ""  #: the digest of its article, ":", and how many points that has
    dense: Vector | None = None
    sparse: SparseVector | None = None

    @property
    def id(self) -> str:
        """The same passage and question always give the same id."""
        return point_id(self.passage.id, self.question)

    @property
    def payload(self) -> Mapping[str, Any]:
        """What the index gives back: all of a passage, and the little a question needs."""
        shared = {
            "article_id": self.passage.article_id,
            "passage_id": self.passage.id,
            "answer": self.answer or self.passage.article_id,
            "topic": self.passage.topic,
            "locale": self.passage.locale,
            "version": self.version,
        }
        if self.question:
            bare = not self.passage.text
            return shared | {"question": self.question, "learned": self.learned, "bare": bare}
        return shared | {
            "title": self.passage.title,
            "heading": self.passage.heading,
            "text": self.passage.text,
            "url": self.passage.url,
            "orders": list(self.passage.orders) if self.passage.orders is not None else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One point that a search found, with its score in one field."""

    id: str
    score: float
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownQuestions:
    """All question points with their vectors, for the learned ranker; rows correspond."""

    answers: Sequence[str]
    topics: Sequence[str]
    bare: Sequence[bool]  #: whether there is no text behind it, so that it can only be recognised
    vectors: Matrix
    questions: Sequence[str] = ()
    passages: Sequence[str] = ()  #: the id of the passage that answers each
    learned: Sequence[bool] = ()  #: not a title or heading


Contents = Mapping[str, Mapping[str, int]]
"""How many points there are by article and `Point.version`."""


class VectorIndex(Protocol):
    """The port to the index. Methods raise VectorsUnavailable when it is down."""

    async def start(self) -> None:
        """Open it, creating it when it is new."""
        ...

    async def stop(self) -> None:
        """Close it; safe twice."""
        ...

    async def upsert(self, points: Sequence[Point]) -> None:
        """Store these points durably, in place of older ones with their ids."""
        ...

    async def delete(self, article_ids: Sequence[str]) -> None:
        """Forget all points of these articles."""
        ...

    async def clear(self) -> None:
        """Forget everything."""
        ...

    async def search(
        self, dense: Vector, sparse: SparseVector, *, limit: int = 20, topic: str = ""
    ) -> Mapping[Field, Sequence[Match]]:
        """The best matches in every field, best first, in one request to the engine."""
        ...

    async def passages(self, passage_ids: Sequence[str]) -> Mapping[str, Passage]:
        """These passages by id; those that are gone are left out."""
        ...

    async def known_questions(self, *, limit: int = 50_000) -> KnownQuestions:
        """The question points with their vectors."""
        ...

    async def count(self) -> int:
        """How many points there are."""
        ...

    async def contents(self) -> Contents:
        """What it holds, for a comparison with what it should."""
        ...


def point_id(passage_id: str, question: str = "") -> str:
    """A UUID, because Qdrant takes no other names."""
    return str(uuid.uuid5(NAMESPACE, f"{passage_id}\x1f{question}"))


def tallied(payloads: Iterable[Mapping[str, Any]]) -> Contents:
    """Payloads of points, counted."""
    found: dict[str, dict[str, int]] = {}
    for payload in payloads:
        versions = found.setdefault(str(payload["article_id"]), {})
        # Points of before versions were kept have none.
        version = str(payload.get("version") or "")
        versions[version] = versions.get(version, 0) + 1
    return found


def passage_of(payload: Mapping[str, Any]) -> Passage:
    """The passage that a passage point's payload describes."""
    return Passage(
        id=payload["passage_id"],
        article_id=payload["article_id"],
        title=payload["title"],
        heading=payload["heading"],
        text=payload["text"],
        topic=payload["topic"],
        locale=payload["locale"],
        url=payload["url"],
        orders=None if payload.get("orders") is None else tuple(payload["orders"]),
    )


def known_from(
    rows: Sequence[tuple[Mapping[str, Any], Sequence[float]]], size: int
) -> KnownQuestions:
    """Payloads and vectors, gathered into columns."""
    return KnownQuestions(
        answers=[payload["answer"] for payload, _ in rows],
        topics=[payload["topic"] for payload, _ in rows],
        bare=[bool(payload["bare"]) for payload, _ in rows],
        questions=[payload["question"] for payload, _ in rows],
        passages=[payload["passage_id"] for payload, _ in rows],
        learned=[bool(payload["learned"]) for payload, _ in rows],
        vectors=np.asarray([v for _, v in rows], dtype=np.float32).reshape(len(rows), size),
    )
