"""The outcome of an addition: articles by their fate, files by what was read of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from core.rag.domain.reading_outcome import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A file that could not be taken in, and why."""

    source: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRead:
    """The characters read and kept of a file, and its warnings."""

    source: str
    characters: int  #: without white space
    kept: int
    dropped: Mapping[str, int]  #: characters by why they were left out
    warnings: tuple[str, ...]  #: each with its row, where it has one

    @classmethod
    def of(cls, file: str, reading: Reading) -> FileRead:
        """From what its reader gave."""
        return cls(
            source=file,
            characters=reading.characters,
            kept=reading.kept,
            dropped={why: n for why, n in reading.dropped.items() if n},
            warnings=tuple(map(str, reading.warnings)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The outcome of an addition; ids of articles."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()  #: stood in the file or folder before and do not any more
    kept: tuple[str, ...] = ()  #: likewise, and stay, as was asked for
    moved: tuple[str, ...] = ()  #: "old → new" of files that lie elsewhere now
    collisions: tuple[str, ...] = ()  #: two that want one id, in words
    failed: tuple[Failure, ...] = ()
    files: tuple[FileRead, ...] = ()  #: each file that was read
    skipped: tuple[str, ...] = ()  #: files of a kind that is not read
    left_out: tuple[str, ...] = ()  #: links that lead out of the folder they lie in
    before: Mapping[str, str] = field(default_factory=dict)  #: digests of what is gone or changed
    after: Mapping[str, str] = field(default_factory=dict)  #: digests of what is new or changed

    def __add__(self, other: Taken) -> Taken:
        joined: dict[str, Any] = {}
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            joined[one.name] = {**mine, **theirs} if isinstance(mine, Mapping) else mine + theirs
        return Taken(**joined)
