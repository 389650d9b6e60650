"""Topics with their autonomy level, and the answers drawn for a second look."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core.domain.serialization import from_plain, to_plain
from core.errors import NotFound, StoreUnavailable
from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors
from core.storage.writes import insert_missing

HISTORY = 50  #: changes that are kept of a topic


class Level(enum.StrEnum):
    """The level that decides about a topic."""

    BASE = "base"  #: the cold start: the shipped prior, or a person for everything
    EARNED = "earned"  #: a threshold that decisions have earned
    REVIEW = "review"  #: everything goes to a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A topic's standing before a change, to which the change can be undone."""

    level: Level
    threshold: float
    since: datetime | None = None
    declined: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a topic's history."""

    at: datetime
    by: str  #: a person, or "" for the system
    level: Level
    threshold: float
    why: str
    before: Before | None = None  #: None: made by an older version, and not to be undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic's standing."""

    name: str
    level: Level = Level.BASE
    threshold: float = 1.0  #: counts while EARNED
    since: datetime | None = None  #: evidence before this is not counted for a promotion
    declined: float = 0.0  #: weight of the evidence when a proposal was declined
    history: tuple[Change, ...] = ()
    rev: int = 0  #: rises with every change, by which of two at once the second is told

    def changed(self, change: Change, **fields: Any) -> Topic:
        """The topic after this change, which remembers how it stood."""
        before = Before(
            level=self.level, threshold=self.threshold, since=self.since, declined=self.declined
        )
        noted = replace(change, before=before)
        return replace(self, **fields, history=(*self.history, noted)[-HISTORY:])


class TopicChanged(StoreUnavailable):
    """Somebody else has changed this topic meanwhile."""


class AuditState(enum.StrEnum):
    """A supervisor's verdict."""

    WAITING = "waiting"
    RIGHT = "right"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAlone:
    """An answer that went out alone, for a second look; the customer has it already."""

    id: str  #: conversation and number of the message, with a dot between
    conversation_id: str
    at: datetime
    text: str
    topic: str
    confidence: float
    article: str = ""
    question: str = ""
    rating: int = 0  #: what the customer gave, where that is why
    complained: bool = False  #: the customer did, before a supervisor judged it
    state: AuditState = AuditState.WAITING
    by: str = ""
    signals: Mapping[str, float] = field(default_factory=dict)  #: of its confidence


class TopicStore:
    """Topics and drawn answers, each in one collection."""

    def __init__(self, topics: MongoCollection, drawn: MongoCollection) -> None:
        self._topics = topics
        self._drawn = drawn
        self._gathered: dict[str, SentAlone] = {}

    async def topics(self) -> list[Topic]:
        """All that ever changed."""
        with store_errors():
            return [_topic(d) for d in await self._topics.find({}).to_list()]

    async def topic(self, name: str) -> Topic:
        """One of them, as it stands now."""
        with store_errors():
            found = await self._topics.find_one({"_id": f"topic:{name}"})
        return _topic(found) if found else Topic(name=name)

    async def save(self, topic: Topic) -> Topic:
        """Write a topic's standing in the place of the one it was made from; with its number.

        Raises TopicChanged when that one does not stand there any more.
        """
        # Topics of older versions have no number.
        before = topic.rev or {"$in": [0, None]}
        after = replace(topic, rev=topic.rev + 1)
        document = {"_id": f"topic:{topic.name}", "topic": to_plain(after)}
        try:
            with store_errors():
                done = await self._topics.replace_one(
                    {"_id": document["_id"], "topic.rev": before}, document, upsert=not topic.rev
                )
        except KeyTaken:
            raise TopicChanged from None
        if not done.matched_count and done.upserted_id is None:
            raise TopicChanged
        return after

    def gather(self, answers: Iterable[SentAlone]) -> None:
        """Have them looked at; drawn twice is drawn once. Nothing is written before `flush`."""
        for answer in answers:
            self._gathered.setdefault(answer.id, answer)

    async def flush(self) -> None:
        """Write down what was gathered; whatever reads does so first."""
        written = list(self._gathered.values())
        if not written:
            return
        with store_errors():
            await insert_missing(self._drawn, [_drawn_document(a) for a in written])
        for answer in written:
            self._gathered.pop(answer.id, None)

    async def judge(self, answer: SentAlone) -> None:
        """Write what was said about it."""
        with store_errors():
            await self._drawn.replace_one({"_id": answer.id}, _drawn_document(answer), upsert=True)

    async def drawn(self, answer_id: str) -> SentAlone:
        """Raises NotFound."""
        await self.flush()
        with store_errors():
            found = await self._drawn.find_one({"_id": answer_id})
        if found is None:
            raise NotFound("There is no such answer to look at.")
        return _answer(found)

    async def waiting(self) -> list[SentAlone]:
        """Those nobody has looked at, oldest first; complaints before the drawn."""
        await self.flush()
        with store_errors():
            found = await self._drawn.find({"state": AuditState.WAITING.value}).to_list()
        return sorted((_answer(d) for d in found), key=lambda a: (not a.rating, a.at, a.id))


def _topic(document: Mapping[str, Any]) -> Topic:
    topic = from_plain(Topic, document["topic"])
    assert isinstance(topic, Topic)
    return topic


def _answer(document: Mapping[str, Any]) -> SentAlone:
    answer = from_plain(SentAlone, document["answer"])
    assert isinstance(answer, SentAlone)
    return answer


def _drawn_document(answer: SentAlone) -> dict[str, Any]:
    return {
        "_id": answer.id,
        "c": answer.conversation_id,
        "state": answer.state.value,
        "answer": to_plain(answer),
    }
