"""The verdicts of the quality review, one a conversation and week."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import AlreadyDecided
from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors


class Verdict(enum.StrEnum):
    """An answer to one question of the form."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    UNKNOWN = "unknown"  #: cannot be told from the conversation; counts for nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One person's verdict on one conversation."""

    conversation_id: str
    week: str  #: its Monday, "2026-11-23"
    by: str
    at: datetime
    solved: Verdict  #: the customer got what they came for
    correct: Verdict  #: what was said is right
    tone: Verdict  #: it was said as the company wants it said
    note: str = ""


class ReviewStore:
    """The verdicts in one collection."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def add(self, review: Review) -> None:
        """Remember it. Raises AlreadyDecided where somebody was first, StoreUnavailable."""
        document = {
            "_id": _id(review.week, review.conversation_id),
            "c": review.conversation_id,
            "week": review.week,
            "by": review.by,
            "at": review.at,
            "solved": review.solved.value,
            "correct": review.correct.value,
            "tone": review.tone.value,
            "note": review.note,
        }
        try:
            with store_errors():
                await self._collection.insert_one(document)
        except KeyTaken:
            with store_errors():
                known = await self._collection.find_one({"_id": document["_id"]})
            by = known["by"] if known else ""
            raise AlreadyDecided(decided_by=by, decision="reviewed") from None

    async def remove(self, week: str, conversation_id: str, *, by: str) -> bool:
        """Take one's own verdict back; whether it was there. Raises StoreUnavailable."""
        with store_errors():
            gone = await self._collection.delete_one({"_id": _id(week, conversation_id), "by": by})
        return bool(gone.deleted_count)

    async def of_weeks(self, weeks: Sequence[str]) -> list[Review]:
        """Those of these weeks, oldest first. Raises StoreUnavailable."""
        with store_errors():
            found = await self._collection.find({"week": {"$in": list(weeks)}}).to_list()
        return sorted(map(_review, found), key=lambda one: one.at)


def _id(week: str, conversation_id: str) -> str:
    return f"{conversation_id}/{week}"


def _review(document: Mapping[str, Any]) -> Review:
    return Review(
        conversation_id=document["c"],
        week=document["week"],
        by=document["by"],
        at=document["at"],
        solved=Verdict(document["solved"]),
        correct=Verdict(document["correct"]),
        tone=Verdict(document["tone"]),
        note=document["note"],
    )
