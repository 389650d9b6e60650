"""Backups that are made by themselves: one each night, the newest ones kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from core.backup.dump import Dump, Summary
from core.clock import Clock
from core.errors import ContactCenterError
from core.runtime.checks import Advice, Check

log = logging.getLogger(__name__)

LATE = timedelta(hours=30)  #: after which the last one is too old: a night was left out
ABANDONED_SECONDS = 6 * 3600.0  #: in which nobody wrote to it: who began it has been killed
_NAME = re.compile(r"contact-center-(\d{8}T\d{6})Z\.backup")
_DRAFT = re.compile(rf"\.{_NAME.pattern}\.\d+\.partial")  #: as ArchiveWriter calls it
_TIME = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A backup that lies there."""

    path: Path
    at: datetime
    bytes: int


class ScheduledBackups:
    """Keeps the newest backups in one folder; files that are not ours stay untouched."""

    def __init__(
        self,
        dump: Dump,
        *,
        folder: Path | None,
        keep: int,
        key: str,
        clock: Clock,
        registry: CollectorRegistry,
    ) -> None:
        """Without a `folder` none is made."""
        self._dump = dump
        self._folder = folder
        self._keep = keep
        self._key = key
        self._clock = clock
        self._newest = None
        if folder is not None:
            self._newest = Gauge(
                "contact_center_backup_last_timestamp_seconds",
                "When the newest scheduled backup was begun; 0 where there is none.",
                registry=registry,
            )

    async def run(self) -> Summary | None:
        """Make one now, and let the oldest go. What goes wrong is logged, and `check` says it."""
        if self._folder is None:
            return None
        path = self._folder / f"contact-center-{self._clock.now():{_TIME}}Z.backup"
        try:
            await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True, mode=0o700)
            await asyncio.to_thread(self._remove_drafts)
            made = await self._dump.write(path, key=self._key)
            for old in (await self.all())[self._keep :]:
                await asyncio.to_thread(old.path.unlink, missing_ok=True)
        except (ContactCenterError, OSError) as error:
            log.error("no backup was made: %s", error)
            return None
        log.info("a backup of %d bytes was made: %s", made.bytes, path)
        return made

    async def measure(self) -> None:
        """Bring the number up to date. Raises OSError."""
        if self._newest is not None:
            found = await self.all()
            self._newest.set(found[0].at.timestamp() if found else 0.0)

    async def all(self) -> list[Made]:
        """Those that lie there, newest first."""
        return await asyncio.to_thread(self._all)

    async def left_behind(self) -> str:
        """One sentence on the backups that hold what is erased now; "" where there are none."""
        found = await self.all()
        if not found:
            return ""
        return (
            f"{len(found)} backups in {self._folder} still hold it; one goes each night"
            f" (BACKUP_KEEP={self._keep}). Whoever restores one of them has to erase again."
        )

    def check(self) -> Check:
        """For `doctor`."""
        remedy = "Look at BACKUP_DIR, and at what the log says of backups."
        return Check(name="backups", attempt=self._look, remedy=remedy)

    async def _look(self) -> str:
        if self._folder is None:
            raise Advice("none are made; set BACKUP_DIR, or call `bot.py backup FILE` each night")
        found = await self.all()
        if not found:
            raise Advice(f"none lies in {self._folder} yet; the first is made in the coming night")
        age = self._clock.now() - found[0].at
        said = f"the last one is {_hours(age)} old, {found[0].bytes / 1_000_000:.1f} MB, "
        said += f"{len(found)} in {self._folder}"
        if age > LATE:
            raise ContactCenterError(f"{said}.")
        return said if self._key else f"{said}, not encrypted (BACKUP_KEY)"

    def _all(self) -> list[Made]:
        found = []
        for path in self._folder.iterdir() if self._folder and self._folder.is_dir() else ():
            if name := _NAME.fullmatch(path.name):
                at = datetime.strptime(name[1], _TIME).replace(tzinfo=UTC)
                with contextlib.suppress(FileNotFoundError):  # another process has let it go
                    found.append(Made(path=path, at=at, bytes=path.stat().st_size))
        return sorted(found, key=lambda made: made.at, reverse=True)

    def _remove_drafts(self) -> None:
        """Those of processes that were killed: each is as large as a backup, and nobody's."""
        assert self._folder is not None
        now = self._clock.now().timestamp()
        for path in self._folder.iterdir():
            if not _DRAFT.fullmatch(path.name):
                continue
            with contextlib.suppress(FileNotFoundError):
                if now - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()


def _hours(age: timedelta) -> str:
    hours = int(age.total_seconds() // 3600)
    return f"{hours} h" if hours else f"{int(age.total_seconds() // 60)} min"
