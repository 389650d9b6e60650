"""What is stored is not changed under a process that would not understand it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from app.upgrading import upgrade
from config.settings import read_settings
from core.cluster.model import Member, Role
from core.cluster.mongo_store import MongoClusterStore
from core.errors import SetupError
from core.storage.client import Database
from core.storage.stored_format import FORMAT, stored_version
from core.storage.upgrades import Upgrade
from tests.support.control import Heard

pytestmark = pytest.mark.apart


async def nothing(_db: Database) -> None:
    """An invented change."""


async def none(_db: Database) -> int:
    """How many it changes."""
    return 0


NEXT = Upgrade(to=FORMAT + 1, what="Nothing changes.", affected=none, apply=nothing)


async def test_an_upgrade_waits_until_every_process_has_ended(
    db: Database, mongo_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.upgrading.WATCHED_SECONDS", 0.5)
    settings = read_settings({
        "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
        "REDIS_URL": "redis://nowhere",
    })  # fmt: skip
    members = MongoClusterStore(db)

    async def called(*, dry_run: bool = False) -> int:
        return await upgrade(
            settings, launch=lambda: None, dry_run=dry_run, out=Heard(), upgrades=[NEXT]
        )

    async def beats() -> None:
        while True:
            await members.beat("w1")
            await asyncio.sleep(0.05)

    await called(dry_run=True)
    await members.join(Member(id="w1", role=Role.WORKER))
    beating = asyncio.create_task(beats())
    try:
        with pytest.raises(SetupError, match="w1 still runs: stop every process"):
            await called()
        await called(dry_run=True)  # which changes nothing
        assert await stored_version(db) == FORMAT
    finally:
        beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await beating
    # Killed, it is still among them; but it does not beat.
    assert await called() == 0
    assert await stored_version(db) == FORMAT + 1
