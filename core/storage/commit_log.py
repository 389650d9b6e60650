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
from core.events import LONGEST_COMMIT, Commit, event_from_plain
from core.plain import to_plain
from core.storage.writes import DUPLICATE_KEY

log = logging.getLogger(__name__)

Document = Mapping[str, Any]

WRITERS = 2  #: inserts under way at once; the store syncs them to disk together
MAX_BATCH = 128  #: commits in one insert
PATIENCE = 6.0  #: seconds in which a restarting store is waited for
MOST_CANDIDATES = 256  #: ids that one query asks for


def document_id(conversation_id: str, base: int) -> str:
    """The `_id` of the commit that begins with this number."""
    return f"{conversation_id}/{base}"


def commit_to_document(commit: Commit) -> dict[str, Any]:
    """The commit as it is stored; `k` is there only where the commit has a key."""
    document = {
        "_id": document_id(commit.conversation_id, commit.base),
        "c": commit.conversation_id,
        "n": commit.base,
        "at": commit.at,
        "events": [to_plain(event) for event in commit.events],
    }
    if commit.key:
        document["k"] = commit.key
    return document


def commit_from_document(document: Document) -> Commit:
    """The inverse of `commit_to_document`."""
    return Commit(
        conversation_id=document["c"],
        base=document["n"],
        at=document["at"],
        events=tuple(event_from_plain(plain) for plain in document["events"]),
        key=document.get("k", ""),
    )


class MongoCommitLog:
    """`core.ports.ConversationLog` over one collection.

    The `_id`, conversation and number, is the compare-and-set: of two writers who both saw
    n - 1, one loses. It is also how a conversation is read, because each commit says which number
    the next one has: another index would cost more than the document itself.
    While inserts are under way the next commits gather, so the load sets the batch size. Commits
    of different conversations may overtake each other; those of one are appended one by one.
    """

    def __init__(self, collection: AsyncCollection[dict[str, Any]]) -> None:
        self._collection = collection
        self._queue: deque[tuple[dict[str, Any], asyncio.Future[None]]] = deque()
        self._writers: set[asyncio.Task[None]] = set()

    async def append(self, commit: Commit) -> None:
        """See `core.ports.ConversationLog.append`."""
        if len(commit.events) > LONGEST_COMMIT:
            raise ValueError(f"a commit has at most {LONGEST_COMMIT} events")
        document = commit_to_document(commit)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((document, done))
        if len(self._writers) < WRITERS:
            writer = asyncio.create_task(self._write_all(), name="commit-log")
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        try:
            await asyncio.shield(done)
        except BulkWriteError as error:
            await self._explain(document, error)

    async def read(self, conversation_id: str, *, after: int = 0) -> list[Commit]:
        """See `core.ports.ConversationLog.read`."""
        return [commit_from_document(d) for d in await self.documents(conversation_id, after=after)]

    async def documents(self, conversation_id: str, *, after: int = 0) -> list[Document]:
        """The stored commits that begin after this number, in order, as `read` finds them.

        Raises StoreUnavailable.
        """
        commits: list[Document] = []
        start, candidates = after + 1, LONGEST_COMMIT
        found = await self._find(conversation_id, 1, *range(start, start + candidates))
        first = found.pop(1, None) if after else found.get(1)
        # `after` may be in the middle of a commit, or of what was cut.
        wanted = min(found, default=0)
        if first is not None and not first["events"] and _last(first) > after:
            wanted = _last(first) + 1
        while wanted:
            while document := found.get(wanted):
                if document["events"]:
                    commits.append(document)
                wanted = _last(document) + 1
            if start <= wanted < start + candidates:
                break
            start, candidates = wanted, min(candidates * 4, MOST_CANDIDATES)
            found = await self._find(conversation_id, *range(start, start + candidates))
        return commits

    async def cut(self, conversation_id: str, *, before: int) -> tuple[int, int]:
        """Delete the commits that begin before this number; gives how many, and their events.

        What is left is still found from its beginning: one empty document bridges the gap. It
        may be done again after a crash. Raises StoreUnavailable.
        """
        if before <= 1:
            return 0, 0
        commits = events = 0
        bridge = {
            "_id": document_id(conversation_id, 1),
            "c": conversation_id,
            "n": 1,
            "events": [],
            "last": before - 1,
        }
        for start in range(1, before, MOST_CANDIDATES):
            end = min(start + MOST_CANDIDATES, before)
            found = await self._find(conversation_id, *range(start, end))
            events += sum(len(document["events"]) for document in found.values())
            commits += sum(bool(document["events"]) for document in found.values())
            gone = [document["_id"] for number, document in found.items() if number > 1]
            try:
                if start == 1:
                    await self._collection.replace_one({"_id": bridge["_id"]}, bridge, upsert=True)
                if gone:
                    await self._collection.delete_many({"_id": {"$in": gone}})
            except PyMongoError as error:
                raise StoreUnavailable from error
        return commits, events

    async def close(self) -> None:
        """Return once everything accepted for writing has been written."""
        await asyncio.gather(*self._writers, return_exceptions=True)

    async def _find(self, conversation_id: str, *numbers: int) -> dict[int, Document]:
        """The documents that begin with one of these numbers."""
        ids = [document_id(conversation_id, number) for number in numbers]
        try:
            found = await self._collection.find({"_id": {"$in": ids}}).to_list()
        except PyMongoError as error:
            raise StoreUnavailable from error
        return {int(document["n"]): document for document in found}

    async def _write_all(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
            try:
                await self._write(batch)
            except Exception as error:
                log.exception("a batch of %d commits could not be written", len(batch))
                await self._write_each(batch, error)
            for _, done in batch:
                # A caller that was cancelled does not listen any more.
                if done.done() and not done.cancelled():
                    done.exception()

    async def _write_each(
        self, batch: Sequence[tuple[dict[str, Any], asyncio.Future[None]]], error: Exception
    ) -> None:
        """One commit that no database takes must not refuse the others written beside it."""
        for one in batch:
            _, done = one
            if done.done():
                continue
            try:
                if len(batch) == 1:
                    raise error
                await self._write([one])
            except Exception as own:
                if not done.done():
                    done.set_exception(own)

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
            stored = await self._collection.find_one({"_id": document["_id"]})
        except PyMongoError as unreachable:
            raise StoreUnavailable from unreachable
        if stored is not None and _same(stored, document):
            return  # our own write, repeated after an answer that got lost
        raise StaleConversation from error


def _last(document: Document) -> int:
    return int(document.get("last", document["n"] + len(document["events"]) - 1))


def _same(stored: Document, document: Document) -> bool:
    """The store keeps milliseconds, so the time is compared no finer."""
    if "at" not in stored:
        return False
    same = all(stored.get(name) == document.get(name) for name in ("c", "n", "k", "events"))
    return same and abs((stored["at"] - document["at"]).total_seconds()) < 0.002
