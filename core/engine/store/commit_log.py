"""The append-only log in MongoDB, with the writes of many conversations gathered into one."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.errors import BulkWriteError, PyMongoError

from core.domain.events import LONGEST_COMMIT, Commit, event_from_plain
from core.domain.serialization import to_plain
from core.errors import StaleConversation, StoreUnavailable
from core.runtime.tasks import BackgroundTasks
from core.storage.client import MongoCollection
from core.storage.errors import store_errors
from core.storage.writes import DUPLICATE_KEY, PATIENCE, is_undecided, patiently

log = logging.getLogger(__name__)

Document = Mapping[str, Any]

WRITERS = 2  #: inserts under way at once; the store syncs them to disk together
MAX_BATCH = 128  #: commits in one insert
MOST_CANDIDATES = 256  #: ids that one query asks for


def document_id(conversation_id: str, base: int) -> str:
    """The `_id` of the commit that begins with this number."""
    return f"{conversation_id}/{base}"


def commit_to_document(commit: Commit) -> dict[str, Any]:
    """The commit as it is stored; `k` is there only where the commit has a key.

    `w` is drawn for this one attempt to append. It tells our own insert, repeated after an answer
    that got lost, from the very same commit of somebody else: two processes that are woken by one
    message take the same step in the same millisecond, and only one of them may go on.
    """
    document = {
        "_id": document_id(commit.conversation_id, commit.base),
        "c": commit.conversation_id,
        "n": commit.base,
        "w": int.from_bytes(os.urandom(7), "big"),
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
    """`core.engine.ports.ConversationLog` over one collection.

    The `_id`, conversation and number, is the compare-and-set: of two writers who both saw
    n - 1, one loses. It is also how a conversation is read, because each commit says which number
    the next one has: another index would cost more than the document itself.
    While inserts are under way the next commits gather, so the load sets the batch size. Commits
    of different conversations may overtake each other; those of one are appended one by one.
    """

    def __init__(self, collection: MongoCollection, *, patience: float = PATIENCE) -> None:
        """`patience` is in seconds: for how long a store that does not answer is asked again."""
        self._collection = collection
        self._patience = patience
        self._queue: deque[tuple[dict[str, Any], asyncio.Future[None]]] = deque()
        self._writers = BackgroundTasks()

    async def append(self, commit: Commit) -> None:
        """See `core.engine.ports.ConversationLog.append`."""
        if len(commit.events) > LONGEST_COMMIT:
            raise ValueError(f"a commit has at most {LONGEST_COMMIT} events")
        document = commit_to_document(commit)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((document, done))
        if len(self._writers) < WRITERS:
            self._writers.start(self._write_all(), name="commit-log")
        try:
            await asyncio.shield(done)
        except BulkWriteError as error:
            await self._explain(document, error)

    async def read(self, conversation_id: str, *, after: int = 0) -> list[Commit]:
        """See `core.engine.ports.ConversationLog.read`."""
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

    async def newer(self, places: Mapping[str, int]) -> list[str]:
        """Those of these conversations that go on after the number given. Raises StoreUnavailable.

        One id is asked for each, because a commit says where the next one begins.
        """
        ids = [document_id(one, number + 1) for one, number in places.items()]
        found: list[str] = []
        for start in range(0, len(ids), MOST_CANDIDATES):
            wanted = {"_id": {"$in": ids[start : start + MOST_CANDIDATES]}}
            with store_errors():
                found += [d["c"] for d in await self._collection.find(wanted, {"c": 1}).to_list()]
        return found

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
            with store_errors():
                if start == 1:
                    await self._collection.replace_one({"_id": bridge["_id"]}, bridge, upsert=True)
                if gone:
                    await self._collection.delete_many({"_id": {"$in": gone}})
        return commits, events

    async def close(self) -> None:
        """Return once everything accepted for writing has been written."""
        await self._writers.finish()

    async def _find(self, conversation_id: str, *numbers: int) -> dict[int, Document]:
        """The documents that begin with one of these numbers."""
        ids = [document_id(conversation_id, number) for number in numbers]
        with store_errors():
            found = await self._collection.find({"_id": {"$in": ids}}).to_list()
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
        # Inserting the same documents again finds out what was written, because their keys are
        # unique.
        try:
            refused = await patiently(
                lambda: self._insert([document for document, _ in batch]), seconds=self._patience
            )
        except PyMongoError as error:
            log.warning("the store does not answer: %s", error)
            # Whoever waits behind them would only wait as long once more.
            behind = [self._queue.popleft() for _ in range(len(self._queue))]
            for _, done in (*batch, *behind):
                if not done.done():
                    done.set_exception(StoreUnavailable())
            return
        for index, (_, done) in enumerate(batch):
            if done.done():
                continue
            if index in refused:
                done.set_exception(BulkWriteError({"writeErrors": [refused[index]]}))
            else:
                done.set_result(None)

    async def _insert(self, documents: Sequence[dict[str, Any]]) -> Mapping[int, Document]:
        """The refusals, by place; everything else is written and stays. Raises PyMongoError."""
        try:
            await self._collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if is_undecided(error):
                raise
            return {failure["index"]: failure for failure in error.details["writeErrors"]}
        return {}

    async def _explain(self, document: dict[str, Any], error: BulkWriteError) -> None:
        [refusal] = error.details["writeErrors"]
        if refusal["code"] != DUPLICATE_KEY:
            raise StoreUnavailable(str(refusal.get("errmsg", ""))) from error
        with store_errors():
            stored = await self._collection.find_one({"_id": document["_id"]})
        if stored is not None and stored.get("w") == document["w"]:
            return  # our own write, repeated after an answer that got lost
        raise StaleConversation from error


def _last(document: Document) -> int:
    return int(document.get("last", document["n"] + len(document["events"]) - 1))
