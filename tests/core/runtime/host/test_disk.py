"""A disk is full while there still is room for what is under way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.attachments.blobs import Spool
from core.errors import DiskFull
from core.runtime.host.disk import DiskSpace
from core.web.http.problems import from_exception


def test_below_the_floor_it_is_full(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    roomy, full = DiskSpace(tmp_path, floor=free // 2), DiskSpace(tmp_path, floor=free * 2)
    roomy.require()
    assert not roomy.is_full()
    assert full.is_full()
    with pytest.raises(DiskFull, match="goes on as soon as there is room"):
        full.require()


def test_a_directory_that_is_not_there_yet_is_not_full(tmp_path: Path) -> None:
    DiskSpace(tmp_path / "later").require()


async def test_no_file_is_taken_in_either(tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        await Spool(tmp_path / "in", room=DiskSpace(tmp_path, floor=1 << 60).require).writer(
            limit=9
        )
    assert list(tmp_path.iterdir()) == []


def test_a_program_is_told_when_to_come_again() -> None:
    problem = from_exception(DiskFull())
    said = json.loads(json.dumps(problem.document()))
    assert (problem.status, said["limit"], said["scope"]) == (503, "full", "everybody")
    assert problem.headers["Retry-After"] == "5"
