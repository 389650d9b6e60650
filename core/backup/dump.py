"""Copies a deployment into an archive while it serves.

Everything but the log is read as of one moment. The log is insert-only and read to its newest
commit afterwards, so the archive holds every message that was acknowledged before `as_of`, near
the end of the backup; what was made from those commits (lists, cards, figures) is made again at
the first start, as after any crash. Contents of files come last: a commit never names one that is
not there yet.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile

from bson.raw_bson import RawBSONDocument

from core.attachments.blobs import BlobStore
from core.backup.archive import ATTACHMENTS, COLLECTIONS, FILES, ArchiveWriter
from core.clock import Clock
from core.errors import BadInput, NotFound, StoreUnavailable
from core.runtime.version import VERSION
from core.storage.client import Database
from core.storage.errors import store_errors
from core.storage.moment import Moment, moment

log = logging.getLogger(__name__)

LOG = "log"
PART_BYTES = 4_000_000  #: of documents in one member of the archive
ATTEMPTS = 3  #: an erasure in between begins it anew, and so does a store that was away
PAUSE_SECONDS = 5.0
ROUNDS = 5  #: over the log's keys; under load the last one still finds a few
FEW = 20  #: commits that are not worth another round
CHOSEN = 256  #: commits that one query asks for
EVERY_ONE = -86_400.0  #: seconds: a store's clock may be ahead of ours
FILES_KEPT = ("secret.key", "channels", "plugins")  #: of the data directory, beside the store

Progress = Callable[[int, str], None]
"""Takes how many documents or files are done, and of what."""


@dataclass(slots=True, kw_only=True)
class Summary:
    """The contents of a backup, counted."""

    as_of: datetime  #: every message acknowledged before is in it
    documents: dict[str, int] = field(default_factory=dict)  #: by collection
    attachments: int = 0
    files: int = 0
    missing: int = 0  #: contents that were gone by the time we came to them
    bytes: int = 0


class Dump:
    """Makes backups of one deployment; one at a time.

    `left_out` are collections that mean something to running processes only.
    """

    def __init__(
        self,
        db: Database,
        *,
        data_dir: Path,
        blobs: BlobStore,
        clock: Clock,
        left_out: Sequence[str],
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._db = db
        self._data_dir = data_dir
        self._blobs = blobs
        self._clock = clock
        self._left_out = frozenset(left_out)
        self._pause = pause
        self._lock = asyncio.Lock()

    async def write(self, path: Path, *, key: str, progress: Progress | None = None) -> Summary:
        """Back everything up into this file, which must not be there yet.

        Raises BadInput where it cannot be written, SetupError, StoreUnavailable.
        """
        if self._lock.locked():
            raise BadInput("Another backup is being made; wait for it.")
        async with self._lock:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return await self._write(path, key=key, progress=progress or _nobody)
                except FileExistsError as error:
                    raise BadInput(f"{path} is there already; choose another name.") from error
                except OSError as error:
                    raise BadInput(f"{path} cannot be written: {error.strerror}.") from error
                except (StoreUnavailable, _ErasedMeanwhile) as error:
                    if attempt == ATTEMPTS:
                        raise StoreUnavailable(
                            f"The backup was begun {ATTEMPTS} times and never came to its end:"
                            f" {error.__cause__ or error}"
                        ) from error
                    log.warning("a backup begins anew: %s", error.__cause__ or error)
                    await asyncio.sleep(self._pause)
            raise AssertionError

    async def _write(self, path: Path, *, key: str, progress: Progress) -> Summary:
        archive = await asyncio.to_thread(ArchiveWriter, path, key=key)
        try:
            made = Summary(as_of=self._clock.now())
            erasures = await self._erasures()
            with store_errors():
                names = sorted(await self._db.list_collection_names())
            async with moment(self._db) as now:
                for name in names:
                    if name == LOG or name in self._left_out or name.startswith("system."):
                        continue
                    await self._copy(archive, made, name, now.documents(name), progress)
            known = await self._copy_log(archive, made, progress)
            known_blobs: set[str] = set()
            await self._copy_blobs(archive, made, known_blobs, progress)
            await self._copy_news(archive, made, known, progress)
            await self._copy_blobs(archive, made, known_blobs, progress)
            made.files = await asyncio.to_thread(self._copy_files, archive)
            if await self._erasures() != erasures:
                raise _ErasedMeanwhile("somebody was erased meanwhile")
            made.bytes = await asyncio.to_thread(archive.finish, _manifest(made))
            return made
        finally:
            await asyncio.to_thread(archive.close)

    async def _erasures(self) -> set[object]:
        """What has been erased so far: nobody who is forgotten meanwhile may come back."""
        with store_errors():
            found = await self._db["erasures"].find({}, {"_id": 1}).to_list()
        return {document["_id"] for document in found}

    async def _copy(
        self,
        archive: ArchiveWriter,
        made: Summary,
        name: str,
        documents: AsyncIterator[RawBSONDocument],
        progress: Progress,
        *,
        keys: set[object] | None = None,
    ) -> None:
        part, count = bytearray(), made.documents.setdefault(name, 0)
        number = count  # of the part's first document: parts sort as they were written
        async for document in documents:
            part += document.raw
            count += 1
            if keys is not None:
                keys.add(document["_id"])
            if len(part) >= PART_BYTES:
                await asyncio.to_thread(archive.add, _part_name(name, number), bytes(part))
                part, number = bytearray(), count
                progress(sum(made.documents.values()), name)
            made.documents[name] = count
        if part:
            await asyncio.to_thread(archive.add, _part_name(name, number), bytes(part))
        progress(sum(made.documents.values()), name)

    async def _copy_log(
        self, archive: ArchiveWriter, made: Summary, progress: Progress
    ) -> set[object]:
        """All of the log that there is when we begin; gives its keys."""
        keys: set[object] = set()
        async with moment(self._db) as now:
            await self._copy(archive, made, LOG, now.documents(LOG), progress, keys=keys)
        return keys

    async def _copy_news(
        self, archive: ArchiveWriter, made: Summary, known: set[object], progress: Progress
    ) -> None:
        """What was appended to the log meanwhile, until next to nothing is."""
        for _ in range(ROUNDS):
            made.as_of = self._clock.now()
            # As of one moment: of a conversation's commits none is there without those before it.
            async with moment(self._db) as now:
                news = [one async for one in now.keys(LOG) if one not in known]
                await self._copy(archive, made, LOG, self._chosen(now, news), progress)
            known.update(news)
            if len(news) <= FEW:
                return

    async def _chosen(self, now: Moment, keys: list[object]) -> AsyncIterator[RawBSONDocument]:
        for start in range(0, len(keys), CHOSEN):
            async for document in now.chosen(LOG, keys[start : start + CHOSEN]):
                yield document

    async def _copy_blobs(
        self, archive: ArchiveWriter, made: Summary, known: set[str], progress: Progress
    ) -> None:
        for digest in await self._blobs.digests(older_than=EVERY_ONE):
            if digest in known:
                continue
            known.add(digest)
            try:
                with TemporaryFile() as file:
                    async for chunk in self._blobs.read(digest):
                        await asyncio.to_thread(file.write, chunk)
                    size = file.tell()
                    file.seek(0)
                    name = f"{ATTACHMENTS}/{digest}"
                    await asyncio.to_thread(archive.add_stream, name, file, size=size)
            except NotFound:
                made.missing += 1
                continue
            made.attachments += 1
            progress(made.attachments, "files")

    def _copy_files(self, archive: ArchiveWriter) -> int:
        """What lies in the data directory and is nowhere else."""
        count = 0
        for kept in FILES_KEPT:
            top = self._data_dir / kept
            for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
                if "__pycache__" in path.parts or path.is_symlink() or not path.is_file():
                    continue
                archive.add(f"{FILES}/{path.relative_to(self._data_dir)}", path.read_bytes())
                count += 1
        return count


class _ErasedMeanwhile(Exception):
    """Somebody was erased while the backup was made."""


def _manifest(made: Summary) -> dict[str, object]:
    return {
        "release": VERSION,
        "as_of": made.as_of.isoformat(),
        "documents": made.documents,
        "attachments": made.attachments,
        "files": made.files,
    }


def _part_name(collection: str, number: int) -> str:
    return f"{COLLECTIONS}/{collection}/{number:012}.bson"


def _nobody(_done: int, _label: str) -> None:
    """Progress that nobody looks at."""
