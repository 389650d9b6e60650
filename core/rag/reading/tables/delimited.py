"""Reads tables of separated values: comma, semicolon, tab, bar; whatever the file uses."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.rag.domain.reading_outcome import Reading, Warned
from core.rag.reading.tables.rows import Row, reading_of
from core.rag.reading.text.columns import Columns, named_columns
from core.rag.reading.text.encodings import decoded

SEPARATORS = (",", ";", "\t", "|")
SAMPLE = 200  #: records by which the separator is told
MOST_LINES = 300  #: of one record; a quote that stays open longer was never meant to be one
MOST_CELL = 1_000_000  #: characters
_TOLD = re.compile(r'\A"?sep=(.)"?[ \t]*(?:\r\n|\n|\r)', re.IGNORECASE)
_LINES = re.compile(r"\r\n|\n|\r")


def read(path: Path, raw: bytes) -> Reading:
    """The articles of a table in a text file."""
    found = decoded(raw)
    text, first, told = found.text.removeprefix("\ufeff"), 1, ""
    if mark := _TOLD.match(text):
        told, text, first = mark[1], text[mark.end() :], 2
    lines = _LINES.split(text)
    separator = told or _separator(lines, path)
    warnings: list[Warned] = []
    rows = list(_records(lines, separator, first=first, warnings=warnings))
    if found.broken:
        warnings.append(Warned(what=f"{found.broken} characters could not be decoded"))

    def repair(row: Row, columns: Columns) -> tuple[Row, str]:
        return _joined(row, columns, separator)

    return reading_of(rows, path=path, warnings=warnings, repair=repair)


def is_of_questions(text: str) -> bool:
    """Whether a text is a table of questions: its first line names the columns."""
    lines = [line for line in _LINES.split(text[:20_000]) if line.strip()]
    for separator in ("\t", ";", "|"):
        cells = [line.split(separator) for line in lines[:50]]
        if len(cells) > 1 and len(cells[0]) > 1 and named_columns(cells[:1]).asks:
            return all(len(row) >= len(cells[0]) for row in cells)
    return False


def _separator(lines: Sequence[str], path: Path) -> str:
    usual = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
    best, most = usual, (False, 0.0)
    for separator in sorted(SEPARATORS, key=lambda s: s != usual):
        rows = [
            row.cells
            for _, row in zip(
                range(SAMPLE), _records(lines, separator, first=1, warnings=[]), strict=False
            )
            if any(cell.strip() for cell in row.cells)
        ]
        if not rows:
            continue
        wide = max(set(map(len, rows)), key=[len(row) for row in rows].count)
        even = sum(len(row) == wide for row in rows) / len(rows) if wide > 1 else 0.0
        worth = named_columns(rows).asks, even + min(wide, 9) / 1000
        if worth > most:
            best, most = separator, worth
    return best


def _records(
    lines: Sequence[str], separator: str, *, first: int, warnings: list[Warned]
) -> Iterator[Row]:
    """Each record with the line it begins in."""
    csv.field_size_limit(MOST_CELL)
    at = 0
    while at < len(lines):
        end = at + 1
        is_open = _stays_open(lines[at], separator, is_open=False)
        while is_open and end < len(lines) and end - at < MOST_LINES:
            is_open = _stays_open(lines[end], separator, is_open=True)
            end += 1
        quoted = not is_open
        if is_open:
            end = at + 1
            what = "a quotation mark is never closed; the line is taken as it stands"
            warnings.append(Warned(what=what, row=first + at))
        record = io.StringIO("\n".join(lines[at:end]), newline="")
        try:
            # Without a quotation mark that means something, they stand for themselves.
            mark = '"' if quoted else None
            for cells in csv.reader(
                record,
                delimiter=separator,
                quotechar=mark,
                quoting=csv.QUOTE_MINIMAL if mark else csv.QUOTE_NONE,
            ):
                yield Row(number=first + at, cells=cells)
        except csv.Error as error:
            warnings.append(Warned(what=f"left out: {error}", row=first + at))
        at = end


def _stays_open(line: str, separator: str, *, is_open: bool) -> bool:
    """Whether a quoted cell goes on after this line, which began in one or not."""
    at = 0
    while True:
        if is_open:
            at = line.find('"', at)
            if at < 0:
                return True
            if line[at + 1 : at + 2] == '"':
                at += 2
                continue
            is_open = False
            at += 1
        # The next cell that begins with a quotation mark.
        elif line[at : at + 1] == '"' and (at == 0 or line[at - 1] == separator):
            is_open = True
            at += 1
        else:
            at = line.find(separator + '"', at)
            if at < 0:
                return False
            at += 1


def _joined(row: Row, columns: Columns, separator: str) -> tuple[Row, str]:
    """A row whose text holds separators without quotation marks around it.

    They belong to the question where it else would end before its question mark, else to the
    answer.
    """
    cells, spare = list(row.cells), len(row.cells) - len(columns.names)
    while spare and not cells[-1].strip():
        cells.pop()
        spare -= 1
    if not spare:
        return Row(number=row.number, cells=cells), "more cells than columns, all of them empty"
    asked = columns.of["question"]
    marked = (
        extra
        for extra, cell in enumerate(cells[asked : asked + spare + 1])
        if cell.rstrip().endswith(("?", "？"))
    )
    if extra := next(marked, 0):
        cells[asked : asked + extra + 1] = [separator.join(cells[asked : asked + extra + 1])]
        spare -= extra
    at = columns.of["answer"]
    if spare:
        cells[at : at + spare + 1] = [separator.join(cells[at : at + spare + 1])]
    what = f"more cells than columns; joined, as text with {separator!r} stands in no quotes"
    return Row(number=row.number, cells=cells), what
