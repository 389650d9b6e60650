"""Killed in the middle of a sync or an import: nothing is lost, doubled or taken in by half."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.broken_off import Outcome, broken_imports, broken_syncs, broken_syncs_of_two

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(900)]


def held(found: Outcome) -> None:
    assert (found.lost, found.doubled, found.half) == ([], [], [])


async def test_a_sync_goes_on_by_itself(tmp_path: Path) -> None:
    held(await broken_syncs(tmp_path, kills=4))


async def test_a_sync_goes_on_with_the_other_worker(tmp_path: Path) -> None:
    held(await broken_syncs_of_two(tmp_path, kills=1))


async def test_an_import_goes_on_by_itself(tmp_path: Path) -> None:
    held(await broken_imports(tmp_path, kills=3))
