"""The embedded server: a password, back after a crash, no orphan after ours."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from core.errors import SetupError
from core.storage.client import Database, connect, open_database
from core.storage.embedded import EmbeddedStore

pytestmark = [pytest.mark.apart, pytest.mark.long]

ROOT = Path(__file__).parents[3]

PARENT = """
import asyncio, pathlib, sys
from core.storage.embedded import EmbeddedStore

async def main():
    store = EmbeddedStore(pathlib.Path(sys.argv[1]))
    await store.start()
    print(store.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_fresh_database_takes_and_gives(db: Database) -> None:
    await db.log.insert_one({"c": "a", "n": 1})
    assert await db.log.count_documents({}) == 1


async def test_a_killed_server_comes_back_with_everything_it_acknowledged(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path)
    await store.start()
    try:
        db = await open_database(store.uri)
        acknowledged = []
        for n in range(60):
            # Without an oplog the driver repeats no write by itself; whoever writes has to.
            for _ in range(100):
                try:
                    await db.things.insert_one({"_id": n})
                    break
                except DuplicateKeyError:
                    break
                except PyMongoError:
                    await asyncio.sleep(0.1)
            else:
                pytest.fail("the server did not come back")
            acknowledged.append(n)
            if n in (20, 40):
                assert store.pid is not None
                os.kill(store.pid, signal.SIGKILL)
        found = {d["_id"] async for d in db.things.find()}
        assert set(acknowledged) <= found
        await db.client.close()
    finally:
        await store.stop()
        await store.stop()
    assert store.pid is None


async def test_nobody_comes_in_without_the_password(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, durable=False)
    await store.start()
    try:
        assert (tmp_path / "store.password").stat().st_mode & 0o777 == 0o600
        port = store.uri.rsplit(":", 1)[1].split("/")[0]
        stranger = connect(f"mongodb://127.0.0.1:{port}/?directConnection=true")
        with pytest.raises(OperationFailure):
            await stranger.x.y.insert_one({"a": 1})
        with pytest.raises(OperationFailure):
            await stranger.admin.command("createUser", "me", pwd="x", roles=["root"])
        await stranger.close()
    finally:
        await store.stop()


async def test_a_killed_parent_leaves_no_orphan(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert parent.stdout is not None
    server = int(await asyncio.to_thread(parent.stdout.readline))
    assert is_running(server)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 3
    while is_running(server) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert not is_running(server)
    store = EmbeddedStore(tmp_path)
    await store.start()  # nothing holds the directory
    await store.stop()


async def test_a_server_left_behind_is_ended_and_a_stranger_is_not(tmp_path: Path) -> None:
    first = EmbeddedStore(tmp_path, durable=False)
    await first.start()
    left_behind = first.pid
    assert left_behind is not None
    assert first._watch is not None
    first._watch.cancel()  # the process that made it is gone without a word
    second = EmbeddedStore(tmp_path, durable=False)
    await second.start()
    assert second.pid != left_behind
    await first.stop()
    await second.stop()

    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (tmp_path / "store.pid").write_text(str(stranger.pid))
    third = EmbeddedStore(tmp_path, durable=False)
    await third.start()
    assert stranger.poll() is None
    await third.stop()
    stranger.kill()
    stranger.wait()


async def test_ctrl_c_reaches_us_and_not_the_server(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, durable=False)
    await store.start()
    try:
        assert store.pid is not None
        assert os.getpgid(store.pid) != os.getpgid(0)
    finally:
        await store.stop()


async def test_a_store_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("in the way")
    store = EmbeddedStore(tmp_path)
    with pytest.raises(SetupError, match=r"store\.log"):
        await store.start()
    await store.stop()


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("mongodb://", "MONGODB_URI cannot be used"),
        ("mongodb://localhost:99999/x", "MONGODB_URI cannot be used"),
        ("mongodb://u:p@ss:w@h/", "MONGODB_URI cannot be used"),
        (
            "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=200",
            "no MongoDB answers at 127.0.0.1:1",
        ),
    ],
)
async def test_a_bad_address_is_one_clear_sentence(uri: str, sentence: str) -> None:
    with pytest.raises(SetupError, match=sentence) as refused:
        await open_database(uri)
    assert "\n" not in refused.value.detail


async def test_a_wrong_password_is_one_clear_sentence(mongo_uri: str) -> None:
    head, _, tail = mongo_uri.partition("desk:")
    wrong = f"{head}desk:wrong@{tail.partition('@')[2]}"
    with pytest.raises(SetupError, match="refuses us"):
        await open_database(wrong)
