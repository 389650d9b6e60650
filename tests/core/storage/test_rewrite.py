"""The store is rewritten: what was deleted leaves no byte, what is alive stays as it was."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymongo.errors import DuplicateKeyError, PyMongoError

from core.errors import StoreUnavailable
from core.storage import rewrite
from core.storage.client import connect
from core.storage.embedded import EmbeddedStore

pytestmark = [pytest.mark.apart, pytest.mark.long]

PLANTED = "quokka-plantedword"


def holding(folder: Path, word: str) -> list[str]:
    """The files in which the word stands."""
    needle = word.encode()
    return [str(p) for p in folder.rglob("*") if p.is_file() and needle in p.read_bytes()]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    started = EmbeddedStore(tmp_path)
    await started.start()
    yield started
    await started.stop()


async def test_nothing_deleted_stays_and_everything_alive_does(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    client = connect(store.uri)
    db = client["contact_center"]
    await db["log"].create_index([("c", 1), ("n", 1)], unique=True)
    at = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
    await db["log"].insert_many(
        [
            {"_id": f"k{n}", "c": f"c{n % 5}", "n": n, "at": at, "x": [1.5, None, {"y": PLANTED}]}
            for n in range(1200)
        ]
    )
    await db["empty"].create_index([("a", -1)])
    kept = {f"k{n}": n for n in range(1200) if n % 5 != 3}
    await db["log"].delete_many({"c": "c3"})
    await db["log"].update_many({}, {"$set": {"x": [1.5, None]}})
    await asyncio.sleep(0.1)
    assert holding(tmp_path, PLANTED)

    waiting = asyncio.create_task(store.rewrite())
    while not waiting.done():
        await asyncio.sleep(0.05)
    await waiting

    assert {d["_id"]: d["n"] async for d in db["log"].find({})} == kept
    one = await db["log"].find_one({"_id": "k1"})
    assert one == {"_id": "k1", "c": "c1", "n": 1, "at": at, "x": [1.5, None]}
    with pytest.raises(DuplicateKeyError):
        await db["log"].insert_one({"_id": "another", "c": "c1", "n": 1})
    assert len(await (await db["empty"].list_indexes()).to_list()) == 2
    assert holding(tmp_path, PLANTED) == []
    await client.close()
    await store.stop()
    assert holding(tmp_path, PLANTED) == []
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["logs", "store"]


@pytest.mark.parametrize("broken_off", ["before", "between", "after"])
def test_a_kill_leaves_one_whole_set_of_files(tmp_path: Path, broken_off: str) -> None:
    store, fresh = tmp_path / "store", rewrite.begin(tmp_path)
    (fresh / "store").mkdir()
    (fresh / "store" / "which").write_text("new")
    store.mkdir()
    (store / "which").write_text("old")
    if broken_off != "before":
        store.rename(tmp_path / "store.old")
    if broken_off == "after":
        (fresh / "store").rename(store)
    rewrite.settle(tmp_path)
    assert (store / "which").read_text() == ("new" if broken_off == "after" else "old")
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


async def test_the_log_is_copied_while_it_is_written(store: EmbeddedStore) -> None:
    """The store is away only for what is small; whoever writes meanwhile loses nothing."""
    client = connect(store.uri)
    log = client["contact_center"]["log"]
    await log.create_index([("c", 1), ("n", 1)], unique=True)
    await log.insert_many([{"_id": f"k{n}", "c": "c1", "n": n} for n in range(3000)])
    waiting = asyncio.create_task(store.rewrite())
    written = 3000
    while not waiting.done():
        with contextlib.suppress(PyMongoError):
            await log.insert_one({"_id": f"k{written}", "c": "c1", "n": written})
            written += 1
    await waiting
    assert written > 3000
    found = {d["_id"] async for d in log.find({}, {"_id": 1})}
    assert {f"k{n}" for n in range(written)} <= found
    await client.close()


async def test_what_is_deleted_while_it_is_copied_ends_the_rewrite(
    store: EmbeddedStore, tmp_path: Path
) -> None:
    client = connect(store.uri)
    await client["contact_center"]["log"].insert_many([{"_id": n} for n in range(3)])
    gone = {("contact_center", "log"): {0, 1, 2, "deleted meanwhile"}}
    fresh = EmbeddedStore(tmp_path / "other")
    await fresh.start()
    with pytest.raises(StoreUnavailable, match="deleted"):
        await rewrite.copy(store.uri, fresh.uri, ahead=gone)
    await fresh.stop()
    await client.close()
