"""Converts a cell or a value that holds HTML, as help desks export it, to Markdown."""

from __future__ import annotations

import html

from core.rag.reading.html.page import holds_html, page_of


def as_markdown(text: str) -> str:
    """The text as a person would see it; a text without HTML as it is."""
    if not holds_html(text):
        return html.unescape(text) if "&" in text and ";" in text else text
    return page_of(f"<body>{text}</body>").text
