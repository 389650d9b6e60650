"""Fresh files for the embedded store: a copy of what is alive, put in place of the old ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pymongo.asynchronous.database import AsyncDatabase

BATCH = 500
OWN = ("admin", "config", "local")  #: databases that the server keeps itself

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
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(fresh, ignore_errors=True)


async def copy(
    source_uri: str, target_uri: str, *, progress: Callable[[int], None] | None = None
) -> int:
    """Every document and index of ours, byte for byte; gives how many documents there are."""
    from bson.codec_options import CodecOptions
    from bson.raw_bson import RawBSONDocument
    from pymongo import AsyncMongoClient

    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    source: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(source_uri)
    target: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(target_uri)
    count = 0
    try:
        for name in await source.list_database_names():
            if name in OWN:
                continue
            for collection in await source[name].list_collection_names():
                await _copy_indexes(source[name], target[name], collection)
                into = target[name][collection]
                batch: list[Any] = []
                async for document in source[name].get_collection(collection, raw).find({}):
                    batch.append(document)
                    if len(batch) == BATCH:
                        await into.insert_many(batch)
                        count += len(batch)
                        batch = []
                        if progress is not None:
                            progress(count)
                if batch:
                    await into.insert_many(batch)
                    count += len(batch)
    finally:
        await source.close()
        await target.close()
    return count


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
