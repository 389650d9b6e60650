"""Exports and erases documents that belong to a conversation by its id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.engine.ports import Person
from core.privacy.schema import Stored
from core.storage.client import MongoCollection
from core.storage.errors import store_errors


class OwnedDocuments:
    """`PersonalData` over one collection whose documents name their conversation."""

    def __init__(self, collection: MongoCollection, stored: Stored) -> None:
        self.name = stored.name
        self.collection = collection
        self._owner = stored.owner

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """See `core.engine.ports.PersonalData`."""
        query = {self._owner: {"$in": list(person.conversation_ids)}}
        with store_errors():
            found = await self.collection.find(query).to_list()
        return [d for d in found if person.owns(d[self._owner], number_of(d["_id"]))]

    async def erase(self, person: Person) -> Mapping[str, int]:
        """See `core.engine.ports.PersonalData`."""
        theirs = [document["_id"] for document in await self.export(person)]
        if not theirs:
            return {}
        with store_errors():
            gone = await self.collection.delete_many({"_id": {"$in": theirs}})
        return {self.name: gone.deleted_count}


def number_of(document_id: str) -> int:
    """Number of the event that a document is of: what stands behind its id's last dot."""
    number = document_id.rpartition(".")[2].removeprefix("t")
    return int(number) if number.isdecimal() else 0
