"""Fixtures every test may use: a real store, a clock that stands still, a real browser."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from pymongo.errors import AutoReconnect

from config.settings import read_settings
from core.data_dir import DataDir
from core.storage.client import Database, connect
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes
from core.testing.clock import ManualClock
from tests.support.sharing import shared

if TYPE_CHECKING:
    from composition import Serving

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

# Where tests start programs, servers, vendors' SDKs or browsers of their own.
NOT_UNIT = (
    "browser/",
    "channels/",
    "contract/",
    "core/rag/test_guide.py",
    "core/rag/test_index_contract.py",
    "core/storage/",
    "core/test_data_dir.py",
    "examples/",
    "faults/",
    "plugins/test_a_stranger_installed_by_pip_is_listed.py",
    "scenarios/",
    "test_app.py",
    "test_command_line.py",
)
# Where single tests take ten seconds and more.
LONG = (
    "browser/",
    "core/storage/test_embedded.py",
    "core/storage/test_fresh_files.py",
    "core/web/test_every_route_is_as_documented.py",
    "core/web/test_frame.py",
    "examples/",
    "faults/",
    "plugins/test_service.py",
    "scenarios/",
    "test_command_line.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keeps `-m unit` and `-m timed` from importing what they would only leave out."""
    match config.option.markexpr:
        case "unit":
            return True if _is_apart(collection_path) else None
        case "timed" if collection_path.name.startswith("test_"):
            return None if "mark.timed" in collection_path.read_text() else True
        case _:
            return None


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Marks as `unit` what needs neither a database nor another process, and no seconds.

    Where there are several workers, each of them begins with tests that take long.
    """
    for item in items:
        stores = "mongo_uri" in getattr(item, "fixturenames", ())
        if not stores and not _is_apart(item.path) and item.get_closest_marker("timed") is None:
            item.add_marker(pytest.mark.unit)
    yield  # what was not asked for is left out
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is not None:
        items[:] = shared(
            items,
            int(worker["workercount"]),
            module=lambda item: str(item.path),
            takes_long=lambda item: _is_below(item.path, LONG),
        )


def _is_apart(path: Path) -> bool:
    return _is_below(path, NOT_UNIT)


def _is_below(path: Path, names: tuple[str, ...]) -> bool:
    tests = Path(__file__).parent
    return path.is_relative_to(tests) and f"{path.relative_to(tests)}/".startswith(names)


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
async def app(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[Serving]:
    """The whole application, serving on a free port, with an empty knowledge base and no model."""
    from composition import serving  # imports everything: only for tests that want it

    uri = mongo_uri.replace("/?", f"/{db.name}?")
    settings = read_settings({"MONGODB_URI": uri, "DATA_DIR": str(tmp_path), "PORT": "0"})
    async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
        yield live
