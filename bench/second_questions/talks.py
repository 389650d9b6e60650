"""Reads the files of second questions; their shape is in README.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
KINDS = (
    "change",
    "follow_up",
    "other_thing",
    "after_thanks",
    "after_resolve",
    "two_in_one",
    "waiting",
    "reworded",
    "neighbour",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A row of what the company has written down."""

    id: str
    question: str
    answer: str
    taught: tuple[str, ...] = ()  #: how else it was asked, learned from people's answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation, and what answers its last message."""

    kind: str
    steps: tuple[str, ...]  #: messages, and acts in brackets
    wanted: tuple[frozenset[str], ...]  #: for each thing asked the ids that answer it; none: waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """One file."""

    name: str
    locale: str
    known: Sequence[Known]
    talks: Sequence[Talk]


def companies(folder: Path = FOLDER) -> list[Company]:
    """All files of the folder. Raises ValueError for a line of another shape."""
    return [company_of(path) for path in sorted(folder.glob("*.*.txt"))]


def company_of(path: Path) -> Company:
    """One file, read."""
    name, locale = path.name.split(".")[:2]
    known: list[Known] = []
    talks: list[Talk] = []
    part = ""
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith(("//", "# ")):
            continue
        if line.startswith("##"):
            part = line.removeprefix("##").strip()
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 3 or not all(fields) or part not in ("known", "talks"):
            raise ValueError(f"{path.name}, line {number}: three fields are wanted")
        if part == "known":
            known.append(Known(id=fields[0], question=fields[1], answer=fields[2]))
        else:
            talks.append(_talk(fields, {row.id for row in known}, where=f"{path.name}, {number}"))
    return Company(name=name, locale=locale, known=known, talks=talks)


def _talk(fields: Sequence[str], ids: set[str], *, where: str) -> Talk:
    kind, said, wanted = fields
    if kind not in KINDS:
        raise ValueError(f"{where}: there is no kind {kind}")
    parts = tuple(
        frozenset(one.strip() for one in part.split("/")) - {"-"} for part in wanted.split("+")
    )
    if unknown := frozenset().union(*parts) - ids:
        raise ValueError(f"{where}: nothing known is called {', '.join(sorted(unknown))}")
    steps = tuple(step.strip().replace("\\n", "\n") for step in said.split(">>"))
    return Talk(kind=kind, steps=steps, wanted=parts)
