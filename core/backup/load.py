"""Puts an archive into an empty store and an empty data directory."""

from __future__ import annotations

import asyncio
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from core.attachments.blobs import BlobStore, Spool, drop
from core.backup.archive import ATTACHMENTS, COLLECTIONS, FILES, ArchiveReader, Unreadable, whole
from core.backup.dump import FILES_KEPT, LOG, PART_BYTES
from core.errors import BadInput, SetupError
from core.storage.client import Database, unhurried
from core.storage.errors import store_errors
from core.storage.moment import RAW

BATCH = 500
CHUNK_BYTES = 1 << 20
IGNORED = {"lock", "lost+found"}  #: what an empty data directory may hold
SHORTEST = 5  #: bytes of a document in BSON
LONGEST_PART = PART_BYTES + (17 << 20)  #: bytes; a part ends with the document that fills it
_OURS = re.compile(r"[a-z][a-z0-9_]{0,63}")  #: the database's own begin with "system."
_LENGTH = struct.Struct("<i")


@dataclass(slots=True, kw_only=True)
class Loaded:
    """The contents of an archive that was restored, counted."""

    documents: dict[str, int] = field(default_factory=dict)
    attachments: int = 0
    files: int = 0
    heads: dict[str, int] = field(default_factory=dict)
    """The number of each conversation's last event in the log."""


def refuse_unless_empty(folder: Path) -> None:
    """Raises SetupError where something lies in this data directory already."""
    try:
        found = sorted(path.name for path in folder.iterdir() if path.name not in IGNORED)
    except FileNotFoundError:
        return
    except OSError as error:
        raise SetupError(f"{folder} cannot be read: {error.strerror}.") from error
    if found:
        raise SetupError(
            f"{folder} is not empty ({found[0]} is there): a backup is restored into an empty data"
            " directory only. Name another one with --data-dir, or move this one away."
        )


async def refuse_unless_unused(db: Database) -> None:
    """Raises SetupError where this database holds something already."""
    with store_errors():
        names = [
            name for name in await db.list_collection_names() if not name.startswith("system.")
        ]
        used = [name for name in names if await db[name].find_one({}) is not None]
    if used:
        raise SetupError(
            f"The database {db.name} is not empty ({used[0]} holds something): a backup is"
            " restored into an empty database only. Name another one in MONGODB_URI."
        )


async def load(
    path: Path,
    *,
    key: str,
    db: Database,
    data_dir: Path,
    blobs: BlobStore,
    spool: Spool,
    progress: Callable[[int], None],
) -> Loaded:
    """Everything in the archive, whose manifest the caller has read and found sound.

    Raises BadInput where a file cannot be written, StoreUnavailable.
    """
    made = Loaded()
    members = await asyncio.to_thread(ArchiveReader, path, key=key)
    with members:
        found = members.members()
        try:
            while member := await asyncio.to_thread(next, found, None):
                await _take(*member, made, db, data_dir, blobs, spool)
                progress(sum(made.documents.values()) + made.attachments)
        except OSError as error:
            raise BadInput(f"The backup cannot be restored: {error.strerror}.") from error
        said = members.manifest.documents
    if {name: count for name, count in said.items() if count} != made.documents:
        raise Unreadable("This backup does not hold the documents that it names.")
    return made


async def _take(
    path: PurePosixPath,
    content: IO[bytes],
    size: int,
    made: Loaded,
    db: Database,
    data_dir: Path,
    blobs: BlobStore,
    spool: Spool,
) -> None:
    match path.parts:
        case (kind, name, _) if kind == COLLECTIONS and _OURS.fullmatch(name):
            if size > LONGEST_PART:
                raise _damaged()
            with whole():
                packed = await asyncio.to_thread(content.read)
            await _insert(db, name, list(_documents(packed)), made)
        case (kind, digest) if kind == ATTACHMENTS:
            writer = await spool.writer(limit=1 << 62)
            with whole():
                while chunk := await asyncio.to_thread(content.read, CHUNK_BYTES):
                    await writer.write(chunk)
            spooled = await writer.finish()
            try:
                if spooled.digest != digest:
                    raise Unreadable(f"The attachment {digest} is damaged.")
                await blobs.add(spooled)
            finally:
                await drop(spooled)
            made.attachments += 1
        case (kind, *rest) if kind == FILES and rest and rest[0] in FILES_KEPT:
            # Never beside them: the store's own files lie in the same directory.
            with whole():
                await asyncio.to_thread(_write, data_dir.joinpath(*rest), content)
            made.files += 1
        case _:
            raise Unreadable("There is something in this backup that we never put there.")


async def _insert(db: Database, name: str, documents: list[bytes], made: Loaded) -> None:
    into = db.get_collection(name, codec_options=RAW)
    raw = _sound(documents)
    heads = _heads(raw) if name == LOG else {}
    for start in range(0, len(raw), BATCH):
        with store_errors(), unhurried():
            await into.insert_many(raw[start : start + BATCH], ordered=False)
    made.documents[name] = made.documents.get(name, 0) + len(raw)
    for conversation, last in heads.items():
        made.heads[conversation] = max(made.heads.get(conversation, 0), last)


def _sound(documents: list[bytes]) -> list[RawBSONDocument]:
    """The documents, each with its key. Raises Unreadable."""
    try:
        raw = [RawBSONDocument(document) for document in documents]
        if all("_id" in document for document in raw):
            return raw
    except BSONError as error:
        raise _damaged() from error
    raise _damaged()


def _heads(commits: list[RawBSONDocument]) -> dict[str, int]:
    """The number of each conversation's last event in these. Raises Unreadable."""
    heads: dict[str, int] = {}
    try:
        for commit in commits:
            last = commit.get("last", commit["n"] + len(commit["events"]) - 1)
            heads[str(commit["c"])] = max(heads.get(str(commit["c"]), 0), int(last))
    except (BSONError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise _damaged() from error
    return heads


def _documents(packed: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(packed):
        try:
            (length,) = _LENGTH.unpack_from(packed, start)
        except struct.error as error:
            raise _damaged() from error
        if not SHORTEST <= length <= len(packed) - start:
            raise _damaged()
        yield packed[start : start + length]
        start += length


def _damaged() -> Unreadable:
    return Unreadable("This backup is damaged, or was broken off.")


def _write(path: Path, content: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file, CHUNK_BYTES)


def behind(snapshots: dict[str, int], heads: dict[str, int]) -> dict[str, int]:
    """The conversations whose log goes further than what was made from it, with its last number.

    `snapshots` says up to which number each one was projected.
    """
    return {c: last for c, last in heads.items() if last > snapshots.get(c, 0)}
