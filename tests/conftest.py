"""Fixtures every test may use: a real store, a clock that stands still, a real browser."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from pymongo.errors import AutoReconnect

from config.settings import read_settings
from core.runtime.data_dir import DataDir
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database, connect
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes
from tests.support.sharing import shared

if TYPE_CHECKING:
    from app import App

BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
BROWSER = next((p for p in map(Path, BROWSERS) if p.exists()), Path(BROWSERS[0]))
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
# How long an example takes is the machine's business, not the property's.
hypothesis.settings.register_profile("shared", deadline=None)
hypothesis.settings.load_profile("shared")

# Kinds of tests that start programs, servers, vendors' SDKs or browsers of their own; elsewhere a
# module says so by `pytestmark = pytest.mark.apart`, and `long` if single tests take ten seconds.
APART = ("browser", "channels", "contract", "examples", "faults", "scenarios")
LONG = ("browser", "examples", "faults", "scenarios")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keeps `-m unit` and `-m timed` from importing what they would only leave out."""
    match config.option.markexpr:
        case "unit":
            return (
                True if _kind(collection_path) in APART or _says(collection_path, "apart") else None
            )
        case "timed" if collection_path.name.startswith("test_"):
            return None if _says(collection_path, "timed") else True
        case _:
            return None


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Keeps `no_cover`: in xdist's workers a second tracer runs below the one that is stopped."""
    tracer = sys.gettrace()
    if tracer is not None and item.get_closest_marker("no_cover"):
        sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Marks as `unit` what needs neither a database nor another process, and no seconds.

    Where there are several workers, each of them begins with tests that take long.
    """
    for item in items:
        stores = "mongo_uri" in getattr(item, "fixturenames", ())
        marked = any(map(item.get_closest_marker, ("apart", "timed")))
        if not stores and not marked and _kind(item.path) not in APART:
            item.add_marker(pytest.mark.unit)
    yield  # what was not asked for is left out
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:
        items[:] = shared(
            items,
            int(worker["workercount"]),
            module=lambda item: str(item.path),
            takes_long=lambda item: bool(
                _kind(item.path) in LONG or item.get_closest_marker("long")
            ),
        )


def _kind(path: Path) -> str:
    """The folder of tests/ that it lies in."""
    tests = Path(__file__).parent
    return path.relative_to(tests).parts[0] if path.is_relative_to(tests) and path != tests else ""


def _says(path: Path, mark: str) -> bool:
    """Whether a module has this mark, told without importing it."""
    return path.name.startswith("test_") and f"mark.{mark}" in path.read_text(encoding="utf-8")


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
        # Only to keep the server small: one too busy for it is no failure of the test.
        with suppress(AutoReconnect):
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


@pytest.fixture
async def app(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[App]:
    """The whole application, serving on a free port, with an empty knowledge base and no model."""
    from app import serving  # imports everything: only for tests that want it

    uri = mongo_uri.replace("/?", f"/{db.name}?")
    settings = read_settings(
        {
            "MONGODB_URI": uri,
            "DATA_DIR": str(tmp_path),
            "PORT": "0",
            "PRIVATE_API_ADDRESSES": "127.0.0.1",  # where the vendors' stand-ins listen
        }
    )
    async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
        yield live
