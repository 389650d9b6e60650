"""Reads of a page what a visitor of the whole site needs: its links, and its own address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree, html

from sources.website.addresses import BadAddress, normal

MOST_LINKS = 2000  #: of one page


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A page's links and its canonical address."""

    links: Sequence[str] = ()  #: normal spelling, each once
    canonical: str = ""  #: normal spelling; "" where it names none


def read(content: bytes, address: str, *, charset: str = "") -> Head:
    """What this page says; nothing where it is no HTML."""
    try:
        parser = html.HTMLParser(encoding=charset or None)
    except LookupError:
        parser = html.HTMLParser()
    try:
        root = html.document_fromstring(content, parser=parser)
    except (etree.ParserError, etree.LxmlError, ValueError):
        return Head()
    base = _of(root, "//base/@href")
    try:
        base = normal(base, address) if base else address
    except BadAddress:
        base = address
    told = _of(root, "//link[contains(concat(' ', translate(@rel, 'CANONIL', 'canonil'), ' '),"
                     " ' canonical ')]/@href")  # fmt: skip
    robots = " ".join(root.xpath("//meta[translate(@name, 'ROBTS', 'robts') = 'robots']/@content"))
    follows = not any(word in robots.lower() for word in ("nofollow", "none"))
    found: dict[str, None] = {}
    for link in root.xpath("//a[@href][not(contains(@rel, 'nofollow'))]/@href | //area/@href"):
        if not follows or len(found) >= MOST_LINKS:
            break
        try:
            found[normal(link, base)] = None
        except BadAddress:
            continue  # mailto:, tel:, javascript:
    return Head(links=list(found), canonical=_canonical(told, base))


def _canonical(told: str, base: str) -> str:
    try:
        return normal(told, base) if told else ""
    except BadAddress:
        return ""


def _of(root: etree._Element, path: str) -> str:
    found = root.xpath(path)
    return str(found[0]).strip() if found else ""
