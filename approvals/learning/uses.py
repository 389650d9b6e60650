"""Records which answers each lesson has given, for whoever takes one back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals.learning.lessons import Lesson, LessonState, LessonStore
from core.domain.drafts import Draft
from core.domain.events import Commit, Numbered, Sent
from core.domain.messages import Author
from core.storage.client import MongoCollection
from core.storage.errors import store_errors
from core.storage.writes import insert_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """An answer that was sent without review because of a lesson."""

    id: str  #: conversation and number of the message, with a dot between
    lesson_id: str
    conversation_id: str
    at: datetime


class TaughtStore:
    """The answers that lessons have given, in one collection; gathered, then written together."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection
        self._gathered: dict[str, Taught] = {}

    def gather(self, answers: Iterable[Taught]) -> None:
        """To be written at the next `flush`."""
        self._gathered |= {answer.id: answer for answer in answers}

    async def flush(self) -> None:
        """Write what was gathered; the same again changes nothing. Raises StoreUnavailable."""
        waiting = list(self._gathered.values())
        if not waiting:
            return
        with store_errors():
            await insert_missing(self._collection, [_taught_document(one) for one in waiting])
        for one in waiting:
            self._gathered.pop(one.id, None)

    async def of(self, lesson_id: str) -> list[Taught]:
        """What this lesson has answered, oldest first."""
        await self.flush()
        with store_errors():
            found = await self._collection.find({"lesson": lesson_id}).to_list()
        return sorted((_taught(d) for d in found), key=lambda one: (one.at, one.id))

    def forget(self, conversation_id: str) -> None:
        """Write nothing of this conversation; what is written is forgotten with its documents."""
        for known in [k for k, v in self._gathered.items() if v.conversation_id == conversation_id]:
            del self._gathered[known]


def _taught_document(one: Taught) -> dict[str, Any]:
    return {"_id": one.id, "lesson": one.lesson_id, "c": one.conversation_id, "at": one.at}


def _taught(document: Mapping[str, Any]) -> Taught:
    return Taught(
        id=document["_id"],
        lesson_id=document["lesson"],
        conversation_id=document["c"],
        at=document["at"],
    )


class TaughtAnswers:
    """Records answers that were sent without review, by their lesson."""

    def __init__(self, store: TaughtStore, lessons: LessonStore) -> None:
        self._store = store
        self._lessons = lessons
        self._known: dict[tuple[str, str], str] | None = None  # lesson by article and question

    async def hear(self, commits: Sequence[Commit]) -> None:
        """Take in what was sent; costs nothing where nothing was learned."""
        for commit in commits:
            for item in commit.numbered():
                match item.event:
                    case Sent(author=Author.AI, by="", draft=Draft()) as sent:
                        await self._note(item, sent)
                    case _:
                        pass

    def learned(self, lesson: Lesson) -> None:
        """This lesson answers from now on."""
        if self._known is not None:
            self._known[_key(lesson)] = lesson.id

    def retired(self, lesson: Lesson) -> None:
        """This lesson answers no more."""
        if self._known is not None:
            self._known.pop(_key(lesson), None)

    async def _note(self, item: Numbered, sent: Sent) -> None:
        if self._known is None:
            learned = await self._lessons.in_state(LessonState.LEARNED)
            self._known = {_key(lesson): lesson.id for lesson in learned}
        for citation in sent.citations if self._known else ():
            article = citation.id.rpartition("#")[0] or citation.id
            known = self._known.get((article, "")) or self._known.get(
                (article, citation.known.casefold())
            )
            if known:
                self._store.gather(
                    [
                        Taught(
                            id=f"{item.conversation_id}.{item.seq}",
                            lesson_id=known,
                            conversation_id=item.conversation_id,
                            at=item.at,
                        )
                    ]
                )
                return


def _key(lesson: Lesson) -> tuple[str, str]:
    """Own words are an article of their own; an approved draft made a question known."""
    return lesson.article_id, "" if lesson.own_words else lesson.question.casefold()
