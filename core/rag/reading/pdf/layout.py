"""The lines of a PDF's page in the order they are read, columns one after the other."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from core.rag.reading.pdf.ruled import Ruled
from core.rag.reading.pdf.words import Word

_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})[-\u00ad‐]$")
EDGE = 0.11  #: of a page's height, at its top and bottom, where running heads stand
APART = 1.9  #: of the letters' size from a running head to the text
GUTTER = 9.0  #: points between two columns, at least
WIDE_GAP = 1.6  #: of the letters' size between two cells of a table
LEAST_LINES = 4  #: beside one another, to be columns
LEAST_AGAIN = 2  #: likewise, where an earlier page was parted at the same place


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A part of a line that a wide gap parts from the next."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of text."""

    text: str
    left: float
    right: float
    top: float
    size: float
    bold: bool = False
    cells: tuple[Cell, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()  #: it is a whole table, with rules around its cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page with its lines in the order they are read."""

    width: float
    height: float
    lines: Sequence[Line] = field(default=())

    def edges(self) -> Iterator[tuple[bool, Line]]:
        """The lines at its top (True) and bottom that stand apart from the text between them."""
        lines = sorted((o for o in self.lines if not o.rows), key=lambda line: -line.top)
        top = [line for line in lines if line.top > self.height * (1 - EDGE)]
        bottom = [line for line in lines if line.top < self.height * EDGE]
        yield from ((True, line) for line in _apart(top, lines[len(top) :]))
        yield from ((False, line) for line in _apart(bottom[::-1], lines[::-1][len(bottom) :]))


def _apart(edge: Sequence[Line], inner: Sequence[Line]) -> Sequence[Line]:
    """Of lines from the edge inwards those before the first wide gap, if there is one."""
    lines = [*edge, *inner[:1]]
    for at, (one, other) in enumerate(pairwise(lines), 1):
        if abs(one.top - other.top) > APART * max(one.size, other.size):
            return edge[:at]
    return edge if not inner else ()


def lines_of(words: Sequence[Word], *, width: float, cuts: set[float]) -> list[Line]:
    """The lines in the order they are read.

    `cuts` are where the pages before it are parted into columns; those of this page are added.
    """
    found: list[Line] = []
    turns = Counter(word.turn for word in words)
    for turn, _ in turns.most_common():
        for group in _bands(_rows([word for word in words if word.turn == turn]), width, cuts):
            found += group
    return found


def with_tables(lines: Sequence[Line], tables: Sequence[Ruled]) -> list[Line]:
    """The lines of what stands outside of these tables, with each table in its place."""
    found = list(lines)
    for table in tables:
        rows = tuple(tuple(map(_cell_text, row)) for row in table.cells)
        line = Line(
            text=" ".join(filter(None, (cell for row in rows for cell in row))),
            left=table.left,
            right=table.right,
            top=table.top,
            size=statistics.median(w.size for row in table.cells for cell in row for w in cell),
            rows=rows,
        )
        under = (
            at
            for at, other in enumerate(found)
            if other.top <= table.bottom + other.size / 2
            and other.left < table.right
            and other.right > table.left
        )
        found.insert(next(under, len(found)), line)
    return found


def _cell_text(words: Sequence[Word]) -> str:
    return flowing([_joined(row) for row in _rows(words)])


def flowing(lines: Sequence[str]) -> str:
    """Lines as one text; words that were parted at a line's end are whole again."""
    text = ""
    for line in lines:
        part = line.strip()
        if not text:
            text = part
        elif _HYPHEN.search(text) and part[:1].islower():
            text = text[:-1] + part
        elif _is_ideographic(text[-1]) and _is_ideographic(part[:1]):
            text += part
        else:
            text += f" {part}"
    return text


def _is_ideographic(character: str) -> bool:
    return "\u3040" <= character <= "\u30ff" or "\u4e00" <= character <= "\u9fff"


def _rows(words: Sequence[Word]) -> list[list[Word]]:
    """Words that stand on one line across the page, from the top."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda w: (-(w.top + w.bottom) / 2, w.left)):
        middle = (word.top + word.bottom) / 2
        row = next(
            (
                row
                for row in rows[-3:]
                if abs(middle - _middle(row)) < 0.45 * max(word.size, row[0].size) * 0.9
            ),
            None,
        )
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    for row in rows:
        row.sort(key=lambda w: w.left)
    return rows


def _middle(row: Sequence[Word]) -> float:
    return (row[0].top + row[0].bottom) / 2


def _bands(rows: Sequence[list[Word]], width: float, cuts: set[float]) -> Iterator[list[Line]]:
    """Parts of the page from the top, those in columns by column."""
    at = 0
    while at < len(rows):
        gutters = _gutters(rows, at, width, cuts)
        if not gutters:
            yield [_line(rows[at])]
            at += 1
            continue
        end, found = gutters
        cuts.update(found)
        for left, right in zip([-1e9, *found], [*found, 1e9], strict=True):
            parts = [[w for w in row if left <= (w.left + w.right) / 2 < right]
                     for row in rows[at:end]]  # fmt: skip
            yield [_line(part) for part in parts if part]
        at = end


def _gutters(
    rows: Sequence[list[Word]], at: int, width: float, known: Collection[float]
) -> tuple[int, list[float]] | None:
    """Where from this row on the page is in columns of prose, up to which row, and their cuts."""
    free = _gaps(rows[at], width)
    end = at + 1
    while end < len(rows) and free and not _is_far(rows[end - 1], rows[end]):
        narrowed = _common(free, _gaps(rows[end], width))
        narrowed = [gap for gap in narrowed if gap[1] - gap[0] >= GUTTER]
        if not narrowed:
            break
        free = narrowed
        end += 1
    # Lines of two columns need not stand at one height: each side is looked at for itself.
    cuts: list[float] = []
    for a, b in free:
        again = next((cut for cut in known if a <= cut <= b), None)
        cut, least = ((a + b) / 2, LEAST_LINES) if again is None else (again, LEAST_AGAIN)
        if end - at >= least and _is_prose(rows[at:end], cut, least):
            cuts.append(cut)
    return (end, cuts) if cuts else None


def _is_far(above: Sequence[Word], row: Sequence[Word]) -> bool:
    """Whether a row stands apart from the one above it, as text does from a running head."""
    return _middle(above) - _middle(row) > 3 * max(above[0].size, row[0].size)


def _gaps(row: Sequence[Word], width: float) -> list[tuple[float, float]]:
    """The free space between the words of a row, and beside them."""
    left, right = width * 0.15, width * 0.85
    edges = [left]
    for word in row:
        edges += [word.left, word.right]
    edges.append(right)
    found = []
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        a, b = max(a, left), min(b, right)
        if b - a >= GUTTER:
            found.append((a, b))
    return found


def _common(
    one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    found = []
    for a, b in one:
        for c, d in other:
            if min(b, d) > max(a, c):
                found.append((max(a, c), min(b, d)))
    return found


def _is_prose(rows: Sequence[list[Word]], cut: float, least: int) -> bool:
    """Whether what stands on both sides of a cut is text that fills its column, not cells."""
    for side in (True, False):
        parts = [[w for w in row if ((w.left + w.right) / 2 < cut) is side] for row in rows]
        parts = [part for part in parts if part]
        if len(parts) < least:
            return False
        left, right = (
            min(p[0].left for p in parts),
            max(p[-1].right for p in parts),
        )
        wide = max(right - left, 1.0)
        filled = sum((p[-1].right - p[0].left) > 0.7 * wide for p in parts) / len(parts)
        gaps = sum(_has_gap(p) for p in parts) / len(parts)
        words = statistics.mean(map(len, parts))
        if filled < 0.5 or words < 3 or gaps > 0.3:
            return False
    return True


def _has_gap(part: Sequence[Word]) -> bool:
    return any(b.left - a.right > 2.5 * a.size for a, b in itertools.pairwise(part))


def _line(row: Sequence[Word]) -> Line:
    cells: list[list[Word]] = [[row[0]]]
    for before, word in itertools.pairwise(row):
        if word.left - before.right > WIDE_GAP * max(before.size, word.size):
            cells.append([word])
        else:
            cells[-1].append(word)
    made = tuple(
        Cell(text=_joined(cell), left=cell[0].left, right=cell[-1].right) for cell in cells
    )
    sizes = [w.size for w in row for _ in w.text]
    bold = sum(len(w.text) for w in row if w.bold) * 2 > sum(len(w.text) for w in row)
    return Line(
        text=" ".join(cell.text for cell in made),
        left=row[0].left,
        right=row[-1].right,
        top=max(w.top for w in row),
        size=statistics.median(sizes),
        bold=bold,
        cells=made,
    )


def _joined(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)
