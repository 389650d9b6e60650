"""The embedded store is never open: not at the first start, not while it is rewritten."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.errors import SetupError
from core.storage.client import connect
from core.storage.embedded import EmbeddedStore
from core.storage.embedded_auth import DIRECT, Credentials, make_user
from core.storage.embedded_process import ServerProcess

ROOT = Path(__file__).parents[3]
REWRITES = int(os.environ.get("SCANNED_REWRITES", "2"))  #: more in a long run
pytestmark = [pytest.mark.apart, pytest.mark.timeout(120 + 30 * REWRITES)]


@asynccontextmanager
async def scanned(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[dict[str, Any]]:
    """Somebody else on this machine tries every door meanwhile; afterwards what came of it."""
    found: dict[str, Any] = {}
    scanner = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.hostile.port_scanner", cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, heard = scanner.stdin, scanner.stdout
    assert told is not None
    assert heard is not None
    spawn = ServerProcess.spawn

    def overheard(server: ServerProcess, credentials: Credentials) -> None:
        if not server.port:
            server.take_port()
        told.write(f"{server.port}\n".encode())
        spawn(server, credentials)

    monkeypatch.setattr(ServerProcess, "spawn", overheard)
    try:
        assert await heard.readline() == b"ready\n"
        yield found
    finally:
        told.close()
        said = await heard.read()
        await scanner.wait()
    found.update(json.loads(said))


async def test_a_second_user_with_a_port_scanner_is_never_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = EmbeddedStore(tmp_path, durable=False)
    async with scanned(monkeypatch) as found:
        await store.start()
        client = connect(store.uri)
        await client["contact_center"]["log"].insert_many([{"_id": n} for n in range(500)])
        for _ in range(REWRITES):
            await store.rewrite()
        kept = await client["contact_center"]["log"].count_documents({})
        users = await store.strangers()
        await client.close()
        await store.stop()
    print(f"\n{REWRITES} rewrites: {found}")
    assert kept == 500
    assert users == []
    assert found["came_in"] == []
    # Each rewrite has three servers on ports of their own, beside the two of the start.
    assert found["ports"] >= 2 + 2 * REWRITES
    assert found["knocks"] > 20 * REWRITES
    assert not (tmp_path / "store.door").exists()


async def test_the_scanner_comes_in_where_nobody_asks_for_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would prove nothing."""
    server = ServerProcess(tmp_path, durable=False)
    async with scanned(monkeypatch) as found:
        server.spawn(Credentials(flags=(), options=DIRECT))
        await server.until_ready()
        await asyncio.sleep(3)
        await server.end()
    assert {one.partition(": ")[2] for one in found["came_in"]} == {"createUser", "listDatabases"}


async def test_whoever_stands_in_the_door_does_not_keep_it_shut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it takes its user the server greets one after the other; a silent one stops it."""
    first: list[asyncio.StreamWriter] = []
    begun = ServerProcess.until_ready

    async def occupied(server: ServerProcess) -> None:
        await begun(server)
        if not first:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            first.append(writer)
            await asyncio.sleep(0.2)

    monkeypatch.setattr(ServerProcess, "until_ready", occupied)
    store = EmbeddedStore(tmp_path, durable=False)
    try:
        await store.start()
        assert await store.strangers() == []
    finally:
        first[0].close()
        await store.stop()


async def test_a_user_who_was_planted_is_refused_at_the_start(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, durable=False)
    await store.start()
    client = connect(store.uri)
    for database in ("admin", "contact_center"):
        await client[database].command(
            "createUser", "planted", pwd="x", roles=[{"role": "root", "db": "admin"}]
        )
    await client["contact_center"].command("createUser", "desk", pwd="x", roles=["readWrite"])
    await client.close()
    await store.stop()

    again = EmbeddedStore(tmp_path, durable=False)
    with pytest.raises(SetupError, match=r"planted.*remove-strangers") as refused:
        await again.start()
    for stranger in ("planted (admin)", "planted (contact_center)", "desk (contact_center)"):
        assert stranger in refused.value.detail
    gone = await again.strangers(remove=True)
    assert len(gone) == 3
    await again.stop()
    await again.start()
    await again.stop()


async def test_a_lost_password_is_made_anew_and_a_wrong_one_is_said(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, durable=False)
    await store.start()
    client = connect(store.uri)
    await client["contact_center"]["log"].insert_one({"_id": 1})
    await client.close()
    await store.stop()
    secret = tmp_path / "store.password"
    secret.unlink()
    await store.start()
    client = connect(store.uri)
    assert await client["contact_center"]["log"].count_documents({}) == 1
    await client.close()
    await store.stop()
    secret.write_text("somebody-elses")
    with pytest.raises(SetupError, match=r"store\.password"):
        await store.start()
    await store.stop()


async def test_a_user_made_twice_has_the_last_password(tmp_path: Path) -> None:
    store = EmbeddedStore(tmp_path, durable=False)
    await store.start()
    await make_user(store.uri, "another")
    await store.stop()
    (tmp_path / "store.password").write_text("another")
    await store.start()
    await store.stop()
