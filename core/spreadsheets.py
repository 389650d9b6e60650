"""Tables for spreadsheets, in which nothing that people wrote becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> object:
    """The value; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    begins = value.lstrip(" ").startswith(_FORMULA)
    return f"'{value}" if begins else value


def rows_as_csv(rows: Iterable[Iterable[object]]) -> str:
    """One line a row; None is an empty cell."""
    out = io.StringIO()
    csv.writer(out).writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()
