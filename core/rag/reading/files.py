"""Finds the files to read, and reads their bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.rag.domain.errors import UnreadableDocument

MAX_BYTES = 50_000_000
NOT_OF_PEOPLE = frozenset({"thumbs.db", "desktop.ini", "license", "makefile", "robots.txt"})
_NO_TEXT = frozenset(
    {
        ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".ico", ".bmp", ".css", ".js", ".map",
        ".woff", ".woff2", ".ttf", ".otf", ".eot", ".mp3", ".mp4", ".mov", ".wav", ".avi",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The files that some paths hold."""

    files: Sequence[Path]  #: to read, sorted, no repeats
    skipped: Sequence[Path]  #: in a folder, of a kind that is not read
    left_out: Sequence[Path]  #: links that lead out of the folder they lie in


def selected(paths: Sequence[Path], kinds: Collection[str]) -> Selection:
    """The files of these kinds, folders searched for them.

    What is hidden in a folder (`.git`, `.draft.md`) was not meant for customers; named, it is read.
    Links in a folder are not followed: what they lead to lies in it, or is not of it.
    """
    found: dict[Path, None] = {}
    skipped: dict[Path, None] = {}
    left_out: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found[path.resolve() if path.is_symlink() else path] = None
            continue
        for entry in _inside(path):
            if entry.is_symlink():
                if not entry.resolve().is_relative_to(path.resolve()):
                    left_out.append(entry)
            elif entry.is_file():
                known = entry.suffix.lower() in kinds
                (found if known else skipped)[entry] = None
    return Selection(files=list(found), skipped=list(skipped), left_out=left_out)


def is_text_of_people(path: Path) -> bool:
    """Whether a file of a kind that is not read may have held text: no picture, no program."""
    return path.suffix.lower() not in _NO_TEXT and path.name.lower() not in NOT_OF_PEOPLE


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder and is shown: files, and links of any kind."""
    found: list[Path] = []
    for name, folders, files in os.walk(folder):
        place = Path(name)
        found += [e for e in (place / f for f in folders) if e.is_symlink()]
        found += (place / f for f in files if not f.startswith("~$"))
    return sorted(p for p in found if not _is_hidden(p.relative_to(folder)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def bytes_of(path: Path) -> bytes:
    """The file's bytes. Raises UnreadableDocument for what is no file or too large, OSError.

    A link that has been put in the file's place meanwhile is not followed either, and a pipe is
    not waited for.
    """
    opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(opened, "rb") as file:
        about = os.fstat(opened)
        if not stat.S_ISREG(about.st_mode):
            raise UnreadableDocument(str(path), "this is no file")
        if about.st_size > MAX_BYTES:
            raise UnreadableDocument(str(path), f"larger than {MAX_BYTES // 1_000_000} MB")
        return file.read(MAX_BYTES + 1)
