"""Snapshots of conversations: quick to load, easy to list, never ahead of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import DeleteOne, ReplaceOne

from core.domain.conversation import Conversation
from core.domain.serialization import from_plain, to_plain
from core.engine.ports import Snapshot
from core.storage.client import MongoCollection, unhurried
from core.storage.errors import store_errors
from core.storage.writes import PATIENCE, insert_missing, patiently, replace_unless_newer

MARKED_AT_ONCE = 500

#: Snapshots in one write: others wait for the store meanwhile, and an operation has an end.
AT_ONCE = 64


def to_document(snapshot: Snapshot) -> dict[str, Any]:
    """Top-level fields are what lists filter by; `state` is what `load` gives back."""
    state = snapshot.state
    return {
        "_id": state.id,
        "channel": state.channel,
        "status": state.status.value,
        "assignee": state.assignee,
        "updated_at": state.updated_at,
        "seq": state.seq,
        "projected": snapshot.projected,
        "state": to_plain(state),
    }


def from_document(document: Mapping[str, Any]) -> Snapshot:
    """The inverse of `to_document`."""
    plain = dict(document["state"])
    for one, many in (("review", "reviews"), ("held", "holds")):
        # Written down while a conversation had one draft at most.
        if one in plain:
            plain.setdefault(many, [plain.pop(one)])
    state = from_plain(Conversation, plain)
    assert isinstance(state, Conversation)
    return Snapshot(state=state, projected=document["projected"])


class MongoSnapshots:
    """`SnapshotStore` over two collections: what was written down, and what was not.

    A mark holds the number of the commit that unsettled the conversation: a snapshot that does
    not contain that commit cannot declare it settled, whoever writes last. Marks are documents of
    their own, because every conversation's first message waits for one and theirs need no index.
    """

    def __init__(
        self,
        collection: MongoCollection,
        marks: MongoCollection,
        *,
        owner: str,
        patience: float = PATIENCE,
    ) -> None:
        """`patience` is in seconds: for how long a mark is tried while the store is away.

        As long as its commit: one that fails while the other lands would be made up for by
        nobody, unless somebody brings the message again.
        """
        self._patience = patience
        self._collection = collection
        self._marks = marks
        self._owner = owner
        self._queue: list[tuple[Conversation, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def load(self, conversation_id: str) -> Snapshot | None:
        """See `core.engine.ports.SnapshotStore.load`."""
        with store_errors():
            document = await self._collection.find_one({"_id": conversation_id})
        return from_document(document) if document else None

    async def unsettle(self, state: Conversation) -> None:
        """See `core.engine.ports.SnapshotStore.unsettle`; gathers many into one write."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((state, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_marks(), name="snapshot-marks")
        await asyncio.shield(done)

    async def save(self, snapshots: Sequence[Snapshot], *, settled: bool) -> None:
        """See `core.engine.ports.SnapshotStore.save`."""
        for start in range(0, len(snapshots), AT_ONCE):
            some = snapshots[start : start + AT_ONCE]
            with store_errors():
                await self._write(some)
                if settled:
                    settling = [
                        DeleteOne({"_id": s.state.id, "mark": {"$lte": s.state.seq}}) for s in some
                    ]
                    await self._marks.bulk_write(settling, ordered=False)

    async def _write(self, snapshots: Sequence[Snapshot]) -> None:
        # To insert costs a sixth of replacing what may be there, and most conversations are
        # written down once.
        firsts = [to_document(s) for s in snapshots if s.first]
        known = await insert_missing(self._collection, firsts) if firsts else []
        documents = [*known, *(to_document(s) for s in snapshots if not s.first)]
        writes = [
            ReplaceOne({"_id": d["_id"], "seq": {"$lte": d["seq"]}}, d, upsert=True)
            for d in documents
        ]
        if writes:
            await replace_unless_newer(self._collection, writes)

    async def unsettled(self) -> list[str]:
        """See `core.engine.ports.SnapshotStore.unsettled`."""
        with store_errors(), unhurried():
            return [document["_id"] async for document in self._marks.find({}, {"_id": 1})]

    async def projected(self) -> dict[str, int]:
        """Up to which event each conversation has been projected, by id."""
        with store_errors(), unhurried():
            found = await self._collection.find({}, {"projected": 1}).to_list()
        return {document["_id"]: int(document["projected"]) for document in found}

    async def mark(self, heads: Mapping[str, int]) -> None:
        """Mark these conversations, each with the number of its last event, as unfinished."""
        waiting = list(heads.items())
        for start in range(0, len(waiting), MARKED_AT_ONCE):
            some = waiting[start : start + MARKED_AT_ONCE]
            with store_errors():
                await self._note([self._mark_document(one, last) for one, last in some])

    async def marks(self) -> dict[str, int]:
        """Up to which number each unfinished conversation has something that is due."""
        with store_errors(), unhurried():
            found = await self._marks.find({}, {"mark": 1}).to_list()
        return {document["_id"]: int(document["mark"]) for document in found}

    async def unmark(self, conversation_id: str, mark: int) -> None:
        """Take this mark away, unless a later one stands there."""
        with store_errors():
            await self._marks.delete_one({"_id": conversation_id, "mark": mark})

    async def close(self) -> None:
        """Return once every mark asked for has been written."""
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)

    async def _write_marks(self) -> None:
        while self._queue:
            batch, self._queue = self._queue, []
            error: Exception | None = None
            try:
                with store_errors():
                    await self._mark([state for state, _ in batch])
            except Exception as cause:
                error = cause
            for _, done in batch:
                if done.done():
                    continue
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    async def _mark(self, states: Sequence[Conversation]) -> None:
        # Most have no mark, and inserting is cheap; who has one from another process keeps the
        # later of the two.
        await self._note([self._mark_document(s.id, s.seq + 1) for s in states])

    def _mark_document(self, conversation_id: str, number: int) -> dict[str, Any]:
        return {"_id": conversation_id, "mark": number, "owner": self._owner}

    async def _note(self, marks: Sequence[dict[str, Any]]) -> None:
        async def write() -> None:
            if known := await insert_missing(self._marks, marks):
                writes = [
                    ReplaceOne({"_id": m["_id"], "mark": {"$lt": m["mark"]}}, m, upsert=True)
                    for m in known
                ]
                await replace_unless_newer(self._marks, writes)

        await patiently(write, seconds=self._patience)
