"""The words of a PDF's page with their places, sizes and weights, as they are drawn."""

from __future__ import annotations

import ctypes
import math
import re
import statistics
from dataclasses import dataclass
from typing import Any

from core.text.folding import compatible

MOST_CHARACTERS = 60_000  #: of one page
LEAST_SIZE = 3.0  #: of letters that a person can read
SPACE = 0.17  #: of a letter's size between two words, where no space is written


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word and where it stands, in points from the bottom left."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float
    bold: bool = False
    turn: int = 0  #: degrees by which it is turned, and its place turned back


def words_of(page: Any) -> list[Word]:
    """The words of a page, as they are drawn; invisible ones are left out."""
    import pypdfium2.raw as pdfium

    text = page.get_textpage()
    handle = text.raw
    found: list[Word] = []
    letters: list[Word] = []

    def close() -> None:
        if letters:
            found.append(
                Word(
                    text="".join(one.text for one in letters),
                    left=min(one.left for one in letters),
                    right=max(one.right for one in letters),
                    bottom=min(one.bottom for one in letters),
                    top=max(one.top for one in letters),
                    size=statistics.median(one.size for one in letters),
                    bold=sum(one.bold for one in letters) * 2 > len(letters),
                    turn=letters[0].turn,
                )
            )
            letters.clear()

    for at in range(min(text.count_chars(), MOST_CHARACTERS)):
        code = pdfium.FPDFText_GetUnicode(handle, at)
        character = chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
        if code == 2:
            character = "-"  # what the engine makes of a hyphen at the end of a line
        box = pdfium.FS_RECTF()
        if not character or character.isspace() or character in "\x00\ufffe\uffff":
            close()
            continue
        if not pdfium.FPDFText_GetLooseCharBox(handle, at, ctypes.byref(box)):
            continue
        turn = round(-math.degrees(pdfium.FPDFText_GetCharAngle(handle, at)) / 90) % 4 * 90
        left, bottom, right, top = _turned_back(box, turn)
        whole = 0xFB00 <= code <= 0xFB06  # letters that are drawn as one
        letter = Word(
            text=compatible(character) if whole else character,
            left=left,
            right=right,
            bottom=bottom,
            top=top,
            turn=turn,
            size=_size(pdfium, handle, at),
            bold=_is_bold(pdfium, handle, at),
        )
        if letters and _is_apart(letters[-1], letter):
            close()
        letters.append(letter)
    close()
    text.close()
    return [word for word in found if word.size >= LEAST_SIZE]


def _turned_back(box: Any, turn: int) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a box as if its text were not turned."""
    across, up = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
    corners = [
        (x * across + y * up, y * across - x * up)
        for x in (box.left, box.right)
        for y in (box.bottom, box.top)
    ]
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _size(pdfium: Any, handle: Any, at: int) -> float:
    """The size of a letter as it is drawn: a page may enlarge a font of size 1."""
    matrix = pdfium.FS_MATRIX()
    size = float(pdfium.FPDFText_GetFontSize(handle, at)) or 10.0
    if not pdfium.FPDFText_GetMatrix(handle, at, ctypes.byref(matrix)):
        return size
    return size * (math.hypot(matrix.c, matrix.d) or 1.0)


def _is_bold(pdfium: Any, handle: Any, at: int) -> bool:
    if pdfium.FPDFText_GetFontWeight(handle, at) >= 600:
        return True
    name, flags = ctypes.create_string_buffer(80), ctypes.c_int()
    pdfium.FPDFText_GetFontInfo(handle, at, name, len(name), ctypes.byref(flags))
    return re.search(rb"bold|black|heavy|semi-?bd", name.value.lower()) is not None


def _is_apart(last: Word, letter: Word) -> bool:
    """Whether a character begins another word than the one before."""
    if (
        letter.turn != last.turn
        or letter.bottom > last.top
        or letter.top < last.bottom
        or letter.left < last.left - last.size
    ):
        return True
    return letter.left - last.right > SPACE * letter.size
