"""The catalog is looked through, and plugins are imported, by several threads at once."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from plugins.registry.catalog import CHANNEL, Catalog

ROOT = Path(__file__).parents[3]


@pytest.fixture
def hurried() -> Iterator[None]:
    """Threads take turns all the time."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("hurried")
def test_looks_at_the_same_time_do_not_break_each_other(tmp_path: Path) -> None:
    catalog = Catalog(CHANNEL, built_in=ROOT / "channels", folders=tmp_path)
    with ThreadPoolExecutor(8) as threads:
        for round_ in range(3):
            # Python remembers what is no folder of modules, and forgets it at every look.
            for number in range(5_000):
                sys.path_importer_cache[str(tmp_path / f"{round_}-{number}.zip")] = None
            for look in [threads.submit(catalog.scan) for _ in range(8)]:
                assert "slack" in look.result()


class _Rubbish:
    """Collected while Python looks through its importers, it adds one: as an import elsewhere does.

    Each leaves another behind, until there have been `left`.
    """

    left = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        if _Rubbish.left:
            _Rubbish.left -= 1
            sys.path_importer_cache[f"/nowhere/{_Rubbish.left}.zip"] = None
            _Rubbish()


@pytest.fixture
def eager_collector() -> Iterator[None]:
    """A full collection at every other allocation."""
    usual = gc.get_threshold()
    yield
    _Rubbish.left = 0
    gc.set_threshold(*usual)
    importlib.invalidate_caches()


@pytest.mark.usefixtures("eager_collector")
def test_an_import_on_another_thread_breaks_no_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        gc.set_threshold(1, 1, 1)
        try:
            invalidate()
        finally:
            gc.set_threshold(0)

    for number in range(5_000):  # more tuples than Python has at hand: it has to allocate
        sys.path_importer_cache[f"/nowhere/at all/{number}.zip"] = None
    invalidate = importlib.invalidate_caches
    monkeypatch.setattr(importlib, "invalidate_caches", look)
    gc.collect()
    gc.set_threshold(0)
    _Rubbish.left = 6
    _Rubbish()
    assert "slack" in Catalog(CHANNEL, built_in=ROOT / "channels", folders=tmp_path).scan()
    assert looks > 1
