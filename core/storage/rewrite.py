"""Rewrites the embedded store's files: copies live data and swaps directories."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import StoreUnavailable

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase

BATCH = 500
INSERT_ONLY = "log"  #: its documents are written once; erasures, which cut it, wait their turn
OWN = ("admin", "config", "local")  #: databases that the server keeps itself

Ahead = Mapping[tuple[str, str], Set[Any]]
"""Keys of documents by database and collection."""

# Deleting a document leaves its bytes in free blocks, in the journal and in the oplog, and the
# server knows no `compact`; so what must be gone is left behind with the files it stood in.


def begin(directory: Path) -> Path:
    """An empty place for the new files."""
    fresh = directory / "store.fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    return fresh


def swap(directory: Path) -> None:
    """The new files in place of the old ones; `settle` finishes what a kill breaks off here."""
    store, old, fresh = directory / "store", directory / "store.old", directory / "store.fresh"
    shutil.rmtree(old, ignore_errors=True)
    store.rename(old)
    (fresh / "store").rename(store)
    settle(directory)


def settle(directory: Path) -> None:
    """Whatever was broken off: one whole set of files stays, everything else goes."""
    store, old, fresh = directory / "store", directory / "store.old", directory / "store.fresh"
    if old.exists() and not store.exists():
        old.rename(store)
    for left in (old, fresh, directory / "store.door"):
        shutil.rmtree(left, ignore_errors=True)


async def copy_ahead(
    source_uri: str, target_uri: str, *, progress: Callable[[int], None] | None = None
) -> Ahead:
    """What is never changed once it is written, out of a store that serves; gives its keys."""
    return await _copied(source_uri, target_uri, only=INSERT_ONLY, ahead={}, progress=progress)


async def copy(
    source_uri: str,
    target_uri: str,
    *,
    ahead: Ahead | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Every document and index of ours, byte for byte; gives how many documents there are.

    What was copied `ahead` is not copied again. Raises StoreUnavailable when some of that is gone.
    """
    found = await _copied(source_uri, target_uri, only="", ahead=ahead or {}, progress=progress)
    return sum(len(keys) for keys in found.values())


async def _copied(
    source_uri: str,
    target_uri: str,
    *,
    only: str,
    ahead: Ahead,
    progress: Callable[[int], None] | None,
) -> Ahead:
    from bson.codec_options import CodecOptions
    from bson.raw_bson import RawBSONDocument
    from pymongo import AsyncMongoClient

    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    source: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(source_uri)
    target: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(target_uri)
    found: dict[tuple[str, str], set[Any]] = {}
    try:
        for database in await source.list_database_names():
            if database in OWN:
                continue
            for collection in await source[database].list_collection_names():
                if only and collection != only:
                    continue
                there = ahead.get((database, collection))
                if there is None:
                    await _copy_indexes(source[database], target[database], collection)
                keys = found[database, collection] = set()
                into, out = target[database][collection], source[database][collection]
                wanted: Mapping[str, Any] = {}
                if there is not None:
                    # Keys alone are read three times as fast as whole documents.
                    keys |= {document["_id"] async for document in out.find({}, {"_id": 1})}
                    if not there <= keys:
                        raise StoreUnavailable("Something was deleted while it was copied.")
                    wanted = {"_id": {"$in": list(keys - there)}}
                batch: list[Any] = []
                async for document in out.with_options(raw).find(wanted):
                    keys.add(document["_id"])
                    batch.append(document)
                    if len(batch) == BATCH:
                        await into.insert_many(batch)
                        batch = []
                        if progress is not None:
                            progress(sum(map(len, found.values())))
                if batch:
                    await into.insert_many(batch)
    finally:
        await source.close()
        await target.close()
    return found


async def _copy_indexes(
    source: AsyncDatabase[dict[str, Any]], target: AsyncDatabase[dict[str, Any]], name: str
) -> None:
    from pymongo import IndexModel

    models = []
    async for index in await source[name].list_indexes():
        if index["name"] == "_id_":
            continue
        options = {k: v for k, v in index.items() if k not in ("key", "v", "ns")}
        models.append(IndexModel(list(index["key"].items()), **options))
    if models:
        await target[name].create_indexes(models)
    else:
        await target.create_collection(name)
