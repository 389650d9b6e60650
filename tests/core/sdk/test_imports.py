"""A heavy import does not stop the world."""

from __future__ import annotations

import asyncio
import gc
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.sdk.imports import collector_rests, import_aside

pytestmark = pytest.mark.unit

HEAVY = """
class Field:
    def __init__(self):
        self.of = {}

KEPT = [Field() for _ in range(200_000)]
"""


@contextmanager
def full_collections() -> Iterator[list[int]]:
    seen: list[int] = []

    def heard(phase: str, info: Mapping[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            seen.append(1)

    gc.callbacks.append(heard)
    try:
        yield seen
    finally:
        gc.callbacks.remove(heard)


@pytest.fixture
def heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "heavy_sdk.py").write_text(textwrap.dedent(HEAVY), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "heavy_sdk"
    sys.modules.pop("heavy_sdk", None)
    gc.unfreeze()


async def test_a_heavy_import_brings_no_full_collection(heavy: str) -> None:
    gc.collect()
    with full_collections() as plain:
        __import__(heavy)
    del sys.modules[heavy]
    gc.collect()
    usual = gc.get_threshold()
    with full_collections() as seen:
        module = await import_aside(heavy)
    assert plain, "this module is not heavy enough to show anything"
    assert not seen
    assert len(module.KEPT) == 200_000
    assert gc.get_threshold() == usual


async def test_what_was_imported_is_not_looked_at_again(heavy: str) -> None:
    await import_aside(heavy)
    frozen = gc.get_freeze_count()
    assert frozen >= 200_000
    await import_aside(heavy)
    assert gc.get_freeze_count() <= frozen, "nothing new was imported, so nothing is set apart"


async def test_the_collector_works_again_when_the_last_of_several_has_left(heavy: str) -> None:
    usual = gc.get_threshold()
    with pytest.raises(ModuleNotFoundError):
        await import_aside("no_such_sdk")
    assert gc.get_threshold() == usual
    with collector_rests():
        await asyncio.gather(import_aside(heavy), import_aside("json"))
        assert gc.get_threshold() != usual
    assert gc.get_threshold() == usual
