"""Conversations as documents: quick to load, easy to list, never ahead of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import DeleteOne, ReplaceOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from core.conversations import Conversation
from core.errors import StoreUnavailable
from core.plain import from_plain, to_plain
from core.ports import Snapshot
from core.storage.writes import insert_missing, replace_unless_newer


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
    state = from_plain(Conversation, document["state"])
    assert isinstance(state, Conversation)
    return Snapshot(state=state, projected=document["projected"])


class MongoSnapshots:
    """`core.ports.SnapshotStore` over two collections: what was written down, and what was not.

    A mark holds the number of the commit that unsettled the conversation: a snapshot that does
    not contain that commit cannot declare it settled, whoever writes last. Marks are documents of
    their own, because every conversation's first message waits for one and theirs need no index.
    """

    def __init__(
        self,
        collection: AsyncCollection[dict[str, Any]],
        marks: AsyncCollection[dict[str, Any]],
        *,
        owner: str,
    ) -> None:
        self._collection = collection
        self._marks = marks
        self._owner = owner
        self._queue: list[tuple[Conversation, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def load(self, conversation_id: str) -> Snapshot | None:
        """See `core.ports.SnapshotStore.load`."""
        try:
            document = await self._collection.find_one({"_id": conversation_id})
        except PyMongoError as error:
            raise StoreUnavailable from error
        return from_document(document) if document else None

    async def unsettle(self, state: Conversation) -> None:
        """See `core.ports.SnapshotStore.unsettle`; gathers many into one write."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((state, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_marks(), name="snapshot-marks")
        await asyncio.shield(done)

    async def save(self, snapshots: Sequence[Snapshot], *, settled: bool) -> None:
        """See `core.ports.SnapshotStore.save`."""
        writes = [
            ReplaceOne(
                {"_id": s.state.id, "seq": {"$lte": s.state.seq}}, to_document(s), upsert=True
            )
            for s in snapshots
        ]
        settling = [
            DeleteOne({"_id": s.state.id, "mark": {"$lte": s.state.seq}})
            for s in snapshots
            if settled
        ]
        try:
            await replace_unless_newer(self._collection, writes)
            if settling:
                await self._marks.bulk_write(settling, ordered=False)
        except PyMongoError as error:
            raise StoreUnavailable from error

    async def unsettled(self) -> list[str]:
        """See `core.ports.SnapshotStore.unsettled`."""
        try:
            found = await self._marks.find({}, {"_id": 1}).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error
        return [document["_id"] for document in found]

    async def close(self) -> None:
        """Return once every mark asked for has been written."""
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)

    async def _write_marks(self) -> None:
        while self._queue:
            batch, self._queue = self._queue, []
            error: Exception | None = None
            try:
                await self._mark([state for state, _ in batch])
            except PyMongoError as cause:
                error = StoreUnavailable(str(cause))
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
        marks = [{"_id": s.id, "mark": s.seq + 1, "owner": self._owner} for s in states]
        if known := await insert_missing(self._marks, marks):
            writes = [
                ReplaceOne({"_id": m["_id"], "mark": {"$lt": m["mark"]}}, m, upsert=True)
                for m in known
            ]
            await replace_unless_newer(self._marks, writes)
