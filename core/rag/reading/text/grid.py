"""A table as a grid of texts, written as a Markdown table or as lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

MOST_COLUMNS = 60


def written(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; without a header its rows are lines: "A: B", or "A | B | C"."""
    body = [list(map(_cell, row)) for row in rows]
    body = [row for row in body if any(row)]
    if not any(header):
        return "\n".join(map(_line, body))
    wide = max([len(header), *map(len, body)])
    lines = [_row(header, wide), "|" + " --- |" * wide, *(_row(row, wide) for row in body)]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split())


def _row(cells: Sequence[str], wide: int) -> str:
    filled = [*cells, *[""] * (wide - len(cells))]
    return "| " + " | ".join(_cell(cell).replace("|", "\\|") for cell in filled) + " |"


def _line(cells: Sequence[str]) -> str:
    said = [cell for cell in cells if cell]
    return (": " if len(cells) == 2 else " | ").join(said)
