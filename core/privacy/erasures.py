"""Erasures in progress, stored so that an interrupted one is finished."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core.clock import Clock
from core.storage.client import MongoCollection
from core.storage.errors import store_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """The conversations to erase, each up to a number; ids and counts only."""

    id: str
    conversation_ids: tuple[str, ...]
    who: str  #: e-mail of who asked, "operator", "retention"
    rewrite: bool  #: the store's files are to be written anew
    at: datetime  #: when it began
    marks: Mapping[str, int] = field(default_factory=dict)  #: number of the mark, once it stands
    done: bool = False
    resumed: bool = False  #: somebody else began it, and was broken off


class Erasures:
    """The collection `erasures`; every method raises StoreUnavailable."""

    def __init__(self, collection: MongoCollection, *, clock: Clock) -> None:
        self._collection = collection
        self._clock = clock

    async def begin(self, conversation_ids: Sequence[str], *, who: str, rewrite: bool) -> Erasure:
        """Write down that these are to go."""
        erasure = Erasure(
            id=self._clock.new_id(),
            conversation_ids=tuple(conversation_ids),
            who=who,
            rewrite=rewrite,
            at=self._clock.now(),
        )
        document = {
            "_id": erasure.id,
            "conversations": list(conversation_ids),
            "who": who,
            "at": erasure.at,
            "rewrite": rewrite,
            "done": False,
        }
        with store_errors():
            await self._collection.insert_one(document)
        return erasure

    async def note(self, erasure_id: str, marks: Mapping[str, int]) -> None:
        """Each conversation goes up to this number, whatever happens there from now on."""
        noted = [{"c": c, "n": n} for c, n in marks.items()]
        await self._set(erasure_id, {"marks": noted})

    async def end(self, erasure_id: str, removed: Mapping[str, int]) -> None:
        """It is done; this is what went."""
        await self._set(erasure_id, {"done": True, "removed": dict(removed)})

    async def ask(self, erasure_id: str, members: Sequence[str]) -> None:
        """These members are to forget what they remember of it, beside the store."""
        await self._set(erasure_id, {"waits": list(members)})

    async def waits(self, erasure_id: str) -> Collection[str]:
        """The members that have not confirmed it yet."""
        with store_errors():
            found = await self._collection.find_one({"_id": erasure_id}, {"waits": 1})
        return set((found or {}).get("waits", ()))

    async def asking(self, members: Sequence[str]) -> list[Erasure]:
        """The erasures that wait for any of these members."""
        with store_errors():
            found = await self._collection.find({"waits": {"$in": list(members)}}).to_list()
        return [_erasure(d) for d in found]

    async def confirm(self, erasure_id: str, members: Sequence[str]) -> None:
        """These members remember nothing of it any more."""
        with store_errors():
            await self._collection.update_one(
                {"_id": erasure_id}, {"$pullAll": {"waits": list(members)}}
            )

    async def get(self, erasure_id: str) -> Erasure | None:
        """As it is written down."""
        with store_errors():
            found = await self._collection.find_one({"_id": erasure_id})
        return _erasure(found) if found else None

    async def unfinished(self) -> list[Erasure]:
        """Those that nobody has finished."""
        with store_errors():
            found = await self._collection.find({"done": False}).to_list()
        return [replace(_erasure(d), resumed=True) for d in found]

    async def _set(self, erasure_id: str, fields: Mapping[str, Any]) -> None:
        with store_errors():
            await self._collection.update_one({"_id": erasure_id}, {"$set": dict(fields)})


def _erasure(document: Mapping[str, Any]) -> Erasure:
    return Erasure(
        id=document["_id"],
        conversation_ids=tuple(document["conversations"]),
        who=document["who"],
        rewrite=document["rewrite"],
        at=document["at"],
        marks={mark["c"]: mark["n"] for mark in document.get("marks", ())},
        done=document["done"],
    )
