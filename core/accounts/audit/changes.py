"""An audit entry's before and after as lines that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.accounts.audit.log import Entry

LONGEST = 160  #: characters of one value; the download has all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One field of an entry; "" where it was not there, or is not any more."""

    name: str
    before: str
    after: str


def changes(entry: Entry) -> Sequence[Changed]:
    """Every field that the entry names, those that are no longer there first."""
    names = dict.fromkeys((*entry.before, *entry.after))
    return [
        Changed(name=name, before=_said(entry.before.get(name)), after=_said(entry.after.get(name)))
        for name in names
    ]


def is_moment(value: str) -> bool:
    """Whether a value is a date with its time, which a page shows in its reader's zone."""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return "T" in value


def _said(value: object) -> str:
    """The value in one line."""
    match value:
        case None | "":
            said = ""
        case bool():
            said = "✓" if value else "–"
        case Mapping():
            said = ", ".join(f"{key}: {_said(one)}" for key, one in value.items())
        case list() | tuple():
            said = ", ".join(map(_said, value))
        case _:
            said = str(value)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"
