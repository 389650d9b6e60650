"""What a person's words taught, from the moment they were sent until they are out of date."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, PyMongoError

from core.errors import NotFound, StoreUnavailable
from core.plain import from_plain, to_plain


class LessonState(enum.StrEnum):
    """Where a lesson stands."""

    NEW = "new"  #: sent to a customer, not looked at yet
    WAITING = "waiting"  #: a candidate; a supervisor has to say yes
    LEARNED = "learned"  #: the assistant answers with it
    DECLINED = "declined"  #: a supervisor said no, or there was nothing to learn
    RETIRED = "retired"  #: its document changed, or its time is over


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
    expires_at: datetime | None = None
    decided_by: str = ""  #: who said yes or no
    why: str = ""  #: why it was declined or retired


class LessonStore:
    """The lessons in one collection; few, so that lists are read whole."""

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._collection = collection

    async def add(self, lesson: Lesson) -> None:
        """Remember a new one; the same again changes nothing."""
        try:
            await self._collection.insert_one(_document(lesson))
        except DuplicateKeyError:
            return
        except PyMongoError as error:
            raise StoreUnavailable from error

    async def save(self, lesson: Lesson) -> None:
        """Write it in place of what is there."""
        try:
            await self._collection.replace_one({"_id": lesson.id}, _document(lesson), upsert=True)
        except PyMongoError as error:
            raise StoreUnavailable from error

    async def get(self, lesson_id: str) -> Lesson:
        """Raises NotFound."""
        try:
            found = await self._collection.find_one({"_id": lesson_id})
        except PyMongoError as error:
            raise StoreUnavailable from error
        if found is None:
            raise NotFound("There is no such candidate.")
        return _lesson(found)

    async def in_state(self, state: LessonState) -> list[Lesson]:
        """All of them in this state, oldest first."""
        return await self._find({"state": state.value})

    async def of_conversation(self, conversation_id: str) -> list[Lesson]:
        """What was learned in this conversation."""
        return await self._find({"c": conversation_id})

    async def resting_on(self, article_ids: Collection[str]) -> list[Lesson]:
        """Learned or waiting lessons that rest on one of these articles."""
        wanted = set(article_ids)
        alive = [
            *await self.in_state(LessonState.LEARNED),
            *await self.in_state(LessonState.WAITING),
        ]
        return [one for one in alive if wanted.intersection((*one.cited, one.article_id))]

    async def _find(self, query: Mapping[str, Any]) -> list[Lesson]:
        try:
            found = await self._collection.find(dict(query)).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error
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
