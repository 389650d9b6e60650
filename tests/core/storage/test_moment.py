"""A moment of a database stays as it was, whatever others write meanwhile."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.storage.client import Database, connect
from core.storage.embedded import EmbeddedStore
from core.storage.moment import moment


async def test_what_is_written_afterwards_is_not_in_it(db: Database) -> None:
    await db["articles"].insert_many([{"_id": f"a{n}", "n": 1} for n in range(500)])
    async with moment(db) as then:
        await db["articles"].update_many({}, {"$set": {"n": 2}})
        await db["articles"].insert_one({"_id": "new"})
        await db["audit"].insert_one({"_id": 1, "chain": "main", "n": 1, "key": "k"})
        await db["articles"].delete_one({"_id": "a7"})
        found = {d["_id"]: d["n"] async for d in then.documents("articles")}
        assert found == {f"a{n}": 1 for n in range(500)}
        assert [d async for d in then.documents("audit")] == []
        assert {key async for key in then.keys("articles")} == set(found)
        assert [d["_id"] async for d in then.chosen("articles", ["a7", "new"])] == ["a7"]
    async with moment(db) as now:
        assert len([d async for d in now.documents("articles")]) == 500


async def test_a_server_that_only_says_that_it_keeps_moments_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = subprocess.Popen

    def as_member(command: list[str], **how: Any) -> subprocess.Popen[bytes]:
        return spawn([word for word in command if word != "--standalone"], **how)

    # The embedded server as a member of a set takes sessions of one moment and does not keep it.
    monkeypatch.setattr("core.storage.embedded_process.subprocess.Popen", as_member)
    store = EmbeddedStore(tmp_path)
    await store.start()
    try:
        client = connect(store.uri)
        db = client["one"]
        await db["articles"].insert_one({"_id": "old"})
        async with moment(db) as then:
            await db["articles"].insert_one({"_id": "new"})
            assert [key async for key in then.keys("articles")] == ["old"]
        await client.close()
    finally:
        await store.stop()
