"""Fixtures every test may use: a real store, a clock that stands still, a real browser."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from core.storage.client import Database, connect
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes
from core.testing.clock import ManualClock

BROWSER = Path("/usr/bin/chromium")
BROWSER_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One embedded server for the whole session; without fsync, because no test cuts power."""
    store = EmbeddedStore(tmp_path_factory.mktemp("mongo"), durable=False)
    asyncio.run(store.boot())
    yield store.uri
    asyncio.run(store.stop())


@pytest.fixture
async def mongo(mongo_uri: str) -> AsyncIterator[Callable[[], Database]]:
    """Makes fresh, empty databases on the session's server; they are dropped at the end."""
    client = connect(mongo_uri)
    names: list[str] = []

    def fresh() -> Database:
        names.append(f"t{uuid.uuid4().hex[:16]}")
        return client[names[-1]]

    yield fresh
    for name in names:
        await client.drop_database(name)
    await client.close()


@pytest.fixture
async def db(mongo: Callable[[], Database]) -> Database:
    """A fresh database with every index of ours."""
    database = mongo()
    await ensure_indexes(database)
    return database


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when the test moves it."""
    return ManualClock()
