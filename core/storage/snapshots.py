"""Conversations as documents: quick to load, easy to list, never ahead of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ReplaceOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, PyMongoError

from core.conversations import Conversation
from core.errors import StoreUnavailable
from core.events import from_plain, to_plain
from core.ports import Snapshot

DUPLICATE_KEY = 11000


def to_document(snapshot: Snapshot, *, settled: bool, owner: str) -> dict[str, Any]:
    """Top-level fields are what lists filter by; `state` is what `load` gives back."""
    state = snapshot.state
    return {
        "_id": state.id,
        "channel": state.channel,
        "status": state.status.value,
        "assignee": state.assignee,
        "updated_at": state.updated_at,
        "seq": state.seq,
        "mark": state.seq,
        "projected": snapshot.projected,
        "settled": settled,
        "owner": owner,
        "state": to_plain(state),
    }


def from_document(document: Mapping[str, Any]) -> Snapshot:
    """The inverse of `to_document`."""
    state = from_plain(Conversation, document["state"])
    assert isinstance(state, Conversation)
    return Snapshot(state=state, projected=document["projected"])


class MongoSnapshots:
    """`core.ports.SnapshotStore` over one collection.

    `mark` is the number of the commit that unsettled the conversation: a snapshot that does not
    contain that commit cannot declare the conversation settled, whoever writes last.
    """

    def __init__(self, collection: AsyncCollection[dict[str, Any]], *, owner: str) -> None:
        self._collection = collection
        self._owner = owner
        self._queue: list[tuple[Conversation, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def load(self, conversation_id: str) -> Snapshot | None:
        """See `core.ports.SnapshotStore.load`."""
        try:
            document = await self._collection.find_one({"_id": conversation_id})
        except PyMongoError as error:
            raise StoreUnavailable from error
        return from_document(document) if document and "state" in document else None

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
                {"_id": s.state.id, "mark": {"$lte": s.state.seq}},
                to_document(s, settled=settled, owner=self._owner),
            )
            for s in snapshots
        ]
        try:
            await self._collection.bulk_write(writes, ordered=False)
        except PyMongoError as error:
            raise StoreUnavailable from error

    async def unsettled(self) -> list[str]:
        """See `core.ports.SnapshotStore.unsettled`."""
        try:
            found = await self._collection.find({"settled": False}, {"_id": 1}).to_list()
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
        # A conversation's first commit inserts (cheap), a later one updates.
        inserted = await self._insert([s for s in states if s.seq == 0])
        known = [s for s in states if s.id not in inserted]
        if not known:
            return
        written = await self._collection.bulk_write([self._update(s) for s in known], ordered=False)
        if written.matched_count < len(known):
            # A log whose snapshots were lost: unmarked, a restart would pass over these.
            await self._insert(known)
            await self._collection.bulk_write([self._update(s) for s in known], ordered=False)

    def _update(self, state: Conversation) -> UpdateOne:
        mark = {"settled": False, "owner": self._owner, "mark": state.seq + 1}
        return UpdateOne({"_id": state.id}, {"$set": mark})

    async def _insert(self, states: Sequence[Conversation]) -> set[str]:
        """Insert the marks of these that have no document yet; returns their ids."""
        if not states:
            return set()
        new = [
            {
                **to_document(Snapshot(state=s, projected=0), settled=False, owner=self._owner),
                "mark": s.seq + 1,
            }
            for s in states
        ]
        inserted = {s.id for s in states}
        try:
            await self._collection.insert_many(new, ordered=False)
        except BulkWriteError as error:
            failures = error.details["writeErrors"]
            if any(failure["code"] != DUPLICATE_KEY for failure in failures):
                raise
            inserted -= {new[failure["index"]]["_id"] for failure in failures}
        return inserted
