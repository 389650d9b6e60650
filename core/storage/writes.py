"""Idempotent writes: insert what is missing, replace unless newer; again while nobody answers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import pymongo
from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError, PyMongoError

from core.runtime.backoff import Backoff
from core.storage.client import Document, MongoCollection

DUPLICATE_KEY = 11000  #: the server's code for a key that is taken
PATIENCE = 6.0  #: seconds in which a restarting store, or an election, is waited for
BACKOFF = Backoff(0.05, 1.0)  #: between attempts while it is away
#: A router's codes for a document whose shard was not reached, or had no primary.
UNREACHED = frozenset((6, 7, 89, 91, 133, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436))

T = TypeVar("T")


async def patiently(write: Callable[[], Awaitable[T]], *, seconds: float = PATIENCE) -> T:
    """What `write` gives, which is tried again for so long as the store does not answer.

    Nobody knows whether an attempt that failed has written; so `write` must be idempotent.
    Raises the last PyMongoError.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    for attempt in itertools.count(1):
        try:
            # The driver waits for a store that is away; not for longer than we do.
            with pymongo.timeout(max(deadline - loop.time(), 0.1)):
                return await write()
        except PyMongoError:
            pause = BACKOFF.after(attempt)
            if loop.time() + pause > deadline:
                raise
        await asyncio.sleep(pause)
    raise AssertionError("not reached")


async def insert_missing(
    collection: MongoCollection, documents: Sequence[Document]
) -> list[Document]:
    """Insert those whose keys are free, and give back the others. Raises PyMongoError."""
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        return [documents[failure["index"]] for failure in _only_duplicates(error)]
    return []


async def replace_unless_newer(
    collection: MongoCollection, writes: Sequence[ReplaceOne[Document]]
) -> None:
    """Carry out upserts that each match only an older document. Raises PyMongoError.

    Where a newer document stands the condition fails, and the upsert collides with its key.
    """
    try:
        await collection.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        _only_duplicates(error)


def is_undecided(error: BulkWriteError) -> bool:
    """Whether nobody knows if it is written and stays: no majority or no shard has said so."""
    refused = {failure["code"] for failure in error.details["writeErrors"]}
    return bool(error.details.get("writeConcernErrors")) or not UNREACHED.isdisjoint(refused)


def _only_duplicates(error: BulkWriteError) -> list[Mapping[str, Any]]:
    failures: list[Mapping[str, Any]] = error.details["writeErrors"]
    if is_undecided(error) or any(failure["code"] != DUPLICATE_KEY for failure in failures):
        raise error
    return failures
