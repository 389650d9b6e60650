"""What is known, in the pieces that are searched: articles, passages, and what a search returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One document of the knowledge base, as its author thinks of it."""

    id: str
    title: str
    text: str  #: CommonMark or plain text
    topic: str = ""
    locale: str = "en"
    url: str = ""
    source: str = ""  #: the file or system it came from
    questions: tuple[str, ...] = ()  #: questions known to be answered by this article


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of an article, short enough to be one thought; what a citation points to."""

    id: str
    article_id: str
    title: str
    heading: str  #: path of headings, "Billing › Refunds"
    text: str
    topic: str = ""
    locale: str = "en"
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage with how well it fits the question."""

    passage: Passage
    score: float  #: fused, comparable within one search only
    dense: float = 0.0  #: cosine of question and passage, -1 to 1
    lexical: float = 0.0  #: BM25-style score, 0 and up
    known: float = 0.0  #: cosine of question and the nearest known question, 0 when there is none
    known_question: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The outcome of one search, best first."""

    hits: Sequence[Hit] = ()
    signals: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)  #: by stage: embed, search


class Retriever(Protocol):
    """Whoever finds passages."""

    async def search(self, text: str, *, locale: str = "", limit: int = 5) -> Found:
        """The passages that fit best; raises VectorsUnavailable when the search is down."""
        ...

    def foresee(self, text: str) -> None:
        """This will be searched for in a moment."""
        ...
