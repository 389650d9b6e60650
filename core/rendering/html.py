"""Renders an answer as safe HTML: every character escaped, only safe links are links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from core.rendering.tree import Block, BlockKind, Row, Span, Style

_TAGS = (
    (Style.BOLD, "strong"),
    (Style.ITALIC, "em"),
    (Style.STRIKE, "s"),
    (Style.CODE, "code"),
)
_SAFE = ("http://", "https://", "mailto:", "tel:")
_PAGES = _SAFE[:2]
#: Opens elsewhere, and neither tells the page there of ours nor vouches for it.
_OUTSIDE = 'rel="noopener noreferrer nofollow" target="_blank"'
_CLINGING = "\N{WORD JOINER}"  #: a mark never begins a line


def to_html(blocks: Sequence[Block], *, marks: bool = False) -> str:
    """The answer as a fragment of HTML that may stand in any page.

    With `marks`, a citation is a small raised number instead of "[1]".
    """
    page: list[str] = []
    for in_table, run in groupby(blocks, key=lambda block: block.row is not None):
        draw = _tables if in_table else _flow
        page += draw(run, marks=marks)
    return "".join(page)


def _flow(blocks: Iterable[Block], *, marks: bool) -> list[str]:
    page: list[str] = []
    lists: list[str] = []
    for block in blocks:
        in_item = block.kind is BlockKind.ITEM and block.marker[-1:] in {".", "•"}
        while lists and len(lists) > block.depth:
            page.append(f"</li></{lists.pop()}>")
        if in_item and block.marker:
            tag = "ol" if block.marker != "•" else "ul"
            if len(lists) == block.depth and lists[-1] == tag:
                page.append("</li>")
            elif len(lists) == block.depth:
                page.append(f"</li></{lists.pop()}>")
            while len(lists) < block.depth:
                start = block.marker.removesuffix(".") if tag == "ol" else "1"
                page.append(f"<{tag}>" if start == "1" else f'<{tag} start="{start}">')
                lists.append(tag)
                if len(lists) < block.depth:
                    page.append("<li>")
            page.append(f"<li>{_spans(block.spans, marks=marks)}")
        else:
            page.append(_block(block, marks=marks))
    while lists:
        page.append(f"</li></{lists.pop()}>")
    return page


def _tables(rows: Iterable[Block], *, marks: bool) -> list[str]:
    """Tables that follow each other; one too wide is scrolled, with the keyboard as well."""
    page: list[str] = []
    for row in rows:
        tag = "th" if row.row is Row.HEAD else "td"
        cells = "".join(f"<{tag}>{_spans(cell, marks=marks)}</{tag}>" for cell in _cells(row))
        if page and row.row is Row.HEAD:
            page.append("</table></div>")
        if not page or row.row is Row.HEAD:
            page.append('<div class="table" tabindex="0"><table>')
        page.append(f"<tr>{cells}</tr>")
    return [*page, "</table></div>"]


def _cells(row: Block) -> list[list[Span]]:
    cells: list[list[Span]] = [[]]
    for span in row.spans:
        if span.bar:
            cells.append([])
        else:
            cells[-1].append(span)
    return cells


def _block(block: Block, *, marks: bool) -> str:
    inner = _spans(block.spans, marks=marks)
    match block.kind:
        case BlockKind.HEADING:
            return f"<h3>{inner}</h3>"
        case BlockKind.QUOTE:
            return f"<blockquote><p>{inner}</p></blockquote>"
        case BlockKind.CODE:
            named = re.fullmatch(r"[\w+#.-]{1,30}", block.language)
            language = f' class="language-{escape(block.language)}"' if named else ""
            return f'<pre tabindex="0"><code{language}>{escape(block.text)}</code></pre>'
        case BlockKind.RULE:
            return "<hr>"
        case BlockKind.PARAGRAPH | BlockKind.ITEM:
            marker = f"{escape(block.marker)} " if block.marker else ""
            return f"<p>{marker}{inner}</p>"


def _spans(spans: Sequence[Span], *, marks: bool) -> str:
    drawn: list[str] = []
    for span in spans:
        if marks and span.citation:
            if drawn:
                drawn[-1] = drawn[-1].rstrip(" ")
            drawn.append(_mark(span))
        else:
            drawn.append(_span(span))
    return "".join(drawn)


def _mark(span: Span) -> str:
    number = escape(span.text.strip("[]"))
    inner = _linked(number, span.link) if span.link.startswith(_PAGES) else f"<span>{number}</span>"
    return f'{_CLINGING}<sup class="mark">{inner}</sup>'


def _span(span: Span) -> str:
    html = escape(span.text).replace("\n", "<br>")
    for style, tag in _TAGS:
        if style in span.style:
            html = f"<{tag}>{html}</{tag}>"
    return _linked(html, span.link) if span.link.startswith(_SAFE) else html


def _linked(html: str, address: str) -> str:
    return f'<a href="{escape(address)}" {_OUTSIDE}>{html}</a>'
