"""CSV export in which no text becomes a spreadsheet formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

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


def numbers_as_csv(found: Mapping[str, object]) -> bytes:
    """Every value of a nested result, one a line, by its dotted name; read as UTF-8 by Excel."""
    return b"\xef\xbb\xbf" + rows_as_csv([("measure", "value"), *_flat(found, "")]).encode()


def _flat(node: object, name: str) -> Iterator[tuple[str, object]]:
    match node:
        case Mapping():
            for key, value in node.items():
                yield from _flat(value, f"{name}.{key}" if name else str(key))
        case list() | tuple():
            for n, value in enumerate(node):
                yield from _flat(value, f"{name}.{n}")
        case _:
            yield name, "" if node is None else node
