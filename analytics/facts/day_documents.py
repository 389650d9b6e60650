"""Stored days: one document each, and parts beside it where a day is more than one may hold."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from core.errors import StoreUnavailable
from core.storage.client import Database
from core.storage.writes import insert_missing

CATALOG = "catalog"
#: Bytes in one document. MongoDB takes 16 MB; a day of 70,000 conversations would have more.
PART_BYTES = 4_000_000
PACKED = ("plain", "packed", "ids")  #: the fields that grow with the day
TRIES = 5  #: reads of a day that is written anew meanwhile

Stored = Mapping[str, Any]


class DayDocuments:
    """Reads and writes stored days by their numbers. All of it raises PyMongoError.

    A day is replaced as a whole by compare-and-set on its version `v`. What does not fit into its
    document is written before it, under a name that nobody else uses (`at`), and the parts of the
    version before go after it: whoever reads finds one version or the other, whole.
    """

    def __init__(self, db: Database, *, part_bytes: int = PART_BYTES) -> None:
        self._days = db["analytics_days"]
        self._parts = db["analytics_parts"]
        self._part_bytes = part_bytes

    async def versions(self) -> dict[int, int]:
        """The version of every day."""
        catalog = await self._days.find_one({"_id": CATALOG})
        return {int(day): v for day, v in (catalog or {}).get("days", {}).items()}

    async def numbers(self) -> list[int]:
        """The days there are."""
        return [d["_id"] async for d in self._days.find({"_id": {"$ne": CATALOG}}, {"_id": 1})]

    async def find(self, number: int) -> Stored | None:
        """The day, whole; None when nothing of it was ever rolled up."""
        for _ in range(TRIES):
            document = await self._days.find_one({"_id": number})
            if document is None:
                return None
            if (whole := await self._whole(document)) is not None:
                return whole
        raise StoreUnavailable  # somebody writes it again and again

    async def find_ids(self, number: int) -> Stored | None:
        """The day for `ids_of`, without its columns where they are not beside it."""
        document = await self._days.find_one({"_id": number}, {"plain": 0, "packed": 0})
        return await self.find(number) if document and "parts" in document else document

    async def find_many(self, numbers: Sequence[int]) -> list[Stored]:
        """Those of these days that there are, whole."""
        found: list[Stored] = []
        for document in await self._days.find({"_id": {"$in": list(numbers)}}).to_list():
            whole = await self._whole(document) or await self.find(document["_id"])
            if whole is not None:
                found.append(whole)
        return found

    async def all(self) -> AsyncIterator[Stored]:
        """Every day, one after the other."""
        for number in await self.numbers():
            document = await self.find(number)
            if document is not None:
                yield document

    async def put(
        self, number: int, fields: Stored, *, version: int, after: int | None = None
    ) -> bool:
        """Write the day down as this version; whether it was.

        `after` is the version that it must follow, 0 where there was none; None replaces any.
        """
        own = {"_id": number, "v": version, **fields}
        size = sum(len(fields[name]) for name in PACKED)
        if size > self._part_bytes:
            own |= await self._write_parts(number, own)
        if after is None:
            await self._days.replace_one({"_id": number}, own, upsert=True)
            done = True
        elif after == 0:
            done = not await insert_missing(self._days, [own])
        else:
            written = await self._days.replace_one({"_id": number, "v": after}, own)
            done = bool(written.matched_count)
        if done:
            await self._days.update_one(
                {"_id": CATALOG}, {"$set": {f"days.{number}": version}}, upsert=True
            )
        # Of the one who was slower only its own parts go; of the others all that nobody reads.
        at = own.get("at", "")
        gone: dict[str, Any] = {"at": {"$ne": at}, "v": {"$lt": version}} if done else {"at": at}
        await self._parts.delete_many({"day": number, **gone})
        return done

    async def _write_parts(self, number: int, own: Mapping[str, Any]) -> dict[str, Any]:
        at, v = secrets.token_hex(8), own["v"]
        whole = b"".join(own[name] for name in PACKED)
        starts = range(0, len(whole), self._part_bytes)
        for place, start in enumerate(starts):
            data = whole[start : start + self._part_bytes]
            part = {"_id": f"{number}/{at}/{place}", "day": number, "at": at, "v": v, "data": data}
            await self._parts.insert_one(part)
        lengths = [len(own[name]) for name in PACKED]
        return {"at": at, "parts": len(starts), "lengths": lengths, **dict.fromkeys(PACKED, b"")}

    async def _whole(self, document: Stored) -> Stored | None:
        """The day with what is beside it; None when that has just been replaced."""
        if "parts" not in document:
            return document
        number, at = document["_id"], document["at"]
        data = []
        for place in range(document["parts"]):
            part = await self._parts.find_one({"_id": f"{number}/{at}/{place}"})
            if part is None:
                return None
            data.append(part["data"])
        whole, start = b"".join(data), 0
        fields = dict(document)
        for name, length in zip(PACKED, document["lengths"], strict=True):
            fields[name] = whole[start : start + length]
            start += length
        return fields
