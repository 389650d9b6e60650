"""Reads OpenDocument: texts and slides as pages, sheets as sheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading, article_id, count
from core.rag.reading.html.page import page_of
from core.rag.reading.office.archive import Archive, attribute, local
from core.rag.reading.office.sheets import MOST_COLUMNS, MOST_ROWS, Sheet, reading_of_sheets
from core.rag.reading.tables.rows import Row
from core.rag.reading.text.headings import with_questions_as_headings
from core.rag.reading.text.titles import usable

MOST_REPEATED = 100  #: times that a row or cell is taken as often as it says
_DROPPED = frozenset(
    {"annotation", "annotation-end", "tracked-changes", "hidden-text", "notes", "forms",
     "sequence-decls", "scripts", "font-face-decls", "page-number", "page-count",
     "alphabetical-index-mark", "title", "desc", "bookmark", "object"}
)  # fmt: skip
_TAGS = {
    "p": "p", "list": "ul", "list-item": "li", "list-header": "li", "table-row": "tr",
    "table-cell": "td", "page": "section", "section": "section", "text-box": "div",
    "table-header-rows": "thead", "note-body": "div",
}  # fmt: skip
_SHORT = {"line-break": "<br>", "tab": " ", "s": " ", "soft-page-break": ""}


def read_text(path: Path, raw: bytes) -> Reading:
    """One article from .odt or .odp."""
    archive = Archive(raw)
    content = archive.xml("content.xml")
    hidden = _hidden_styles(content)
    for name in archive.names:
        if name == "styles.xml":
            hidden |= _hidden_styles(archive.xml(name))
    body = next(e for e in content.iter() if local(e) == "body")
    gone = _count_hidden(body, hidden)
    html = "".join(_html(body, hidden, 0))
    page = page_of(f"<body>{html}</body>", name=path.stem, names_in_first_row=True)
    if gone:
        page.dropped["hidden"] += gone
    if not page.text:
        return Reading(characters=page.characters + gone, dropped=page.dropped)
    article = Article(
        id=article_id(path.stem, str(path.resolve())),
        title=(page.title if page.title != path.stem else "") or _told(archive) or path.stem,
        text=with_questions_as_headings(page.text),
        locale="",
        source=str(path),
    )
    return Reading(articles=[article], characters=page.characters + gone, dropped=page.dropped)


def read_sheets(path: Path, raw: bytes) -> Reading:
    """The articles of .ods."""
    content = Archive(raw).xml("content.xml")
    hidden = _hidden_styles(content)
    sheets: list[Sheet] = []
    dropped: Counter[str] = Counter()
    for table in (e for e in content.iter() if local(e) == "table"):
        rows = list(_rows(table))
        if attribute(table, "style-name") in hidden:
            dropped["hidden sheets"] += sum(count(c) for row in rows for c in row.cells)
            continue
        sheets.append(Sheet(name=attribute(table, "name") or "sheet", rows=rows))
    return reading_of_sheets(sheets, path=path, dropped=dropped)


def _html(element: Any, hidden: frozenset[str], depth: int) -> Iterator[str]:
    name = local(element)
    if not name or name in _DROPPED or depth > 200 or _is_hidden(element, hidden):
        return
    if name in _SHORT:
        yield _SHORT[name]
        return
    tag = _TAGS.get(name, "")
    if name == "h":
        level = attribute(element, "outline-level")
        tag = f"h{min(int(level), 6)}" if level.isdecimal() and int(level) else "h2"
    elif name == "frame" and "title" in attribute(element, "class"):
        tag = "h2"
    elif name == "table":
        tag = "table"
    spans = "".join(
        f" {short}={attribute(element, long)}"
        for short, long in (
            ("colspan", "number-columns-spanned"),
            ("rowspan", "number-rows-spanned"),
        )
        if attribute(element, long).isdecimal()
    )
    if name == "a":
        yield f'<a href="{escape(attribute(element, "href"))}">'
        tag = "a"
    elif tag:
        yield f"<{tag}{spans if tag == 'td' else ''}>"
    yield escape(element.text or "")
    for child in element:
        yield from _html(child, hidden, depth + 1)
        yield escape(child.tail or "")
    if tag:
        yield f"</{tag}>"


def _is_hidden(element: Any, hidden: frozenset[str]) -> bool:
    return (
        attribute(element, "style-name") in hidden
        or attribute(element, "display") == "none"
        or attribute(element, "visibility") in ("collapse", "hidden")
    )


def _hidden_styles(content: Any) -> frozenset[str]:
    """The names of styles whose text is not shown."""
    return frozenset(
        attribute(style, "name")
        for style in content.iter()
        if local(style) == "style"
        and any(
            attribute(p, "display") in ("none", "false") or attribute(p, "visibility") == "hidden"
            for p in style
        )
    )


def _count_hidden(body: Any, hidden: frozenset[str]) -> int:
    return sum(
        count(" ".join(element.itertext()))
        for element in body.iter()
        if local(element) and _is_hidden(element, hidden)
    )


def _rows(table: Any) -> Iterator[Row]:
    number = 0
    for row in (e for e in table.iter() if local(e) == "table-row"):
        times = _times(row, "number-rows-repeated")
        cells: list[str] = []
        for cell in row:
            if local(cell) not in ("table-cell", "covered-table-cell"):
                continue
            said = "\n".join(
                " ".join("".join(p.itertext()).split()) for p in cell if local(p) == "p"
            )
            cells += [said] * min(
                _times(cell, "number-columns-repeated"), MOST_COLUMNS - len(cells)
            )
        shown = not _is_hidden(row, frozenset())
        for _ in range(min(times, MOST_REPEATED) if any(cells) else 1):
            if number < MOST_ROWS and shown:
                number += 1
                yield Row(number=number, cells=cells)


def _times(element: Any, name: str) -> int:
    told = attribute(element, name)
    return max(1, int(told)) if told.isdecimal() and len(told) < 9 else 1


def _told(archive: Archive) -> str:
    try:
        meta = archive.xml("meta.xml")
    except ValueError:
        return ""
    return next((usable(e.text or "") for e in meta.iter() if local(e) == "title"), "")
