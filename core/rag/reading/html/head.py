"""The head of a page: its addresses, its title, and whether it wants to be found."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup

from core.rag.reading.html.blocks import Block

_HTTP = re.compile(r"https?://", re.IGNORECASE)


def addresses(soup: BeautifulSoup, address: str) -> tuple[str, str]:
    """The page's own address, and the one its links are relative to."""
    base = joined(address, _said_of(soup, "base", "href"))
    told = _said_of(soup, "link", "href", rel="canonical")
    told = told or _said_of(soup, "meta", "content", property="og:url")
    url = joined(base, told) if told else address
    url = url if _HTTP.match(url) else ""
    return url, base or url


def _said_of(soup: BeautifulSoup, name: str, attribute: str, **like: str) -> str:
    found = [tag for tag in soup.find_all(name, attrs=like) if tag.has_attr(attribute)]
    return str(found[0][attribute]).strip() if found else ""


def joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return base


def scheme_of(address: str) -> str:
    """The scheme of an address, "" where it has none or is none."""
    try:
        return urlsplit(address).scheme.lower()
    except ValueError:
        return "?"


def is_noindex(soup: BeautifulSoup) -> bool:
    named = soup.find_all(
        "meta", attrs={"name": re.compile("^(?:robots|googlebot)$", re.IGNORECASE)}
    )
    return any(re.search(r"\b(?:noindex|none)\b", str(m.get("content")).lower()) for m in named)


def title_of(soup: BeautifulSoup, blocks: list[Block]) -> str:
    first = next((b.text for b in blocks if b.level == 1), "")
    if first:
        return re.sub(r"\[([^\[\]]*)\]\([^()]*\)", r"\1", first)
    named = soup.title.get_text(" ", strip=True) if soup.title is not None else ""
    named = named or _said_of(soup, "meta", "content", property="og:title")
    return " ".join(named.split())
