"""The audit as files for other programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict

import orjson

from core.accounts.audit import Entry

COLUMNS = ("n", "at", "who", "what", "subject", "before", "after", "address")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(entries: Sequence[Entry]) -> str:
    """One line an entry; what a spreadsheet would take for a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([_cell(getattr(entry, name)) for name in COLUMNS])
    return out.getvalue()


def as_json(entries: Sequence[Entry]) -> str:
    """A list of entries, newest first."""
    return orjson.dumps([asdict(entry) for entry in entries], option=orjson.OPT_INDENT_2).decode()


def _cell(value: object) -> str:
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    if text == "{}":
        return ""
    return f"'{text}" if text.startswith(_FORMULA) else text
