"""The catalog is looked through, and plugins are imported, by several threads at once."""

from __future__ import annotations

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
