"""Makes Markdown of a PDF's lines: titles by their size, paragraphs, lists and tables."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from core.rag.reading.pdf.layout import Cell, Line, Page, flowing
from core.rag.reading.text.columns import questions_in
from core.rag.reading.text.grid import written
from core.rag.reading.text.headings import ASKS, begins_anew
from core.rag.semantics.statements import is_question

TITLE_CHARS = 160
LEAST_ROWS = 2  #: of a table, with its header
NEAR = 14.0  #: points between the beginnings of two cells of one column
_BULLET = re.compile(r"^(?:[•◦▪▫‣⁃●○■□►▶➢➤✓✔·*–—\-]|[\uf0a7\uf0b7\uf0d8\uf076])\s*(?=\S)")
_NUMBERED = re.compile(r"^(?:\(?\d{1,3}[.)]|[a-z][.)])\s+(?=\S)")
_COUNTED = re.compile(r"\A\d++(?:\.\d++)*+\.?\s")
_BARE_NUMBER = re.compile(r"^(\d{1,2})\s+(?=[^\W\d])")
_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})[-\u00ad‐]$")
_ENDS = (".", "!", "?", ":", ";", "。", "？", "！", "…", "”", '"')


def markdown_of(pages: Sequence[Page]) -> tuple[str, str]:
    """The text, and its first title, "" where none stands out."""
    pages = [replace(page, lines=_numbered(page.lines)) for page in pages]
    lines = [line for page in pages for line in page.lines]
    if not lines:
        return "", ""
    usual = _usual_size(lines)
    levels = _levels(lines, usual)
    blocks: list[str] = []
    title = ""
    paragraph: list[Line] = []
    open_table: list[list[str]] = []  # that may go on over the page's end
    tables: dict[int, list[list[str]]] = {}  # by the place of their block
    last_title: Line | None = None  # where the block before is one

    def close() -> None:
        if paragraph:
            blocks.append(_flowing(paragraph))
            paragraph.clear()

    for page in pages:
        at = 0
        while at < len(page.lines):
            line = page.lines[at]
            if line.rows:
                close()
                last_title = None
                # One that goes on over a page's end is one table.
                goes_on = at == 0 and page is not pages[0] and open_table
                if goes_on and len(open_table[0]) == len(line.rows[0]):
                    _go_on(open_table, line.rows)
                else:
                    open_table = [list(row) for row in line.rows]
                    tables[len(blocks)] = open_table
                    blocks.append("")
                at += 1
                continue
            open_table = []
            rows = _table_at(page.lines, at)
            if rows:
                close()
                last_title = None
                blocks.append(_table(page.lines[at : at + rows]))
                at += rows
                continue
            at += 1
            level = levels.get(round(line.size), 0) if _may_be_title(line) else 0
            if not level and _is_bold_title(line, page.lines[at : at + 1], usual):
                level = 4
            if level:
                close()
                if last_title is not None and blocks and _goes_on(last_title, line, blocks[-1]):
                    blocks[-1] += f" {line.text}"
                else:
                    blocks.append(f"{'#' * level} {line.text}")
                title = title or line.text
                last_title = line
                continue
            last_title = None
            if paragraph and _begins(line, paragraph, usual):
                close()
            paragraph.append(line)
    close()
    for place, table in tables.items():
        blocks[place] = _ruled(table, title if place + 1 < len(blocks) else "")
    return "\n\n".join(_with_lists(_merged(blocks))), title


def _go_on(table: list[list[str]], rows: Sequence[Sequence[str]]) -> None:
    """Add the rows of the next page: without the header again; the rest of a row to that row."""
    more = [list(row) for row in rows]
    if more[0] == table[0]:
        more = more[1:]
    if more and not more[0][0] and len(table) > 1:
        rest = more.pop(0)
        table[-1] = [" ".join(filter(None, pair)) for pair in zip(table[-1], rest, strict=True)]
    table += more


def _ruled(rows: list[list[str]], title: str) -> str:
    """A table in Markdown, or its questions with their answers; `title` is of what follows."""
    above: list[str] = []
    while len(rows) > 2 and sum(map(bool, rows[0])) == 1:
        above.append(" ".join(filter(None, rows.pop(0))))
    if asked := questions_in(rows[0], rows[1:]):
        found = [block for question, answer in asked for block in (f"##### {question}", answer)]
        return "\n\n".join([*above, *found, *([f"# {title}"] if title else [])])
    return "\n\n".join([*above, written(rows[0], rows[1:])])


def _numbered(lines: Sequence[Line]) -> list[Line]:
    """The lines with a point behind the numbers of a list that has none: 1, 2, 3 one by one."""
    found = list(lines)
    at = {
        int(told[1]): place
        for place, line in reversed(list(enumerate(lines)))
        if not line.rows and (told := _BARE_NUMBER.match(line.text))
    }
    count = 1
    while count in at and (count == 1 or at[count] > at[count - 1]):
        count += 1
    for number in range(1, count if count > 2 else 1):
        line = found[at[number]]
        text = _BARE_NUMBER.sub(f"{number}. ", line.text)
        found[at[number]] = replace(line, text=text, cells=(replace(line.cells[0], text=text),))
    return found


def _usual_size(lines: Sequence[Line]) -> float:
    sizes: Counter[int] = Counter()
    for line in lines:
        sizes[round(line.size)] += len(line.text)
    return float(sizes.most_common(1)[0][0])


def _levels(lines: Sequence[Line], usual: float) -> dict[int, int]:
    """Sizes of titles with their levels, the largest first."""
    larger = sorted({round(line.size) for line in lines if line.size > usual * 1.12}, reverse=True)
    return {size: min(level, 3) for level, size in enumerate(larger, 1)}


def _may_be_title(line: Line) -> bool:
    return len(line.text) <= TITLE_CHARS and any(c.isalpha() for c in line.text)


def _is_bold_title(line: Line, following: Sequence[Line], usual: float) -> bool:
    if not line.bold or len(line.text) > 90 or line.text.endswith((".", ",", ";")):
        return False
    if len(line.cells) > 1 or _BULLET.match(line.text):
        return False
    return bool(following) and not following[0].bold and line.size >= usual * 0.95


def _goes_on(last: Line, line: Line, heading: str) -> bool:
    """Whether a title goes on in this line: of the same letters, close under it, no number."""
    close = 0 < last.top - line.top <= 1.5 * line.size
    alike = round(last.size) == round(line.size) and last.bold == line.bold
    return close and alike and not heading.endswith(_ENDS) and not _COUNTED.match(line.text)


def _begins(line: Line, before: Sequence[Line], usual: float) -> bool:
    """Whether a paragraph or an item begins with this line."""
    last = before[-1]
    if _BULLET.match(line.text) or _NUMBERED.match(line.text) or begins_anew(line.text):
        return True
    # A question that has a line of its own, and its answer under it.
    if len(before) == 1 and last.text.endswith(ASKS) and is_question(last.text):
        return True
    gap = last.top - line.top
    # A column or page further on: a sentence that has not ended goes on.
    if gap <= 0 or gap > 8 * usual:
        return last.text.endswith(_ENDS) and not _HYPHEN.search(last.text)
    steps = [a.top - b.top for a, b in itertools.pairwise(before) if a.top > b.top]
    step = statistics.median(steps) if steps else 1.35 * max(last.size, line.size)
    if gap > 1.35 * step:
        return True
    if _BULLET.match(before[0].text) and line.left < before[0].left - 2:
        return True
    indented = line.left - last.left > 1.2 * usual and last.text.endswith(_ENDS)
    return indented or (abs(line.size - last.size) > 0.2 * usual)


def _flowing(lines: Sequence[Line]) -> str:
    return flowing([line.text for line in lines])


def _merged(blocks: Sequence[str]) -> list[str]:
    """Tables that go on over a page's end are one."""
    found: list[str] = []
    for block in blocks:
        head = block.split("\n")[:2]
        if found and block.startswith("| ") and found[-1].split("\n")[:2] == head:
            found[-1] += "\n" + "\n".join(block.split("\n")[2:])
        else:
            found.append(block)
    return found


def _with_lists(blocks: Sequence[str]) -> list[str]:
    """Items one after the other as one list, with marks that Markdown knows."""
    found: list[str] = []
    listed = False
    for block in blocks:
        bullet = _BULLET.match(block) if not block.startswith(("|", "#")) else None
        item = f"- {block[bullet.end() :]}" if bullet else block
        is_item = bullet is not None or _NUMBERED.match(block) is not None
        if is_item and listed:
            found[-1] += f"\n{item}"
        else:
            found.append(item)
        listed = is_item
    return found


def _table_at(lines: Sequence[Line], at: int) -> int:
    """How many lines from this one on are rows of one table; 0 where there is none."""
    first = lines[at]
    if len(first.cells) < 2 or _BULLET.match(first.text) or _NUMBERED.match(first.text):
        return 0
    end, rows = at + 1, 1
    columns = [cell.left for cell in first.cells]
    rights = [cell.right for cell in first.cells]
    while end < len(lines):
        line = lines[end]
        if (
            line.rows
            or line.top >= lines[end - 1].top
            or lines[end - 1].top - line.top > 3.2 * line.size
        ):
            break
        fits = [_column(cell, columns, rights) for cell in line.cells]
        if None in fits or len(set(fits)) != len(fits):
            break
        if len(line.cells) == 1 and (
            _is_new_text(line, columns, rights) or (fits == [0] and _is_apart(lines[at:end], line))
        ):
            break
        rows += len(line.cells) > 1
        end += 1
    return end - at if rows >= LEAST_ROWS and end - at >= LEAST_ROWS else 0


def _is_new_text(line: Line, columns: Sequence[float], rights: Sequence[float]) -> bool:
    """Whether a line alone is no rest of a cell that was wrapped."""
    return line.right > max(columns[1] - 2, rights[0] + 30) and line.left <= columns[0] + 2


def _is_apart(rows: Sequence[Line], line: Line) -> bool:
    """Whether a line below a table is a title or an item of a list, and no row of the table."""
    if line.size > 1.12 * rows[-1].size or _BULLET.match(line.text):
        return True
    steps = [above.top - below.top for above, below in itertools.pairwise(rows)]
    return bool(steps) and rows[-1].top - line.top > 1.3 * max(steps)


def _column(cell: Cell, columns: Sequence[float], rights: Sequence[float]) -> int | None:
    """The column a cell stands in: by where it begins, ends or has its middle."""
    for index, (left, right) in enumerate(zip(columns, rights, strict=True)):
        if abs(cell.left - left) <= NEAR or abs(cell.right - right) <= NEAR:
            return index
        if abs((cell.left + cell.right) / 2 - (left + right) / 2) <= NEAR:
            return index
    return None


def _table(lines: Sequence[Line]) -> str:
    columns = [cell.left for cell in lines[0].cells]
    rights = [cell.right for cell in lines[0].cells]
    rows: list[list[str]] = []
    tops: list[float] = []
    steps = [a.top - b.top for a, b in itertools.pairwise(lines)]
    step = statistics.median(steps)
    for line in lines:
        cells = [""] * len(columns)
        for cell in line.cells:
            cells[_column(cell, columns, rights) or 0] = cell.text
        # A row that has no first cell, or stands closer, is the rest of the one above.
        wrapped = rows and not cells[0] and tops[-1] - line.top <= step * 1.05
        wrapped = wrapped or (rows and len(line.cells) == 1 and tops[-1] - line.top < step * 0.9)
        if wrapped:
            rows[-1] = [" ".join(filter(None, pair)) for pair in zip(rows[-1], cells, strict=True)]
        else:
            rows.append(cells)
        tops.append(line.top)
    if len(rows) < LEAST_ROWS:
        return "\n\n".join(" ".join(filter(None, row)) for row in rows)
    return written(rows[0], rows[1:])
