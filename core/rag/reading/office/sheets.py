"""Reads sheets: questions with answers by row, else tables with the names of their columns."""

from __future__ import annotations

import datetime
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, Warned, article_id, count
from core.rag.reading.office.archive import Archive
from core.rag.reading.tables.rows import Row, for_customers, reading_of, unstacked
from core.rag.reading.text.columns import named_columns
from core.rag.reading.text.grid import written

MOST_ROWS = 100_000
MOST_COLUMNS = 200
MOST_MERGED = 500_000  #: cells of a workbook
_MERGED = re.compile(
    rb"""<(?:\w{1,20}:)?mergeCell\s[^<>]{0,100}?\bref\s?=\s?["']"""
    rb"""\$?([A-Za-z]{1,3})\$?(\d{1,7}):\$?([A-Za-z]{1,3})\$?(\d{1,7})["']"""
)
_CURRENCY = re.compile(r"\[\$([^\]\-]{1,12})[^\]]{0,40}\]|([$€£¥₩₽₹])")
_QUOTED = re.compile(r'"([^"]*)"')


@dataclass(slots=True, kw_only=True)
class Sheet:
    """One sheet as people see it."""

    name: str
    rows: Sequence[Row]
    dropped: Counter[str] = field(default_factory=Counter)
    warnings: list[Warned] = field(default_factory=list)


def read_xlsx(path: Path, raw: bytes) -> Reading:
    """The articles of a workbook."""
    import openpyxl

    archive = Archive(raw)
    pages = [archive.read(name) for name in archive.names if "worksheets/" in name]
    if sum(map(_merged_cells, pages)) > MOST_MERGED:
        raise ValueError("more of its cells are merged than are read of a file")
    computes = any(b"<f" in page for page in pages)
    book = openpyxl.load_workbook(io.BytesIO(raw), data_only=True)
    formulas = openpyxl.load_workbook(io.BytesIO(raw)) if computes else None
    sheets: list[Sheet] = []
    dropped: Counter[str] = Counter()
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            dropped["hidden sheets"] += sum(
                count(str(cell.value))
                for _, row in _cells_by_row(sheet)
                for cell in row
                if cell is not None and cell.value is not None
            )
            continue
        sheets.append(_sheet(sheet, formulas[sheet.title] if formulas is not None else None))
    return reading_of_sheets(sheets, path=path, dropped=dropped)


def reading_of_sheets(
    sheets: Sequence[Sheet], *, path: Path, dropped: Counter[str] | None = None
) -> Reading:
    """The articles of all these sheets."""
    articles: list[Article] = []
    gone: Counter[str] = dropped if dropped is not None else Counter()
    warnings: list[Warned] = []
    characters = sum(gone.values())
    for sheet in sheets:
        cells = [row.cells for row in sheet.rows]
        gone.update(sheet.dropped)
        characters += sum(sheet.dropped.values())
        warnings += sheet.warnings
        if not any(map(any, cells)):
            continue
        if named_columns([row for row in cells if any(row)]).asks or unstacked(sheet.rows):
            found = reading_of(sheet.rows, path=path, place=sheet.name)
            articles += found.articles
            gone.update(found.dropped)
            warnings += found.warnings
            characters += found.characters
            continue
        alone = len(sheets) == 1
        rows, withheld, problems = for_customers(sheet.rows)
        gone.update(withheld)
        characters += sum(withheld.values())
        warnings += problems
        cells = [row.cells for row in rows]
        text = as_text(cells)
        articles.append(
            Article(
                id=article_id(path.stem, f"{path.resolve()}\x1f{sheet.name}"),
                title=path.stem if alone else f"{path.stem}: {sheet.name}",
                text=text,
                locale="",
                source=str(path),
                place=sheet.name,
            )
        )
        characters += sum(count(cell) for row in cells for cell in row)
    return Reading(articles=articles, characters=characters, dropped=gone, warnings=warnings)


def as_text(rows: Sequence[Sequence[str]]) -> str:
    """The tables of a sheet, which empty rows part, and the lines between them."""
    parts: list[str] = []
    block: list[Sequence[str]] = []
    for cells in [*rows, ()]:
        if any(cells):
            block.append(cells)
            continue
        parts += _block(block)
        block = []
    return "\n\n".join(part for part in parts if part)


def _block(block: list[Sequence[str]]) -> list[str]:
    parts: list[str] = []
    while block and sum(map(bool, block[0])) == 1:
        said = next(filter(None, block.pop(0)))
        parts.append(f"## {said}" if block and len(said) <= 80 else said)
    if not block:
        return parts
    used = [c for c in range(max(map(len, block))) if any(len(r) > c and r[c] for r in block)]
    table = [[row[c] if c < len(row) else "" for c in used] for row in block]
    named = len(table) > 1 and sum(map(bool, table[0])) > 1
    text = written(table[0], table[1:]) if named else written((), table).replace("\n", "\n\n")
    return [*parts, text]


def _sheet(sheet: Any, formulas: Any | None) -> Sheet:
    found = Sheet(name=sheet.title, rows=[])
    rows: list[Row] = []
    filled = _merged(sheet)
    closed = {
        column
        for letter, shape in sheet.column_dimensions.items()
        if shape.hidden
        for column in range(shape.min or 0, min((shape.max or 0), MOST_COLUMNS) + 1)
    }
    uncounted = 0
    before = 0
    for number, row in _cells_by_row(sheet):
        if before and number > before + 1:
            rows.append(Row(number=before + 1, cells=[]))  # what is empty parts two tables
        before = number
        shape = sheet.row_dimensions.get(number)
        hidden = shape is not None and (shape.hidden or shape.height == 0)
        cells: list[str] = []
        for cell in row:
            if cell is None:
                cells.append("")
                continue
            value = filled.get((cell.row, cell.column), cell.value)
            said = shown(value, cell.number_format)
            if said and (hidden or cell.column in closed):
                found.dropped["hidden rows and columns"] += count(said)
                said = ""
            link = getattr(cell, "hyperlink", None)
            where = link.target if said and link is not None else ""
            if (
                where
                and str(where).startswith(("http://", "https://", "mailto:"))
                and said != where
            ):
                said = f"[{said}]({where})"
            if cell.value is None and formulas is not None:
                uncounted += str(formulas.cell(cell.row, cell.column).value or "").startswith("=")
            cells.append(said)
        if not hidden:
            rows.append(Row(number=number, cells=cells))
    if uncounted:
        what = f"{uncounted} formulas have no value; open and save it in a spreadsheet program"
        found.warnings.append(Warned(what=f"{sheet.title}: {what}"))
    if sheet.max_row > MOST_ROWS:
        found.warnings.append(Warned(what=f"{sheet.title}: only {MOST_ROWS:,} rows are read"))
    found.rows = rows
    return found


def _cells_by_row(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """The cells of each row that has any, with None where there is none, up to its last one.

    Not `iter_rows`: it makes a cell of every place, and one cell in the last corner of a sheet of
    5 kB is seventeen thousand million places.
    """
    by_row: dict[int, dict[int, Any]] = {}
    for (row, column), cell in sheet._cells.items():  # noqa: SLF001 - there is no other way
        if row <= MOST_ROWS and column <= MOST_COLUMNS:
            by_row.setdefault(row, {})[column] = cell
    for number in sorted(by_row):
        own = by_row[number]
        yield number, [own.get(column) for column in range(1, max(own) + 1)]


def _merged_cells(page: bytes) -> int:
    """How many cells a sheet's file says are merged; its reader makes an object of each."""
    return sum(
        (abs(int(match[4]) - int(match[2])) + 1) * (abs(_column(match[3]) - _column(match[1])) + 1)
        for match in _MERGED.finditer(page)
    )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _merged(sheet: Any) -> dict[tuple[int, int], Any]:
    """What cells that are merged with the one above them show."""
    filled: dict[tuple[int, int], Any] = {}
    for span in list(sheet.merged_cells.ranges)[:2000]:
        value = sheet.cell(span.min_row, span.min_col).value
        for row in range(span.min_row + 1, min(span.max_row, span.min_row + 1000) + 1):
            filled[row, span.min_col] = value
    return filled


def shown(value: Any, form: str = "General") -> str:
    """A cell's value as the sheet shows it, or nearly."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        timed = "h" in form.lower() or value.time() != datetime.time()
        return value.strftime("%Y-%m-%d %H:%M" if timed else "%Y-%m-%d")
    if isinstance(value, datetime.time):
        return value.strftime("%H:%M")
    if isinstance(value, int | float):
        return _number(value, form)
    # Lines of a cell stay lines.
    return "\n".join(" ".join(line.split()) for line in str(value).split("\n")).strip()


def _number(value: float, form: str) -> str:
    form = form.split(";")[0]
    bare = _QUOTED.sub("", _CURRENCY.sub("", form))
    decimals = len(bare.partition(".")[2]) - len(bare.partition(".")[2].lstrip("0"))
    percent = "%" in bare
    amount = value * 100 if percent else value
    if form in ("General", "@", ""):
        return str(int(value)) if float(value).is_integer() else f"{value:.10g}"
    said = f"{amount:,.{decimals}f}" if "," in bare else f"{amount:.{decimals}f}"
    if percent:
        return f"{said}%"
    sign = _CURRENCY.search(form)
    quoted = _QUOTED.search(form)
    unit = (sign[1] or sign[2]).strip() if sign else quoted[1].strip() if quoted else ""
    if not unit:
        return said
    place = sign.start() if sign else quoted.start() if quoted else 0
    before = place < next((i for i, c in enumerate(form) if c in "0#"), 0)
    return f"{unit}{said}" if before else f"{said} {unit}"
