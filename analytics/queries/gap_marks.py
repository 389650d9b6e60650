"""Marks on missing answers: dismissed, merged or answered, and how each is taken back.

A gap is made anew from the questions at every look, so a mark names questions, by conversation
and number. It holds no words; whoever is forgotten leaves it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import Clock
from core.engine.ports import Person
from core.errors import NotFound
from core.storage.client import MongoCollection
from core.storage.errors import store_errors

MOST_QUESTIONS = 50  #: that a mark names; more of the same meaning are found by their likeness


class MarkKind(enum.StrEnum):
    """The kind of a mark."""

    DISMISSED = "dismissed"  #: needs no answer; the same asked again stays dismissed
    MERGED = "merged"  #: these ask the same, whatever their wording
    ANSWERED = "answered"  #: was answered; asked again without an answer, it is a gap again


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The place of one question in the log."""

    conversation_id: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One decision about a gap."""

    id: str
    kind: MarkKind
    questions: tuple[Question, ...]
    by: str
    at: datetime


class MarkStore:
    """The marks in one collection; few, so that they are read whole."""

    def __init__(self, collection: MongoCollection, *, clock: Clock) -> None:
        self._collection = collection
        self._clock = clock

    async def add(self, kind: MarkKind, questions: Sequence[Question], *, by: str) -> Mark:
        """Remember a decision. Raises StoreUnavailable."""
        mark = Mark(
            id=self._clock.new_id(),
            kind=kind,
            questions=tuple(questions[:MOST_QUESTIONS]),
            by=by,
            at=self._clock.now(),
        )
        with store_errors():
            await self._collection.insert_one(_document(mark))
        return mark

    async def remove(self, mark_id: str) -> Mark:
        """Take a decision back. Raises NotFound, StoreUnavailable."""
        with store_errors():
            found = await self._collection.find_one({"_id": mark_id})
            if found is None:
                raise NotFound("This was taken back already.")
            await self._collection.delete_one({"_id": mark_id})
        return _mark(found)

    async def all(self) -> list[Mark]:
        """Every decision, oldest first. Raises StoreUnavailable."""
        with store_errors():
            found = await self._collection.find({}).to_list()
        return sorted(map(_mark, found), key=lambda mark: (mark.at, mark.id))

    async def without(self, mark: Mark, gone: Sequence[Question]) -> None:
        """These questions leave the mark, and a mark of none goes. Raises StoreUnavailable."""
        left = [q for q in mark.questions if q not in gone]
        with store_errors():
            if left:
                change = {"$set": {"questions": [_place(q) for q in left]}}
                await self._collection.update_one({"_id": mark.id}, change)
            else:
                await self._collection.delete_one({"_id": mark.id})


class MarksOfPeople:
    """`core.engine.ports.PersonalData`: the questions of a person leave the marks."""

    name = "gap_marks"

    def __init__(self, marks: MarkStore) -> None:
        self._marks = marks

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        return [
            {"kind": mark.kind.value, "at": mark.at, **_place(question)}
            for mark in await self._marks.all()
            for question in _theirs(mark, person)
        ]

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        done = 0
        for mark in await self._marks.all():
            if theirs := _theirs(mark, person):
                await self._marks.without(mark, theirs)
                done += 1
        return {self.name: done} if done else {}


def _theirs(mark: Mark, person: Person) -> list[Question]:
    return [q for q in mark.questions if person.owns(q.conversation_id, q.seq)]


def _place(question: Question) -> dict[str, Any]:
    return {"c": question.conversation_id, "n": question.seq}


def _document(mark: Mark) -> dict[str, Any]:
    return {
        "_id": mark.id,
        "kind": mark.kind.value,
        "questions": [_place(q) for q in mark.questions],
        "by": mark.by,
        "at": mark.at,
    }


def _mark(document: Mapping[str, Any]) -> Mark:
    return Mark(
        id=document["_id"],
        kind=MarkKind(document["kind"]),
        questions=tuple(
            Question(conversation_id=q["c"], seq=q["n"]) for q in document["questions"]
        ),
        by=document["by"],
        at=document["at"],
    )
