"""The store of past conversations: files, exchanges and groups, a collection each."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from core.errors import AlreadyDecided, NotFound
from core.rag.vectors.encoder import Vector
from core.storage.client import Database, unhurried
from core.storage.errors import store_errors
from imports.exchanges import Exchange

MOST_BAD = 100  #: rows of one file that are remembered; all are counted
AT_ONCE = 100


class FileState(enum.StrEnum):
    """The state of a file."""

    READING = "reading"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """One file, by the digest of its content."""

    id: str
    name: str
    format: str
    by: str
    at: datetime
    state: FileState = FileState.READING
    items: int = 0  #: conversations and bad rows that were read
    exchanges: int = 0  #: questions with their answers that stood in them
    new: int = 0  #: of these, how many were not known from another file
    bad: int = 0
    bad_rows: tuple[str, ...] = ()  #: the first ones, "row 7: is no JSON"
    why: str = ""  #: why it failed
    total: int = 0  #: of its conversations and bad rows


class GroupState(enum.StrEnum):
    """The state of a group of questions."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Questions that mean the same, and the answer that is offered for them."""

    id: str
    state: GroupState = GroupState.WAITING
    version: int = 0
    size: int = 0
    people: int = 0  #: how many customers asked, as far as their contacts tell
    question: str = ""
    answer: str = ""
    answers: int = 0  #: different ones
    locale: str = "en"
    said: str = ""  #: key of the answer that is offered
    conflicts: tuple[tuple[str, str], ...] = ()  #: sentences of its answers that contradict
    holes: int = 0  #: places in the answer where personal data stood
    one_customer: bool = False
    general: bool = False  #: the same answer was given to many different questions
    last_at: datetime | None = None
    decided_by: str = ""
    decided_at: datetime | None = None
    article_id: str = ""  #: that knows the questions now
    is_new_article: bool = False  #: made of this group, and removed when that is taken back
    taught: tuple[str, ...] = ()  #: questions that it was taught
    edited: bool = False  #: a person has written the answer in other words


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An exchange with its group and vector."""

    exchange: Exchange
    group: str
    vector: Vector = field(compare=False, repr=False)


_WAITING = {"state": GroupState.WAITING.value, "size": {"$gt": 0}}
_DECIDED = {
    "state": {"$in": [GroupState.APPROVED.value, GroupState.REJECTED.value]},
    "size": {"$gt": 0},
}


class PastStore:
    """The collections `past_files`, `past_exchanges` and `past_groups`."""

    def __init__(self, db: Database) -> None:
        self._files = db["past_files"]
        self._exchanges = db["past_exchanges"]
        self._groups = db["past_groups"]

    # Files

    async def file(self, file_id: str) -> ImportedFile | None:
        """The file of this digest, if it was begun."""
        with store_errors():
            found = await self._files.find_one({"_id": file_id})
        return _file(found) if found else None

    async def files(self) -> list[ImportedFile]:
        """All of them, newest first."""
        with store_errors():
            found = await self._files.find({}).to_list()
        return sorted(map(_file, found), key=lambda one: one.at, reverse=True)

    async def save_file(self, file: ImportedFile) -> None:
        """Write it in place of what is there."""
        document = {
            name: getattr(file, name)
            for name in ImportedFile.__dataclass_fields__
            if name not in ("id", "state", "bad_rows")
        }
        document |= {"_id": file.id, "state": file.state.value, "bad_rows": list(file.bad_rows)}
        with store_errors():
            await self._files.replace_one({"_id": file.id}, document, upsert=True)

    # Exchanges

    async def known(self, ids: Collection[str]) -> set[str]:
        """Those of these exchanges that are kept already."""
        with store_errors():
            found = await self._exchanges.find({"_id": {"$in": list(ids)}}, {"_id": 1}).to_list()
        return {document["_id"] for document in found}

    async def keep(self, kept: Sequence[Kept], *, file_id: str) -> None:
        """Keep new exchanges; their groups are due to be settled, also after a kill."""
        if not kept:
            return
        await self.touch({one.group for one in kept})
        with store_errors():
            await self._exchanges.insert_many([_to_document(k, file_id=file_id) for k in kept])

    async def every(self) -> AsyncIterator[tuple[str, str, str, Vector]]:
        """Id, group, key of the answer and vector of every exchange, in the order of their ids."""
        fields = {"g": 1, "said": 1, "v": 1}
        with store_errors(), unhurried():
            found = await self._exchanges.find({}, fields).to_list()
        for document in sorted(found, key=lambda d: str(d["_id"])):
            yield document["_id"], document["g"], document["said"], _vector(document["v"])

    async def of_group(self, group_id: str) -> list[Kept]:
        """The exchanges of a group, newest first."""
        with store_errors(), unhurried():
            found = await self._exchanges.find({"g": group_id}).to_list()
        kept = map(_kept, found)
        return sorted(
            kept,
            key=lambda k: (k.exchange.at.timestamp() if k.exchange.at else 0.0, k.exchange.id),
            reverse=True,
        )

    async def of_people(self, fingerprints: Collection[str]) -> list[Kept]:
        """The exchanges of customers with these fingerprints."""
        if not fingerprints:
            return []
        with store_errors(), unhurried():
            found = await self._exchanges.find({"who": {"$in": list(fingerprints)}}).to_list()
        return [_kept(document) for document in found]

    async def forget(self, exchange_ids: Sequence[str]) -> int:
        """Keep these no more; how many there were."""
        gone = 0
        for at in range(0, len(exchange_ids), AT_ONCE):
            part = list(exchange_ids[at : at + AT_ONCE])
            with store_errors():
                gone += (await self._exchanges.delete_many({"_id": {"$in": part}})).deleted_count
        return gone

    # Groups

    async def touch(self, group_ids: Collection[str]) -> None:
        """These groups have changed; what they offer is to be found anew."""
        with store_errors():
            known = await self._groups.find({"_id": {"$in": list(group_ids)}}, {"_id": 1}).to_list()
            there = {document["_id"] for document in known}
            if there:
                await self._groups.update_many(
                    {"_id": {"$in": list(there)}}, {"$set": {"due": True}}
                )
            if fresh := [i for i in group_ids if i not in there]:
                await self._groups.insert_many(
                    [{**_group_document(Group(id=i)), "due": True} for i in fresh]
                )

    async def due(self) -> list[Group]:
        """Groups whose offer is to be found anew."""
        with store_errors(), unhurried():
            found = await self._groups.find({"due": True}).to_list()
        return [_group(document) for document in found]

    async def group(self, group_id: str) -> Group:
        """Raises NotFound."""
        with store_errors():
            found = await self._groups.find_one({"_id": group_id})
        if found is None:
            raise NotFound("There is no such group of questions.")
        return _group(found)

    async def waiting(self, *, after: int = 0, limit: int = 0) -> list[Group]:
        """Those that wait for a person, the largest first; `limit` of them, 0 for all."""
        with store_errors(), unhurried():
            found = self._groups.find(_WAITING).sort([("size", -1), ("_id", 1)])
            return [_group(one) for one in await found.skip(after).limit(limit).to_list()]

    async def count_waiting(self) -> int:
        """How many wait."""
        with store_errors():
            return await self._groups.count_documents(_WAITING)

    async def decided(self, *, limit: int) -> list[Group]:
        """The decided ones, the newest first."""
        with store_errors(), unhurried():
            found = self._groups.find(_DECIDED).sort("decided_at", -1).limit(limit)
            return [_group(one) for one in await found.to_list()]

    async def settle(self, group: Group) -> None:
        """Write what the group offers now, unless somebody has decided it meanwhile."""
        document = {**_group_document(group), "due": False}
        with store_errors():
            await self._groups.replace_one({"_id": group.id, "version": group.version}, document)

    async def decide(self, group: Group) -> Group:
        """Write a decision. Raises AlreadyDecided where the group has changed since it was read."""
        after = replace(group, version=group.version + 1)
        with store_errors():
            done = await self._groups.replace_one(
                {"_id": group.id, "version": group.version}, _group_document(after)
            )
        if not done.matched_count:
            now = await self.group(group.id)
            raise AlreadyDecided(decided_by=now.decided_by, decision=now.state.value)
        return after

    async def drop_group(self, group_id: str) -> None:
        """Nothing of it is left."""
        with store_errors():
            await self._groups.delete_one({"_id": group_id})


def _file(document: Mapping[str, Any]) -> ImportedFile:
    values = {k: v for k, v in document.items() if k != "_id"}
    values |= {"state": FileState(values["state"]), "bad_rows": tuple(values["bad_rows"])}
    return ImportedFile(id=document["_id"], **values)


def _to_document(kept: Kept, *, file_id: str) -> dict[str, Any]:
    one = kept.exchange
    return {
        "_id": one.id,
        "g": kept.group,
        "file": file_id,
        "question": one.question,
        "answer": one.answer,
        "said": one.said,
        "locale": one.locale,
        "who": list(one.who),
        "at": one.at,
        "holes": one.holes,
        "one_customer": one.one_customer,
        # Half the bytes, and the last digits of a meaning say nothing.
        "v": kept.vector.astype(np.float16).tobytes(),
    }


def _kept(document: Mapping[str, Any]) -> Kept:
    return Kept(
        exchange=Exchange(
            id=document["_id"],
            question=document["question"],
            answer=document["answer"],
            locale=document["locale"],
            who=tuple(document["who"]),
            at=document["at"],
            holes=document["holes"],
            one_customer=document["one_customer"],
        ),
        group=document["g"],
        vector=_vector(document["v"]),
    )


def _vector(raw: bytes) -> Vector:
    return np.frombuffer(raw, dtype=np.float16).astype(np.float32)


def _group_document(group: Group) -> dict[str, Any]:
    document = {name: getattr(group, name) for name in Group.__dataclass_fields__ if name != "id"}
    return document | {
        "_id": group.id,
        "state": group.state.value,
        "conflicts": [list(pair) for pair in group.conflicts],
        "taught": list(group.taught),
    }


def _group(document: Mapping[str, Any]) -> Group:
    values = {k: v for k, v in document.items() if k not in ("_id", "due")}
    values |= {
        "state": GroupState(values["state"]),
        "conflicts": tuple((a, b) for a, b in values["conflicts"]),
        "taught": tuple(values["taught"]),
    }
    return Group(id=document["_id"], **values)
