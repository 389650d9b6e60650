"""The embedded server: password, restart, no orphan."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from core.storage.client import Database, open_database
from core.storage.embedded import EmbeddedStore


async def test_a_fresh_database_takes_and_gives(db: Database) -> None:
    await db.log.insert_one({"c": "a", "n": 1})
    assert await db.log.count_documents({}) == 1


async def test_a_killed_server_comes_back_with_everything_it_acknowledged(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    await store.start()
    try:
        assert (tmp_path / "store.password").stat().st_mode & 0o777 == 0o600
        db = await open_database(store.uri)
        acknowledged = []
        for n in range(40):
            await db.things.insert_one({"_id": n})
            acknowledged.append(n)
            if n == 20:
                assert store.pid is not None
                os.kill(store.pid, signal.SIGKILL)
                await asyncio.sleep(0.01)
        found = [d["_id"] async for d in db.things.find()]
        assert set(acknowledged) <= set(found)
        await db.client.close()
    finally:
        await store.stop()
