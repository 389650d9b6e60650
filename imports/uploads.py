"""Files that were dropped on the console: kept until they are read, and then no more."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from core.clock import Clock
from core.errors import BadInput, ContactCenterError
from imports.groups.model import FileState, ImportedFile
from imports.parts import Parts

log = logging.getLogger(__name__)

LARGEST = 1_000_000_000  #: bytes of one file
MOST_WAITING = 20
RETRY_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that is here and not read to its end."""

    id: str
    name: str
    format: str  #: "" where it is to be told by its content
    by: str


class Uploads:
    """Takes files in and reads them one after the other; what was broken off is read at the start.

    The files hold what customers wrote, so each is deleted as soon as it was read.
    """

    def __init__(self, parts: Parts, *, folder: Path, clock: Clock) -> None:
        self._parts = parts
        self._folder = folder
        self._clock = clock
        self._wake = asyncio.Event()

    async def take(
        self, body: AsyncIterator[bytes], *, name: str, format_name: str, by: str
    ) -> Waiting:
        """Keep a file until it is read. Raises BadInput for too large a one, or too many."""
        if len(self.waiting()) >= MOST_WAITING:
            raise BadInput(f"{MOST_WAITING} files wait to be read already.")
        waiting = Waiting(id=self._clock.new_id(), name=name, format=format_name, by=by)
        self._folder.mkdir(parents=True, exist_ok=True)
        part, size = self._folder / f"{waiting.id}.part", 0
        try:
            with part.open("wb") as file:
                async for piece in body:
                    size += len(piece)
                    if size > LARGEST:
                        raise BadInput(f"At most {LARGEST // 1_000_000} MB are taken.")
                    await asyncio.to_thread(file.write, piece)
            part.rename(self._file(waiting.id))
        finally:
            part.unlink(missing_ok=True)
        told = {"name": name, "format": format_name, "by": by}
        self._note(waiting.id).write_text(json.dumps(told), encoding="utf-8")
        self._wake.set()
        return waiting

    def waiting(self) -> list[Waiting]:
        """The files that are here, the oldest first."""
        if not self._folder.is_dir():
            return []
        notes = sorted(self._folder.glob("*.json"), key=lambda p: (p.stat().st_mtime, p.name))
        found = []
        for note in notes:
            with contextlib.suppress(ValueError, TypeError, OSError):
                told = json.loads(note.read_text(encoding="utf-8"))
                found.append(Waiting(id=note.stem, **told))
        return found

    async def run(self) -> None:
        """Read what is here, for ever; first what a command was killed over."""
        await self._go_on()
        while True:
            self._wake.clear()
            for waiting in self.waiting():
                await self._read(waiting)
            try:
                # A file that could not be read because the store was away is read later.
                async with asyncio.timeout(RETRY_SECONDS if self.waiting() else None):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _go_on(self) -> None:
        try:
            for file in await self._parts.importer.broken_off():
                await self._parts.open()
                await self._parts.importer.read(
                    Path(file.path),
                    format_name=file.format,
                    name=file.name,
                    by=file.by,
                    progress=lambda _done, _total: None,
                    stays=True,
                )
        except ContactCenterError as error:
            log.warning("a file that was broken off is read when asked again: %s", error.detail)
        except Exception:
            log.exception("a file that was broken off could not be read to its end")

    async def _read(self, waiting: Waiting) -> None:
        file = self._file(waiting.id)
        try:
            await self._parts.open()
            await self._parts.importer.read(
                file,
                format_name=waiting.format,
                name=waiting.name,
                by=waiting.by,
                progress=lambda _done, _total: None,
            )
        except BadInput as error:
            # Nothing to be read in it, whoever tries again.
            await self._parts.store.save_file(
                ImportedFile(
                    id=waiting.id,
                    name=waiting.name,
                    format=waiting.format,
                    by=waiting.by,
                    at=self._clock.now(),
                    state=FileState.FAILED,
                    why=error.detail[:300],
                )
            )
        except FileNotFoundError:
            pass
        except ContactCenterError as error:
            log.warning("%s is read later: %s", waiting.id, error.detail)
            return
        except Exception:
            log.exception("a file of past conversations could not be read; it is tried again")
            return
        for gone in (file, self._note(waiting.id)):
            gone.unlink(missing_ok=True)

    def _file(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.file"

    def _note(self, upload_id: str) -> Path:
        return self._folder / f"{upload_id}.json"
