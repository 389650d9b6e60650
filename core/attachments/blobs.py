"""Content-addressed storage: each content once, under its SHA-256."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from core.errors import BadInput, NotFound

CHUNK_BYTES = 256 * 1024
LEFT_BEHIND_SECONDS = 3600.0  #: after which a file that nobody finished is nobody's

_DIGEST = re.compile(r"[0-9a-f]{64}")


class TooLarge(BadInput):
    """This file is larger than what is taken."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"This file is larger than {limit / 1_000_000:g} MB.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """Bytes that have come in whole, in a file of our own that nobody else knows yet."""

    path: Path
    digest: str  #: SHA-256, in hex
    size: int


class BlobStore(Protocol):
    """A place of contents; all methods raise OSError when it does not answer."""

    async def add(self, spooled: Spooled) -> None:
        """Keep this content; what is there already stays. The spooled file stays, too."""
        ...

    def read(self, digest: str) -> AsyncIterator[bytes]:
        """The content in chunks. Raises NotFound, before the first one, when it is not there."""
        ...

    async def remove(self, digest: str) -> bool:
        """Forget this content; whether it was there."""
        ...

    async def digests(self, *, older_than: float) -> list[str]:
        """Every content that was added so many seconds ago; less than none means all of them."""
        ...

    async def check(self) -> str:
        """One line saying where it is. Raises OSError when it cannot be used."""
        ...


class FileBlobs:
    """Contents as files below the data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def add(self, spooled: Spooled) -> None:
        """See `BlobStore.add`."""
        await asyncio.to_thread(self._add, spooled)

    async def read(self, digest: str) -> AsyncIterator[bytes]:
        """See `BlobStore.read`."""
        path = self._path(digest)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            raise NotFound from None
        try:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
        finally:
            file.close()

    async def remove(self, digest: str) -> bool:
        """See `BlobStore.remove`."""
        path = self._path(digest)
        try:
            await asyncio.to_thread(path.unlink)
        except FileNotFoundError:
            return False
        return True

    async def digests(self, *, older_than: float) -> list[str]:
        """See `BlobStore.digests`."""
        return await asyncio.to_thread(self._digests, time.time() - older_than)

    async def check(self) -> str:
        """See `BlobStore.check`."""
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        return f"files in {self._folder}"

    def _add(self, spooled: Spooled) -> None:
        path = self._path(spooled.digest)
        if path.exists():
            os.utime(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Copied and renamed: a reader sees the whole of it or nothing, whatever breaks.
        draft = path.with_name(f"{path.name}.{uuid4().hex}")
        shutil.copyfile(spooled.path, draft)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(path)

    def _digests(self, before: float) -> list[str]:
        found = []
        abandoned = time.time() - LEFT_BEHIND_SECONDS
        for path in self._folder.glob("??/*"):
            with suppress(FileNotFoundError):
                added = path.stat().st_mtime
                if _DIGEST.fullmatch(path.name):
                    if added < before:
                        found.append(path.name)
                elif added < min(before, abandoned):
                    path.unlink()  # a copy that was broken off
        return found

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise NotFound
        return self._folder / digest[:2] / digest


class Spool:
    """Takes streams in: each into a file of its own, no longer than allowed."""

    def __init__(self, folder: Path, *, room: Callable[[], None] = lambda: None) -> None:
        """`room` raises DiskFull while nothing more can be taken in."""
        self._folder = folder
        self._room = room

    async def take(self, chunks: AsyncIterator[bytes], *, limit: int) -> Spooled:
        """All that comes, at most `limit` bytes; `drop` it afterwards. Raises TooLarge."""
        writer = await self.writer(limit=limit)
        try:
            async for chunk in chunks:
                await writer.write(chunk)
            return await writer.finish()
        except BaseException:
            await writer.abandon()
            raise

    async def writer(self, *, limit: int) -> SpoolWriter:
        """A file to write into. Raises DiskFull."""
        self._room()
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True, mode=0o700)
        return SpoolWriter(self._folder / uuid4().hex, limit=limit)

    async def empty(self) -> None:
        """Remove what a dead process left unfinished; nothing is being taken in yet."""
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


class SpoolWriter:
    """One stream on its way into a file."""

    def __init__(self, path: Path, *, limit: int) -> None:
        self._path = path
        self._limit = limit
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._size

    async def write(self, chunk: bytes) -> None:
        """The next piece. Raises TooLarge."""
        self._size += len(chunk)
        if self._size > self._limit:
            raise TooLarge(self._limit)
        await asyncio.to_thread(self._write, chunk)

    async def finish(self) -> Spooled:
        """That was all."""
        self._file.close()
        return Spooled(path=self._path, digest=self._hash.hexdigest(), size=self._size)

    async def abandon(self) -> None:
        """It is not wanted any more; safe twice."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self._hash.update(chunk)


async def drop(spooled: Spooled) -> None:
    """Its file is not needed any more."""
    await asyncio.to_thread(spooled.path.unlink, missing_ok=True)
