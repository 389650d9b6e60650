"""The store of past conversations: files, exchanges and groups, a collection each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from core.errors import AlreadyDecided, NotFound
from core.rag.vectors.encoder import Vector
from core.storage.client import Database, unhurried
from core.storage.errors import KeyTaken, store_errors
from imports.groups.model import (
    FileState,
    Group,
    GroupState,
    ImportedFile,
    Kept,
    Work,
    exchange_document,
    file_from,
    group_document,
    group_from,
    kept_from,
    vector_from,
)

AT_ONCE = 100
TURN = "turn"

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
        self._turns = db["past_turns"]

    # Whose turn it is to read: groups are told apart in one process's memory.

    async def take_turn(self, run: str, *, at: datetime, silent_since: datetime) -> bool:
        """Begin to read, or go on; whether nobody else does who was heard of since then."""
        free = {"$or": [{"run": {"$in": ["", run]}}, {"beat": {"$lt": silent_since}}]}
        try:
            with store_errors():
                done = await self._turns.update_one(
                    {"_id": TURN, **free}, {"$set": {"run": run, "beat": at}}, upsert=True
                )
        except KeyTaken:
            return False
        return bool(done.matched_count or done.upserted_id)

    async def give_turn(self, run: str) -> None:
        """Read no more, for now."""
        with store_errors():
            await self._turns.update_one({"_id": TURN, "run": run}, {"$set": {"run": ""}})

    # Files

    async def file(self, file_id: str) -> ImportedFile | None:
        """The file of this digest, if it was begun."""
        with store_errors():
            found = await self._files.find_one({"_id": file_id})
        return file_from(found) if found else None

    async def files(self) -> list[ImportedFile]:
        """All of them, newest first."""
        with store_errors():
            found = await self._files.find({}).to_list()
        return sorted(map(file_from, found), key=lambda one: one.at, reverse=True)

    async def reading(self) -> list[ImportedFile]:
        """Those that are being read, or were when their process was killed."""
        with store_errors():
            found = await self._files.find({"state": FileState.READING.value}).to_list()
        return [file_from(document) for document in found]

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

    async def known(self, ids: Collection[str]) -> Mapping[str, str]:
        """Those of these exchanges that are kept already, with the files that they came from."""
        with store_errors():
            found = await self._exchanges.find({"_id": {"$in": list(ids)}}, {"file": 1}).to_list()
        return {document["_id"]: document["file"] for document in found}

    async def keep(self, kept: Sequence[Kept], *, file_id: str) -> None:
        """Keep new exchanges; their groups are due to be settled, also after a kill."""
        if not kept:
            return
        await self.touch({one.group for one in kept})
        with store_errors():
            await self._exchanges.insert_many([exchange_document(k, file_id=file_id) for k in kept])

    async def every(self) -> AsyncIterator[tuple[str, str, str, Vector]]:
        """Id, group, key of the answer and vector of every exchange, in the order of their ids."""
        fields = {"g": 1, "said": 1, "v": 1}
        with store_errors(), unhurried():
            found = await self._exchanges.find({}, fields).to_list()
        for document in sorted(found, key=lambda d: str(d["_id"])):
            yield document["_id"], document["g"], document["said"], vector_from(document["v"])

    async def answers(self) -> AsyncIterator[tuple[str, str]]:
        """Each answer by its key, once."""
        with store_errors(), unhurried():
            seen: set[str] = set()
            async for document in self._exchanges.find({}, {"_id": 0, "said": 1, "answer": 1}):
                if document["said"] not in seen:
                    seen.add(document["said"])
                    yield document["said"], document["answer"]

    async def of_group(self, group_id: str) -> list[Kept]:
        """The exchanges of a group, newest first."""
        with store_errors(), unhurried():
            found = await self._exchanges.find({"g": group_id}).to_list()
        kept = map(kept_from, found)
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
        return [kept_from(document) for document in found]

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
                    [{**group_document(Group(id=i)), "due": True} for i in fresh]
                )

    async def due(self) -> list[Group]:
        """Groups whose offer is to be found anew."""
        with store_errors(), unhurried():
            found = await self._groups.find({"due": True}).to_list()
        return [group_from(document) for document in found]

    async def group(self, group_id: str) -> Group:
        """Raises NotFound."""
        with store_errors():
            found = await self._groups.find_one({"_id": group_id})
        if found is None:
            raise NotFound("There is no such group of questions.")
        return group_from(found)

    async def waiting(self, *, after: int = 0, limit: int = 0) -> list[Group]:
        """Those that wait for a person, the largest first; `limit` of them, 0 for all."""
        with store_errors(), unhurried():
            found = self._groups.find(_WAITING).sort([("size", -1), ("_id", 1)])
            return [group_from(one) for one in await found.skip(after).limit(limit).to_list()]

    async def count_waiting(self) -> int:
        """How many wait."""
        with store_errors():
            return await self._groups.count_documents(_WAITING)

    async def decided(self, *, limit: int) -> list[Group]:
        """The decided ones, the newest first."""
        with store_errors(), unhurried():
            found = self._groups.find(_DECIDED).sort("decided_at", -1).limit(limit)
            return [group_from(one) for one in await found.to_list()]

    async def settle(self, group: Group) -> None:
        """Write what the group offers now, unless somebody has decided it meanwhile."""
        document = {**group_document(group), "due": False}
        with store_errors():
            await self._groups.replace_one({"_id": group.id, "version": group.version}, document)

    async def decide(self, group: Group) -> Group:
        """Write a decision. Raises AlreadyDecided where the group has changed since it was read."""
        after = replace(group, version=group.version + 1)
        with store_errors():
            done = await self._groups.replace_one(
                {"_id": group.id, "version": group.version}, group_document(after)
            )
        if not done.matched_count:
            now = await self.group(group.id)
            raise AlreadyDecided(decided_by=now.decided_by, decision=now.state.value)
        return after

    async def worked(self, group: Group) -> bool:
        """The knowledge follows this decision; False where the group was decided anew meanwhile."""
        now = group_document(replace(group, work=Work.NONE))
        kept = ("work", "article_id", "is_new_article", "taught")
        with store_errors():
            done = await self._groups.update_one(
                {"_id": group.id, "version": group.version}, {"$set": {k: now[k] for k in kept}}
            )
        return bool(done.matched_count)

    async def unfinished(self) -> list[Group]:
        """Decided ones whose decision the knowledge may not follow yet."""
        with store_errors():
            found = await self._groups.find(
                {"work": {"$in": [Work.TEACH.value, Work.UNLEARN.value]}}
            ).to_list()
        return [group_from(one) for one in found]

    async def drop_group(self, group_id: str) -> None:
        """Nothing of it is left."""
        with store_errors():
            await self._groups.delete_one({"_id": group_id})
