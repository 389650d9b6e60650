"""The file of a backup: a compressed tar of BSON, files and a manifest, encrypted if a key is set.

Without a key it is a plain `.tar.gz`: `collections/NAME/NUMBER.bson` as MongoDB's own tools write
it, `attachments/DIGEST`, `files/PATH` of the data directory, and `manifest.json`, which comes last,
so that a file without one is one that was broken off.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, BinaryIO, cast

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from core.backup.sealing import MAGIC, SealedReader, SealingWriter
from core.errors import BadInput

FORMAT = 1  #: of the archive; a reader refuses a larger one
MANIFEST = "manifest.json"
COLLECTIONS = "collections"
ATTACHMENTS = "attachments"
FILES = "files"
COMPRESSION = 3  #: of zlib: near the best size at a third of its time
GZIP = b"\x1f\x8b"
LONGEST_HEADER = 64_000  #: bytes of a member's extended header: ours hold a path
LONGEST_MANIFEST = 1_000_000  #: bytes
_KINDS = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.XHDTYPE)


class Unreadable(BadInput):
    """This file is no backup, or not a whole one."""


class Manifest(BaseModel):
    """The account that a backup gives of itself."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    format: int = Field(strict=True, ge=1)
    release: str = Field(default="", max_length=100)
    as_of: str = Field(default="", max_length=100)
    documents: dict[str, NonNegativeInt] = Field(default_factory=dict)  #: by collection
    attachments: NonNegativeInt = 0


class _NewerManifest(BaseModel):
    """The part of a manifest that every release writes alike."""

    model_config = ConfigDict(extra="ignore")
    format: int = Field(strict=True, gt=FORMAT)
    release: str = Field(default="", max_length=100)


class _Member(tarfile.TarInfo):
    """A member's header, refused where it is none of ours.

    tarfile reads an extended header, whose length is the writer's to choose, into memory, and makes
    zeros of the holes of a sparse file.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        """See `tarfile.TarInfo.frombuf`. Raises Unreadable."""
        found = super().frombuf(buf, encoding, errors)
        if found.type not in _KINDS or (
            found.type == tarfile.XHDTYPE and found.size > LONGEST_HEADER
        ):
            raise _strange()
        return found


class ArchiveWriter:
    """Writes an archive beside its place, and moves it there when it is whole and on disk.

    Its methods block; `close` without `finish` leaves nothing behind.
    """

    def __init__(self, path: Path, *, key: str) -> None:
        """Raises OSError; FileExistsError where something lies in its place already."""
        if path.exists():
            raise FileExistsError(path)
        self._path = path
        self._draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
        self._file = self._draft.open("xb")
        self._draft.chmod(0o600)
        self._sealing = SealingWriter(self._file, key) if key else None
        into = cast("IO[bytes]", self._sealing or self._file)
        # Not tarfile's own: it never looks at the checksum.
        self._packed = gzip.GzipFile("", "wb", COMPRESSION, into, mtime=0)
        self._tar = tarfile.open(  # noqa: SIM115 - closed by finish and close
            fileobj=self._packed, mode="w|", format=tarfile.PAX_FORMAT
        )

    def add(self, name: str, content: bytes) -> None:
        """One member."""
        self.add_stream(name, io.BytesIO(content), size=len(content))

    def add_stream(self, name: str, stream: IO[bytes], *, size: int) -> None:
        """One member of exactly this size. Raises OSError where the stream is shorter."""
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._tar.addfile(member, stream)

    def finish(self, manifest: Mapping[str, Any]) -> int:
        """Write the manifest, and the file is there, whole and synced; its size in bytes."""
        self.add(MANIFEST, json.dumps({"format": FORMAT, **manifest}, indent=1).encode())
        self._tar.close()
        self._packed.close()
        if self._sealing is not None:
            self._sealing.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        # Another one may have been put there meanwhile, and is not ours to replace.
        os.link(self._draft, self._path)
        self._draft.unlink()
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return size

    def close(self) -> None:
        """Let go of everything; what was not finished is removed. Safe twice."""
        with contextlib.suppress(OSError, ValueError, tarfile.TarError):
            self._tar.close()
            self._packed.close()
        self._file.close()
        self._draft.unlink(missing_ok=True)


class ArchiveReader:
    """Reads an archive from its beginning to its end, once; its methods block."""

    def __init__(self, path: Path, *, key: str) -> None:
        """Raises Unreadable, WrongKey, OSError."""
        self._file: BinaryIO = path.open("rb")
        self._manifest: Manifest | None = None
        try:
            self._tar = self._opened(key)
        except BaseException:
            self._file.close()
            raise

    def _opened(self, key: str) -> tarfile.TarFile:
        begins = self._file.read(len(MAGIC))
        source: IO[bytes] = self._file
        if begins == MAGIC:
            if not key:
                raise Unreadable("This backup is encrypted; set BACKUP_KEY to its key.")
            source = cast("IO[bytes]", SealedReader(self._file, key))
        elif begins.startswith(GZIP):
            if key:
                # Whoever can write where backups lie would only have to leave the key out.
                raise Unreadable(
                    "This backup is not encrypted, so anybody may have made or changed it, but"
                    " BACKUP_KEY is set. If you know it to be yours, restore it without BACKUP_KEY."
                )
            self._file.seek(0)
        else:
            raise Unreadable("This file is no backup of ours.")
        with whole():
            self._packed = gzip.GzipFile("", "rb", fileobj=source)
            return tarfile.open(fileobj=self._packed, mode="r|", tarinfo=_Member)

    @property
    def manifest(self) -> Manifest:
        """What it says of itself; known after the last of its members."""
        assert self._manifest is not None
        return self._manifest

    def members(self) -> Iterator[tuple[PurePosixPath, IO[bytes], int]]:
        """Every member but the manifest, each to be read before the next one is asked for.

        Each is a path, its content, and how many bytes of content its header promises. After the
        last one `manifest` is known. Raises Unreadable, WrongKey. Reading a member may meet the
        same damage, so do that inside `whole`.
        """
        with whole():
            for member in self._tar:
                content = self._tar.extractfile(member)
                path = PurePosixPath(member.name)
                if content is None or path.is_absolute() or ".." in path.parts:
                    raise _strange()
                if self._manifest is not None or member.issparse() or "\0" in member.name:
                    raise _strange()
                if member.name != MANIFEST:
                    yield path, content, member.size
                elif member.size > LONGEST_MANIFEST:
                    raise Unreadable("This file is no backup of ours.")
                else:
                    self._manifest = _manifest(content.read())
            # The checksum stands behind the last byte.
            while self._packed.read(1 << 20):
                pass
        if self._manifest is None:
            raise Unreadable("This backup was broken off: its end is missing.")

    def __enter__(self) -> ArchiveReader:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._file.close()


def read_manifest(path: Path, *, key: str) -> Manifest:
    """What a backup says of itself, the whole of it having been read and found sound.

    Raises Unreadable, WrongKey, OSError.
    """
    with whole(), ArchiveReader(path, key=key) as archive:
        for _, content, _size in archive.members():
            while content.read(1 << 20):
                pass
        return archive.manifest


def _manifest(said: bytes) -> Manifest:
    """Raises Unreadable for what is no manifest, or that of a newer release."""
    try:
        newer = _NewerManifest.model_validate_json(said)
    except ValueError:
        try:
            return Manifest.model_validate_json(said)
        except ValueError as error:
            raise Unreadable("This file is no backup of ours.") from error
    raise Unreadable(
        f"This backup was made by a newer release; restore it with {newer.release or 'that'}."
    )


def _strange() -> Unreadable:
    return Unreadable("There is something in this backup that we never put there.")


@contextlib.contextmanager
def whole() -> Iterator[None]:
    """What breaks off or is damaged is one error."""
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError) as error:
        raise Unreadable("This backup is damaged, or was broken off.") from error
