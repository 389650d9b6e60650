"""Exports the audit as CSV and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import orjson

from core.accounts.audit.log import Entry
from core.runtime.csv_export import rows_as_csv

COLUMNS = ("n", "at", "who", "what", "subject", "before", "after", "address")


def as_csv(entries: Sequence[Entry]) -> str:
    """One line an entry; what a spreadsheet would take for a formula is quoted."""
    lines = ([_plain(getattr(entry, name)) for name in COLUMNS] for entry in entries)
    return rows_as_csv([COLUMNS, *lines])


def as_json(entries: Sequence[Entry]) -> str:
    """A list of entries, newest first."""
    return orjson.dumps([asdict(entry) for entry in entries], option=orjson.OPT_INDENT_2).decode()


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return orjson.dumps(value).decode() if value else ""
    return value
