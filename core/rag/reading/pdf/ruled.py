"""Tables with ruled cells: what stands between the same lines belongs together."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from core.rag.reading.pdf.words import Word
from core.rag.reading.text.grid import MOST_COLUMNS

MOST_RULES = 3_000  #: of a page; more is a drawing
MOST_DRAWN = 20_000  #: things on a page that are looked at
MOST_ROWS = 500
STRAIGHT = 1.0  #: points a rule may lean
NEAR = 3.0  #: points between two rules that are one
LONGEST_CELL = 1_500  #: characters; a cell of more is a frame around a text


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A table on a page."""

    top: float
    bottom: float
    left: float
    right: float
    cells: Sequence[Sequence[Sequence[Word]]]  #: the words of each cell, by row


@dataclass(frozen=True, slots=True)
class _Rule:
    at: float  #: across
    start: float
    end: float


def ruled_tables(page: Any, words: Sequence[Word]) -> list[Ruled]:
    """The tables of a page that have rules around their cells, from the top."""
    level, upright = _rules(page)
    if len(upright) < 3 or len(level) < 3:
        return []
    found: list[Ruled] = []
    for bottom, top in _bands(upright):
        here = [rule for rule in upright if bottom - NEAR <= rule.start and rule.end <= top + NEAR]
        xs = _places([rule.at for rule in here])
        if not 3 <= len(xs) <= MOST_COLUMNS + 1:
            continue
        across = [
            rule.at
            for rule in level
            if bottom - NEAR <= rule.at <= top + NEAR and rule.end > xs[0] and rule.start < xs[-1]
        ]
        ys = _places([bottom, top, *across])
        if 3 <= len(ys) <= MOST_ROWS and (table := _filled(words, xs, ys, here)) is not None:
            found.append(table)
    return found


def _filled(
    words: Sequence[Word], xs: Sequence[float], ys: Sequence[float], upright: Sequence[_Rule]
) -> Ruled | None:
    """The table of these places; None where hardly anything stands in it."""
    cells: list[list[list[Word]]] = [[[] for _ in xs[1:]] for _ in ys[1:]]
    beside = [[rule for rule in upright if abs(rule.at - x) <= NEAR] for x in xs]
    parted = [
        [
            any(rule.start - NEAR <= (low + high) / 2 <= rule.end + NEAR for rule in rules)
            for rules in beside
        ]
        for low, high in pairwise(ys)
    ]
    for word in words:
        x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        if word.turn or not (xs[0] <= x <= xs[-1] and ys[0] <= y <= ys[-1]):
            continue
        row = min(bisect_right(ys, y), len(ys) - 1) - 1
        column = min(bisect_right(xs, x), len(xs) - 1) - 1
        while column and not parted[row][column]:
            column -= 1  # a cell that reaches over several columns
        cells[row][column].append(word)
    rows = [row for row in reversed(cells) if any(row)]
    columns = sum(any(row[place] for row in rows) for place in range(len(xs) - 1))
    longest = max((sum(len(w.text) for w in cell) for row in rows for cell in row), default=0)
    if len(rows) < 2 or columns < 2 or longest > LONGEST_CELL:
        return None
    return Ruled(top=ys[-1], bottom=ys[0], left=xs[0], right=xs[-1], cells=rows)


def _bands(upright: Sequence[_Rule]) -> list[tuple[float, float]]:
    """From where to where upright rules stand without a gap, from the top."""
    bands: list[tuple[float, float]] = []
    for rule in sorted(upright, key=lambda rule: -rule.end):
        if bands and rule.end >= bands[-1][0] - NEAR:
            bands[-1] = (min(bands[-1][0], rule.start), bands[-1][1])
        else:
            bands.append((rule.start, rule.end))
    return bands


def _places(found: Sequence[float]) -> list[float]:
    """Places, from the lowest, without those that are nearly the same."""
    places: list[float] = []
    for place in sorted(found):
        if not places or place - places[-1] > NEAR:
            places.append(place)
    return places


def _rules(page: Any) -> tuple[list[_Rule], list[_Rule]]:
    """The level and the upright lines that are drawn on a page."""
    import pypdfium2.raw as pdfium

    level: list[_Rule] = []
    upright: list[_Rule] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    paths = page.get_objects(filter=(pdfium.FPDF_PAGEOBJ_PATH,), max_depth=4)
    for drawn in islice(paths, MOST_DRAWN):
        matrix = drawn.get_matrix()
        before: tuple[float, float] | None = None
        first: tuple[float, float] | None = None
        for at in range(min(pdfium.FPDFPath_CountSegments(drawn.raw), MOST_RULES)):
            segment = pdfium.FPDFPath_GetPathSegment(drawn.raw, at)
            if not pdfium.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y)):
                continue
            point = matrix.on_point(x.value, y.value)
            kind = pdfium.FPDFPathSegment_GetType(segment)
            if kind == pdfium.FPDF_SEGMENT_MOVETO:
                first = point
            elif kind == pdfium.FPDF_SEGMENT_LINETO and before is not None:
                _add(before, point, level, upright)
                if pdfium.FPDFPathSegment_GetClose(segment) and first is not None:
                    _add(point, first, level, upright)
            before = point
        if len(level) + len(upright) > MOST_RULES:
            return [], []
    return level, upright


def _add(
    one: tuple[float, float], other: tuple[float, float], level: list[_Rule], upright: list[_Rule]
) -> None:
    (a, b), (c, d) = one, other
    if abs(b - d) <= STRAIGHT < abs(a - c):
        level.append(_Rule((b + d) / 2, min(a, c), max(a, c)))
    elif abs(a - c) <= STRAIGHT < abs(b - d):
        upright.append(_Rule((a + c) / 2, min(b, d), max(b, d)))
