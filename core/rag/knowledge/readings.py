"""The collection `readings`: what was read of each file, kept for whoever asks later."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pymongo import ReplaceOne

from core.rag.knowledge.store import batched
from core.rag.knowledge.taken import FileRead
from core.storage.client import MongoCollection
from core.storage.errors import store_errors

MOST_WARNINGS = 100  #: of one file that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptReading:
    """A file as it was read last."""

    file: str
    read: FileRead
    at: datetime


class Readings:
    """The last reading of each file whose articles are kept."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def keep(self, read: Sequence[FileRead], *, at: datetime) -> None:
        """Remember these, each in place of the older one of its file."""
        writes = [
            ReplaceOne(
                {"_id": one.source},
                {
                    "_id": one.source,
                    "characters": one.characters,
                    "kept": one.kept,
                    "dropped": dict(one.dropped),
                    "warnings": list(one.warnings[:MOST_WARNINGS]),
                    "at": at,
                },
                upsert=True,
            )
            for one in read
        ]
        for part in batched(writes):
            with store_errors():
                await self._collection.bulk_write(part, ordered=False)

    async def forget(self, files: Collection[str]) -> None:
        """Remember these no more: they are gone, or lie elsewhere."""
        for part in batched(list(files)):
            with store_errors():
                await self._collection.delete_many({"_id": {"$in": part}})

    async def all(self) -> list[KeptReading]:
        """Every file's, those with warnings first, then by name."""
        with store_errors():
            found = await self._collection.find({}).to_list()
        kept = [
            KeptReading(
                file=d["_id"],
                read=FileRead(
                    source=d["_id"],
                    characters=d["characters"],
                    kept=d["kept"],
                    dropped=d["dropped"],
                    warnings=tuple(d["warnings"]),
                ),
                at=d["at"],
            )
            for d in found
        ]
        return sorted(kept, key=lambda one: (not one.read.warnings, one.file))
