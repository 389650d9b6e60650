"""Converts an HTML page to Markdown, with its title and address and what was left out of it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from bs4 import BeautifulSoup

from core.rag.domain.reading_outcome import count
from core.rag.reading.html.blocks import ASKED, closed, with_questions
from core.rag.reading.html.head import addresses, is_noindex, title_of
from core.rag.reading.html.structured_data import asked_and_answered, same
from core.rag.reading.html.walk import Walk

_ELEMENT = re.compile(
    r"</?(?:a|address|article|aside|b|blockquote|br|button|caption|center|code|dd|del|details|div|dl|"
    r"dt|em|figcaption|figure|font|h[1-6]|hr|i|iframe|img|kbd|li|main|mark|nav|ol|p|picture|pre|q|s|"
    r"script|section|small|span|strong|style|sub|summary|sup|table|tbody|td|template|th|thead|tr|u|"
    r"ul|video)(?:\s[^<>]*+)?/?>",
    re.IGNORECASE,
)

DEEPEST = 2_000  #: elements in each other; browsers flatten what is deeper than 512


@dataclass(slots=True, kw_only=True)
class Page:
    """A page in Markdown, with what was left out of it."""

    text: str
    title: str
    url: str = ""  #: its canonical address
    noindex: bool = False  #: it asks not to be found
    characters: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    frames: list[str] = field(default_factory=list)  #: addresses of pages inside it, not read


def page_of(
    html: str, *, address: str = "", name: str = "", names_in_first_row: bool = False
) -> Page:
    """What a person reads on this page.

    `address` is where it was found, for its links; `name` is its title where it has none. With
    `names_in_first_row` a table without a header has one in its first row, if it may be one.
    Raises ValueError for one that is nested too deeply.
    """
    soup = BeautifulSoup(html, "lxml")
    _check_depth(soup)
    url, base = addresses(soup, address)
    walk = Walk(soup, base, names_in_first_row=names_in_first_row)
    blocks = walk.page()
    title = title_of(soup, blocks) or name
    faq = asked_and_answered(soup)
    blocks = with_questions(blocks, {same(question) for question, _ in faq})
    lines = closed(blocks, title)
    stands = {same(block.text) for block in blocks if block.level}
    for question, answer in faq:
        if same(question) not in stands:
            inner = Walk(BeautifulSoup(answer, "lxml"), base)
            said = "\n\n".join(block.markdown for block in inner.page() if not block.ends)
            if said:
                lines += [f"{'#' * ASKED} {question}", said]
                walk.kept += count(question) + inner.kept
    return Page(
        text="\n\n".join(lines),
        title=title,
        url=url,
        noindex=is_noindex(soup),
        characters=walk.kept + sum(walk.dropped.values()),
        dropped=walk.dropped,
        frames=[str(f["src"]) for f in soup.find_all(["iframe", "frame"]) if f.get("src")],
    )


def _check_depth(soup: BeautifulSoup) -> None:
    """Raises ValueError: each element is asked for all around it, its depth times its depth."""
    depth = {id(soup): 0}
    for tag in soup.find_all(name=True):
        depth[id(tag)] = own = depth[id(tag.parent)] + 1
        if own > DEEPEST:
            raise ValueError("it is nested too deeply")


def holds_html(text: str) -> bool:
    """Whether elements of HTML stand in this text."""
    return "<" in text and _ELEMENT.search(text) is not None
