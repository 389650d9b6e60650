"""The values of answering: articles, passages, hits, and the retriever's port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

BOUND = 6.0  #: log-odds of a `Subject`; beyond it nothing is said any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One document of the knowledge base."""

    id: str
    title: str
    text: str  #: CommonMark or plain text
    topic: str = ""
    locale: str = "en"
    url: str = ""
    source: str = ""  #: the file or system it came from
    questions: tuple[str, ...] = ()  #: questions known to be answered by this article
    place: str = ""  #: where in its source it stands: a row's question, a sheet; "" for all of it
    withheld: str = ""  #: why customers do not get it (a draft, for staff only); "" if they do
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def is_answerable(self, now: datetime) -> bool:
        """Whether customers may be answered from it at this moment."""
        return (
            not self.withheld
            and (self.valid_from is None or self.valid_from <= now)
            and (self.valid_until is None or now <= self.valid_until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of an article, short enough to be one thought; the target of a citation."""

    id: str
    article_id: str
    title: str
    heading: str  #: path of headings, "Billing › Refunds"
    text: str
    topic: str = ""
    locale: str = "en"
    url: str = ""
    orders: tuple[str, ...] | None = (
        None  #: see core.rag.safety.embedded_instructions; None where nobody has looked
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage with its score."""

    passage: Passage
    score: float  #: fused, comparable within one search only
    dense: float = 0.0  #: cosine of question and passage, -1 to 1
    lexical: float = 0.0  #: BM25-style score, 0 and up
    known: float = 0.0  #: cosine of question and the nearest known question, 0 when there is none
    known_question: str = ""
    known_of: str = ""  #: the article that knows this question: perhaps a copy of the one here

    @property
    def found_by(self) -> str:
        """The known question it was found by, where this very article knows it."""
        return self.known_question if self.known_of == self.passage.article_id else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The answer that was asked for, as far as its known questions tell."""

    group: str = ""  #: the answer that is meant; "" when none has a wording to compare with
    odds: float = 0.0  #: log-odds that it was asked, within `BOUND`
    place: int = 0  #: where it stood before
    wording: str = ""  #: its known question that was nearest
    differing: Mapping[str, float] = field(default_factory=dict)  #: signals of words and facets

    @property
    def clashes(self) -> bool:
        """Whether the two name different numbers, or different values of one facet."""
        return bool(self.differing.get("other_number") or self.differing.get("facets_clash"))

    @property
    def signals(self) -> Mapping[str, float]:
        """For the confidence; nothing where nothing was compared."""
        if not self.group:
            return {}
        return {
            "match": self.odds,
            "overtook": float(self.place > 0),
            **self.differing,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The outcome of one search, best first."""

    hits: Sequence[Hit] = ()
    signals: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)  #: by stage: embed, search
    subject: Subject = field(default_factory=Subject)
    demonstration: bool = False  #: from the product's guide, as the company knows nothing yet


class Retriever(Protocol):
    """The port to search."""

    async def search(self, text: str, *, locale: str = "", limit: int = 5) -> Found:
        """The passages that fit best; raises VectorsUnavailable when the search is down."""
        ...

    def foresee(self, text: str) -> None:
        """This will be searched for in a moment."""
        ...
