"""Lessons: a person's answers, from the moment they were sent until they are retired."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.domain.serialization import from_plain, to_plain
from core.errors import NotFound
from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors


class LessonState(enum.StrEnum):
    """The state of a lesson."""

    NEW = "new"  #: sent to a customer, not looked at yet
    WAITING = "waiting"  #: a candidate; a supervisor has to say yes
    LEARNED = "learned"  #: the assistant answers with it
    DECLINED = "declined"  #: a supervisor said no, or there was nothing to learn
    RETIRED = "retired"  #: its document changed, its time is over, or a supervisor took it back


class Doubt(enum.StrEnum):
    """A reason why something is learned only after a person's yes."""

    SEVERAL = "several"  #: one of several questions that were answered together
    FOLLOW_UP = "follow_up"  #: it makes sense only with what was said before
    ONE_CUSTOMER = "one_customer"  #: the answer speaks of one customer's case


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One question that a person answered; its id is that of the reviewed draft."""

    id: str
    conversation_id: str
    by: str  #: who approved or wrote the answer
    at: datetime
    own_words: bool = False  #: the person wrote; otherwise a draft was approved as it stood
    opened_sources: bool = False
    state: LessonState = LessonState.NEW
    question: str = ""  #: without personal data
    text: str = ""  #: without personal data
    topic: str = ""
    locale: str = "en"
    article_id: str = ""  #: the article that knows the question now
    cited: tuple[str, ...] = ()  #: articles the draft rested on; when one changes, this retires
    conflicts: tuple[str, ...] = ()  #: titles of articles that seem to say otherwise
    masked: bool = False  #: personal data was taken out, so that the text has gaps
    doubts: tuple[Doubt, ...] = ()  #: why a person should look before it is believed
    expires_at: datetime | None = None
    decided_by: str = ""  #: who said yes or no
    why: str = ""  #: why it was declined or retired
    taken_back_at: datetime | None = None  #: when a supervisor did


class LessonStore:
    """The lessons in one collection; few, so that lists are read whole."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def add(self, lesson: Lesson) -> None:
        """Remember a new one; the same again changes nothing."""
        with suppress(KeyTaken), store_errors():
            await self._collection.insert_one(_document(lesson))

    async def save(self, lesson: Lesson) -> None:
        """Write it in place of what is there."""
        with store_errors():
            await self._collection.replace_one({"_id": lesson.id}, _document(lesson), upsert=True)

    async def has(self, lesson_id: str) -> bool:
        """Whether it is there."""
        with store_errors():
            return await self._collection.find_one({"_id": lesson_id}, {"_id": 1}) is not None

    async def get(self, lesson_id: str) -> Lesson:
        """Raises NotFound."""
        with store_errors():
            found = await self._collection.find_one({"_id": lesson_id})
        if found is None:
            raise NotFound("There is no such candidate.")
        return _lesson(found)

    async def in_state(self, state: LessonState) -> list[Lesson]:
        """All of them in this state, oldest first."""
        return await self._find({"state": state.value})

    async def resting_on(self, article_ids: Collection[str]) -> list[Lesson]:
        """Learned or waiting lessons that rest on one of these articles."""
        wanted = set(article_ids)
        alive = [
            *await self.in_state(LessonState.LEARNED),
            *await self.in_state(LessonState.WAITING),
        ]
        return [one for one in alive if wanted.intersection((*one.cited, one.article_id))]

    async def _find(self, query: Mapping[str, Any]) -> list[Lesson]:
        with store_errors():
            found = await self._collection.find(dict(query)).to_list()
        return sorted((_lesson(d) for d in found), key=lambda one: (one.at, one.id))


def _document(lesson: Lesson) -> dict[str, Any]:
    return {
        "_id": lesson.id,
        "c": lesson.conversation_id,
        "state": lesson.state.value,
        "lesson": to_plain(lesson),
    }


def _lesson(document: Mapping[str, Any]) -> Lesson:
    lesson = from_plain(Lesson, document["lesson"])
    assert isinstance(lesson, Lesson)
    return lesson
