"""Draws an answer as safe HTML: every character escaped, only safe links are links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from core.rendering import Block, BlockKind, Span, Style

_TAGS = (
    (Style.BOLD, "strong"),
    (Style.ITALIC, "em"),
    (Style.STRIKE, "s"),
    (Style.CODE, "code"),
)
_SAFE = ("http://", "https://", "mailto:", "tel:")


def to_html(blocks: Sequence[Block]) -> str:
    """The answer as a fragment of HTML that may stand in any page."""
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
            page.append(f"<li>{_spans(block.spans)}")
        else:
            page.append(_block(block))
    while lists:
        page.append(f"</li></{lists.pop()}>")
    return "".join(page)


def _block(block: Block) -> str:
    inner = _spans(block.spans)
    match block.kind:
        case BlockKind.HEADING:
            return f"<h3>{inner}</h3>"
        case BlockKind.QUOTE:
            return f"<blockquote><p>{inner}</p></blockquote>"
        case BlockKind.CODE:
            named = re.fullmatch(r"[\w+#.-]{1,30}", block.language)
            language = f' class="language-{escape(block.language)}"' if named else ""
            return f"<pre><code{language}>{escape(block.text)}</code></pre>"
        case BlockKind.RULE:
            return "<hr>"
        case BlockKind.PARAGRAPH | BlockKind.ITEM:
            marker = f"{escape(block.marker)} " if block.marker else ""
            return f"<p>{marker}{inner}</p>"


def _spans(spans: Sequence[Span]) -> str:
    return "".join(_span(span) for span in spans)


def _span(span: Span) -> str:
    html = escape(span.text).replace("\n", "<br>")
    for style, tag in _TAGS:
        if style in span.style:
            html = f"<{tag}>{html}</{tag}>"
    if span.link.startswith(_SAFE):
        html = f'<a href="{escape(span.link)}" rel="noopener nofollow" target="_blank">{html}</a>'
    return html
