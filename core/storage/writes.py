"""Writes that may be repeated: what is there already stays, and so does what is newer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ReplaceOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

DUPLICATE_KEY = 11000  #: the server's code for a key that is taken

Document = dict[str, Any]


async def insert_missing(
    collection: AsyncCollection[Document], documents: Sequence[Document]
) -> list[Document]:
    """Insert those whose keys are free, and give back the others. Raises PyMongoError."""
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        return [documents[failure["index"]] for failure in _only_duplicates(error)]
    return []


async def replace_unless_newer(
    collection: AsyncCollection[Document], writes: Sequence[ReplaceOne[Document]]
) -> None:
    """Carry out upserts that each match only an older document. Raises PyMongoError.

    Where a newer document stands the condition fails, and the upsert collides with its key.
    """
    try:
        await collection.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        _only_duplicates(error)


def _only_duplicates(error: BulkWriteError) -> list[Mapping[str, Any]]:
    failures: list[Mapping[str, Any]] = error.details["writeErrors"]
    if any(failure["code"] != DUPLICATE_KEY for failure in failures):
        raise error
    return failures
