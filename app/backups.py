"""Builds the slice of backups."""

from __future__ import annotations

from collections.abc import Sequence

from core.backup.cli import commands
from core.backup.dump import Dump
from core.backup.scheduled import ScheduledBackups
from core.privacy.stored import COLLECTIONS
from core.runtime.checks import Check
from core.slices.slice import Core, Job, Slice


def setup_backups(core: Core) -> tuple[ScheduledBackups, Slice]:
    """Backups by command and by night."""
    wishes = core.settings.backups
    dump = Dump(
        core.db,
        data_dir=core.data_dir.path,
        blobs=core.library.blobs,
        clock=core.clock,
        left_out=[one.name for one in COLLECTIONS if one.transient],
    )
    scheduled = ScheduledBackups(
        dump,
        folder=wishes.backup_dir,
        keep=wishes.backup_keep,
        key=wishes.backup_key or "",
        clock=core.clock,
        registry=core.registry,
    )

    async def checks() -> Sequence[Check]:
        return (scheduled.check(),)

    return scheduled, Slice(
        name="backup",
        jobs=(Job(work=scheduled.run, hour=wishes.backup_hour),),
        commands=commands(dump, key=wishes.backup_key or ""),
        checks=checks,
        measures=(scheduled.measure,),
    )
