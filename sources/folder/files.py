"""Walks through the files of a folder, those that are meant for people."""

from __future__ import annotations

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

MOST_FILES = 100_000
#: What lies in folders and is not read, whatever reads.
_SILENT = frozenset(
    {".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".ico", ".bmp", ".css", ".js", ".map",
     ".woff", ".woff2", ".ttf", ".otf", ".eot", ".mp3", ".mp4", ".mov", ".wav", ".avi", ".zip",
     ".gz", ".tar", ".exe", ".dll", ".so", ".py", ".pyc", ".toml", ".yml", ".yaml", ".lock",
     ".ini", ".cfg", ".sh"}
)  # fmt: skip


class NoFile(OSError):
    """This is no file that is read."""


def files_in(folder: Path, patterns: Sequence[str]) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Each file's path below the folder ("faq/a.md"), itself, and its state; in order.

    Hidden ones and links are left out: what a link leads to lies in the folder, or is not of it.
    Raises OSError for a folder that cannot be listed: what lies in it would count as gone.
    """
    for path in sorted(_below(folder)):
        below = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in Path(below).parts):
            continue
        if path.suffix.lower() in _SILENT or not _matches(below, patterns):
            continue
        state = path.lstat()
        if stat.S_ISREG(state.st_mode):
            yield below, path, state


def content_of(path: Path, largest: int) -> bytes:
    """The bytes of a file. Raises NoFile, OSError; a link put in its place is not followed."""
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(opened, "rb") as file:
        state = os.fstat(opened)
        if not stat.S_ISREG(state.st_mode):
            raise NoFile("this is no file")
        if state.st_size > largest:
            raise NoFile(f"is larger than {largest // 1_000_000} MB")
        return file.read(largest + 1)


def _below(folder: Path) -> Iterator[Path]:
    def failed(error: OSError) -> None:
        raise error

    count = 0
    for root, folders, names in os.walk(folder, onerror=failed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            count += 1
            if count > MOST_FILES:
                raise NoFile(f"there are more than {MOST_FILES} files")
            yield Path(root) / name


def _matches(below: str, patterns: Sequence[str]) -> bool:
    name = below.rpartition("/")[2]
    return not patterns or any(
        fnmatch.fnmatchcase(below, one) or fnmatch.fnmatchcase(name, one) for one in patterns
    )
