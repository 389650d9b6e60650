"""The newest backups are kept, and `doctor` says how old the last one is."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from core.attachments.blobs import FileBlobs
from core.backup.archive import ArchiveWriter
from core.backup.dump import Dump
from core.backup.scheduled import LATE, ScheduledBackups
from core.errors import ContactCenterError
from core.runtime.checks import Advice
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

NEWEST = "contact_center_backup_last_timestamp_seconds"


def backups(
    db: Database,
    clock: ManualClock,
    folder: Path | None,
    registry: CollectorRegistry,
    *,
    data: Path,
) -> ScheduledBackups:
    """Two are kept."""
    dump = Dump(db, data_dir=data, blobs=FileBlobs(data / "blobs"), clock=clock, left_out=())
    return ScheduledBackups(dump, folder=folder, keep=2, key="", clock=clock, registry=registry)


async def test_the_newest_are_kept_and_nothing_else_is_touched(
    db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    folder, registry = tmp_path / "backups", CollectorRegistry()
    kept = backups(db, clock, folder, registry, data=tmp_path)
    with pytest.raises(Advice, match="none lies in"):
        await kept.check().attempt()
    assert await kept.left_behind() == ""
    await kept.measure()
    assert registry.get_sample_value(NEWEST) == 0.0
    for _ in range(3):
        assert await kept.run() is not None
        await clock.advance(86_400)
        (folder / "mine.backup").write_text("not theirs")
    made = await kept.all()
    assert [clock.now() - one.at for one in made] == [timedelta(days=1), timedelta(days=2)]
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        ["mine.backup", *(one.path.name for one in made)]
    )
    await kept.measure()
    assert registry.get_sample_value(NEWEST) == int(made[0].at.timestamp())
    assert "2 backups" in await kept.left_behind()
    said = await kept.check().attempt()
    assert said.startswith("the last one is 24 h old")
    assert said.endswith("not encrypted (BACKUP_KEY)")


async def test_what_a_killed_process_left_goes_and_what_is_being_written_stays(
    db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    kept = backups(db, clock, folder, CollectorRegistry(), data=tmp_path)
    folder.mkdir()
    now = clock.now().timestamp()
    partial = {}
    for name, age in (("20260101T020000", 23 * 3600), ("20260102T020000", 60)):
        killed = ArchiveWriter(folder / f"contact-center-{name}Z.backup", key="")
        killed._file.close()
        partial[age] = killed._draft
        os.utime(partial[age], (now - age, now - age))
    mine = folder / ".mine.1.partial"
    mine.write_text("not theirs")
    os.utime(mine, (0, 0))
    assert await kept.run() is not None
    assert [draft.exists() for draft in partial.values()] == [False, True]
    assert mine.exists()


async def test_one_that_goes_while_somebody_looks_is_not_there(
    db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    registry = CollectorRegistry()
    kept = backups(db, clock, tmp_path, registry, data=tmp_path / "data")
    (tmp_path / "contact-center-20260101T020000Z.backup").symlink_to("gone")
    assert await kept.all() == []
    await kept.measure()
    assert registry.get_sample_value(NEWEST) == 0.0


async def test_a_night_left_out_is_a_failure(
    db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    kept = backups(db, clock, tmp_path / "backups", CollectorRegistry(), data=tmp_path)
    await kept.run()
    await clock.advance(LATE.total_seconds() + 60)
    with pytest.raises(ContactCenterError, match="the last one is 30 h old"):
        await kept.check().attempt()


async def test_what_cannot_be_written_is_logged_and_ends_nothing(
    db: Database, clock: ManualClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    kept = backups(db, clock, tmp_path / "file" / "backups", CollectorRegistry(), data=tmp_path)
    assert await kept.run() is None
    assert "no backup was made" in caplog.text


async def test_without_a_folder_none_is_made(
    db: Database, clock: ManualClock, tmp_path: Path
) -> None:
    registry = CollectorRegistry()
    kept = backups(db, clock, None, registry, data=tmp_path)
    assert await kept.run() is None
    with pytest.raises(Advice, match="set BACKUP_DIR"):
        await kept.check().attempt()
    await kept.measure()
    assert registry.get_sample_value(NEWEST) is None
