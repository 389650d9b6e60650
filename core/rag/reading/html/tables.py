"""The tables of a page: what is in each row, under which header."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bs4.element import Tag

from core.rag.reading.text.grid import MOST_COLUMNS

MOST_ROWS_SPANNED = 500
NAME_CHARS = 40  #: of the name of a column


@dataclass(slots=True)
class Cell:
    """One cell of the grid."""

    text: str
    heads: bool  #: it is a `th`
    spans: int  #: the columns of the cell it belongs to


def grid_of(
    rows: Sequence[Tag], seen_of: Callable[[Tag], Sequence[Tag]], said: Callable[[Tag], str]
) -> list[list[Cell]]:
    """The cells of each row, one that spans several standing in each of them."""
    grid: list[list[Cell]] = []
    hanging: dict[int, tuple[int, Cell]] = {}  # by column: rows it still reaches into
    for row in rows:
        line: list[Cell] = []

        def hang(line: list[Cell] = line) -> None:
            while len(line) in hanging:
                left, cell = hanging.pop(len(line))
                if left > 1:
                    hanging[len(line)] = left - 1, cell
                line.append(cell)

        for tag in seen_of(row):
            hang()
            wide = _number(tag.get("colspan"), MOST_COLUMNS)
            high = _number(tag.get("rowspan"), MOST_ROWS_SPANNED)
            cell = Cell(said(tag), tag.name == "th" or _is_bold(tag), wide)
            for _ in range(wide):
                if len(line) >= MOST_COLUMNS:
                    break
                if high > 1:
                    hanging[len(line)] = high - 1, cell
                line.append(cell)
        hang()
        if line:
            grid.append(line)
    return grid


def may_be_names(grid: Sequence[Sequence[Cell]]) -> bool:
    """Whether the first row may name the columns: short words in each cell, and rows below."""
    if len(grid) < 3 or len(grid[0]) < 2:
        return False
    names = [cell.text for cell in grid[0]]
    return all(
        name and len(name) <= NAME_CHARS and not any(c.isdigit() for c in name)
        for name in names
    ) and len(set(names)) == len(names)  # fmt: skip


def split_header(grid: Sequence[Sequence[Cell]], heads: int) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and the rows; `heads` rows stand in a `thead`.

    A row of one cell that spans all others names what stands under it: its words go before the
    first cell of each of these rows.
    """
    if not heads and len(grid) > 1 and all(c.heads for c in grid[0]) and len(grid[0]) > 1:
        heads = 1
        while heads < len(grid) - 1 and all(c.heads for c in grid[heads]):
            heads += 1
    wide = max(map(len, grid), default=0)
    header: list[str] = []
    for column in range(wide if heads else 0):
        names = dict.fromkeys(
            row[column].text for row in grid[:heads] if column < len(row) and row[column].text
        )
        header.append(" › ".join(names))
    rows: list[list[str]] = []
    group, waits = "", False  # a group under which no row has come yet
    for row in grid[heads:]:
        if len(row) > 1 and row[0].spans >= wide:
            if waits:
                rows.append([group])
            group, waits = row[0].text, bool(row[0].text)
            continue
        waits = False
        texts = [
            cell.text if place == 0 or cell is not row[place - 1] else ""
            for place, cell in enumerate(row)
        ]
        rows.append([f"{group} – {texts[0]}" if group else texts[0], *texts[1:]])
    if waits:
        rows.append([group])
    return header, rows


def cells_of(row: Tag) -> list[Tag]:
    """The cells of a row."""
    return row.find_all(["td", "th"], recursive=False)


def between(row: Tag, table: Tag) -> list[Tag]:
    """The row and what it stands in, inside the table."""
    parents = [row]
    for parent in row.parents:
        if parent is table:
            break
        parents.append(parent)
    return parents


def _number(value: object, most: int) -> int:
    try:
        return max(1, min(int(str(value or 1)), most))
    except ValueError:
        return 1


def _is_bold(cell: Tag) -> bool:
    """Whether all that it says is in bold letters."""
    bold = sum(len(tag.get_text(strip=True)) for tag in cell.find_all(["b", "strong"]))
    return 0 < len(cell.get_text(strip=True)) <= bold
