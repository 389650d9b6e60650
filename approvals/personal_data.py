"""Exports and erases a person's lessons, evidence and cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from approvals.slack.sync_store import ERASED
from core.engine.ports import Person
from core.privacy.owned import OwnedDocuments, number_of
from core.privacy.schema import Stored
from core.storage.client import Database, MongoCollection
from core.storage.errors import store_errors

Paused = Callable[[], AbstractAsyncContextManager[None]]


class LessonsOfPeople(OwnedDocuments):
    """Lessons go while nothing is learned, or one under way would come back."""

    def __init__(self, collection: MongoCollection, stored: Stored, paused: Paused) -> None:
        super().__init__(collection, stored)
        self._paused = paused

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        async with self._paused():
            return await super().erase(person)

    async def rename(self, titles: Mapping[str, str]) -> None:
        """Lessons of others name articles they contradict; by these titles now, "" by none."""
        if not titles:
            return
        async with self._paused():
            with store_errors():
                found = await self.collection.find(
                    {"lesson.conflicts": {"$in": list(titles)}}, {"lesson.conflicts": 1}
                ).to_list()
                for document in found:
                    named = [titles.get(t, t) for t in document["lesson"]["conflicts"]]
                    left = list(dict.fromkeys(t for t in named if t))
                    await self.collection.update_one(
                        {"_id": document["_id"]}, {"$set": {"lesson.conflicts": left}}
                    )


class EvidenceOfPeople:
    """Evidence from decisions about a person's answers: figures, exported and kept."""

    name = "evidence"

    def __init__(self, db: Database) -> None:
        self._about = (db["approvals"], db["drawn"])
        self._evidence = db["evidence"]

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        query = {"c": {"$in": list(person.conversation_ids)}}
        with store_errors():
            ids = [
                document["_id"]
                for collection in self._about
                for document in await collection.find(query, {"_id": 1}).to_list()
            ]
            return await self._evidence.find({"_id": {"$in": ids}}).to_list()

    async def erase(self, person: Person) -> Mapping[str, int]:  # noqa: ARG002
        """Nothing: no word stands there."""
        return {}


class CardsOfPeople:
    """Cards in Slack are emptied by the board, as soon as Slack takes it; here they are marked.

    A record says where in Slack something stands and holds no word of it.
    """

    name = "cards"

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        return await self._of(person)

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`; counts what the board has still to empty."""
        theirs = [d["_id"] for d in await self._of(person) if d["ts"] and d["told"] < ERASED]
        with store_errors():
            # A start looks at open ones only, and we may be killed before the board has looked.
            await self._collection.update_many({"_id": {"$in": theirs}}, {"$set": {"open": True}})
        return {"cards": len(theirs)}

    async def _of(self, person: Person) -> list[dict[str, Any]]:
        query = {"c": {"$in": list(person.conversation_ids)}}
        with store_errors():
            found = await self._collection.find(query).to_list()
        return [d for d in found if person.owns(d["c"], number_of(d["_id"]))]
