"""The append-only log in MongoDB, with the writes of many conversations gathered into one."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import pymongo
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, PyMongoError

from core.errors import StaleConversation, StoreUnavailable
from core.events import Commit, event_from_plain, to_plain
from core.ports import AlreadyAccepted

log = logging.getLogger(__name__)

Document = Mapping[str, Any]

MAX_BATCH = 128  #: commits in one insert
PATIENCE = 6.0  #: seconds in which a restarting store is waited for
DUPLICATE_KEY = 11000


def commit_to_document(commit: Commit) -> dict[str, Any]:
    """`_id` is the inbound key where there is one: its uniqueness is what accepts only once."""
    return {
        "_id": commit.key or f"{commit.conversation_id}/{commit.base}",
        "c": commit.conversation_id,
        "n": commit.base,
        "at": commit.at,
        "events": [to_plain(event) for event in commit.events],
    }


def commit_from_document(document: Document) -> Commit:
    """The inverse of `commit_to_document`."""
    conversation_id, base, key = document["c"], document["n"], document["_id"]
    return Commit(
        conversation_id=conversation_id,
        base=base,
        at=document["at"],
        events=tuple(event_from_plain(plain) for plain in document["events"]),
        key="" if key == f"{conversation_id}/{base}" else key,
    )


class MongoCommitLog:
    """`core.ports.ConversationLog` over one collection.

    The unique index (c, n) is the compare-and-set: of two writers who both saw n - 1, one loses.
    While one insert is under way the next commits gather, so the load sets the batch size.
    """

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._collection = collection
        self._queue: deque[tuple[dict[str, Any], asyncio.Future[None]]] = deque()
        self._writer: asyncio.Task[None] | None = None

    async def append(self, commit: Commit) -> None:
        """See `core.ports.ConversationLog.append`."""
        document = commit_to_document(commit)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((document, done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="commit-log")
        try:
            await asyncio.shield(done)
        except BulkWriteError as error:
            await self._explain(document, error)

    async def read(self, conversation_id: str, *, after: int = 0) -> list[Commit]:
        """See `core.ports.ConversationLog.read`."""
        try:
            found = await self._collection.find(
                {"c": conversation_id, "n": {"$gt": after}}
            ).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error
        # The index finds the range but promises no order.
        return [commit_from_document(d) for d in sorted(found, key=lambda d: int(d["n"]))]

    async def close(self) -> None:
        """Return once everything accepted for writing has been written."""
        if self._writer is not None:
            await asyncio.gather(self._writer, return_exceptions=True)

    async def _write_all(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
            try:
                await self._write(batch)
            except Exception as error:
                log.exception("a batch of %d commits could not be written", len(batch))
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
            for _, done in batch:
                # A caller that was cancelled does not listen any more.
                if done.done() and not done.cancelled():
                    done.exception()

    async def _write(self, batch: Sequence[tuple[dict[str, Any], asyncio.Future[None]]]) -> None:
        refused: dict[int, Mapping[str, Any]] = {}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        delay = 0.05
        while True:
            try:
                # The driver waits for a store that is away; not for longer than we do.
                with pymongo.timeout(max(deadline - loop.time(), 0.1)):
                    await self._collection.insert_many([d for d, _ in batch], ordered=False)
                break
            except BulkWriteError as error:
                refused = {e["index"]: e for e in error.details["writeErrors"]}
                break
            except PyMongoError as error:
                # Nobody knows whether it was written; inserting the same documents again
                # finds out, because their keys are unique.
                if loop.time() + delay > deadline:
                    log.warning("the store does not answer: %s", error)
                    # Whoever waits behind them would only wait as long once more.
                    behind = [self._queue.popleft() for _ in range(len(self._queue))]
                    for _, done in (*batch, *behind):
                        if not done.done():
                            done.set_exception(StoreUnavailable())
                    return
                await asyncio.sleep(delay)
                delay = min(delay * 2, 1.0)
        for index, (_, done) in enumerate(batch):
            if done.done():
                continue
            if index in refused:
                done.set_exception(BulkWriteError({"writeErrors": [refused[index]]}))
            else:
                done.set_result(None)

    async def _explain(self, document: dict[str, Any], error: BulkWriteError) -> None:
        [refusal] = error.details["writeErrors"]
        if refusal["code"] != DUPLICATE_KEY:
            raise StoreUnavailable(str(refusal.get("errmsg", ""))) from error
        try:
            by_id = await self._collection.find_one({"_id": document["_id"]})
        except PyMongoError as unreachable:
            raise StoreUnavailable from unreachable
        if by_id is None:
            raise StaleConversation from error
        stored = commit_from_document(by_id)
        if _same(by_id, document):
            return  # our own write, repeated after an answer that got lost
        if stored.key:
            raise AlreadyAccepted(stored) from error
        raise StaleConversation from error


def _same(stored: Document, document: Document) -> bool:
    """The store keeps milliseconds, so the time is compared no finer."""
    same = all(stored[name] == document[name] for name in ("c", "n", "events"))
    return same and abs((stored["at"] - document["at"]).total_seconds()) < 0.002
