"""Reads sitemaps: of pages, of sitemaps, as XML or as plain text, packed or not."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from lxml import etree

LARGEST = 60_000_000  #: bytes, unpacked; the protocol says 50 MB
_LINE = re.compile(r"https?://\S+")


class BadSitemap(ValueError):
    """This is no sitemap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """The contents of a sitemap."""

    pages: Sequence[tuple[str, str]] = field(default_factory=tuple)  #: (address, lastmod or "")
    sitemaps: Sequence[str] = ()
    broken: bool = False  #: it ends in the middle: what came stands, the rest is not known


def read(raw: bytes) -> Sitemap:
    """The sitemap in these bytes. Raises BadSitemap."""
    if raw[:2] == b"\x1f\x8b":
        raw = _unpacked(raw)
    head = raw[:1000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head.startswith(b"<"):
        lines = raw.decode("utf-8", "replace").splitlines()
        pages = [(line.strip(), "") for line in lines if _LINE.fullmatch(line.strip())]
        if not pages:
            raise BadSitemap("it holds neither XML nor addresses")
        return Sitemap(pages=pages)
    return _xml(raw)


def _xml(raw: bytes) -> Sitemap:
    pages: list[tuple[str, str]] = []
    sitemaps: list[str] = []
    root, said = "", {"loc": "", "lastmod": ""}
    events = etree.iterparse(
        io.BytesIO(raw),
        events=("start", "end"),
        # A stranger's file: it fetches nothing and multiplies nothing.
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        for event, element in events:
            name = etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""
            if event == "start":
                root = root or name
                continue
            if name in said and _is_of_entry(element):
                said[name] = (element.text or "").strip()
            elif name in ("url", "sitemap"):
                if said["loc"]:
                    if name == "url":
                        pages.append((said["loc"], said["lastmod"]))
                    else:
                        sitemaps.append(said["loc"])
                said = {"loc": "", "lastmod": ""}
                element.clear()
    except etree.XMLSyntaxError as error:
        if root not in ("urlset", "sitemapindex"):
            raise BadSitemap(str(error)) from error
        return Sitemap(pages=pages, sitemaps=sitemaps, broken=True)
    if root not in ("urlset", "sitemapindex"):
        raise BadSitemap(f"its first element is {root!r}")
    return Sitemap(pages=pages, sitemaps=sitemaps)


def _is_of_entry(element: etree._Element) -> bool:
    # `image:loc` has the same name, one level further down.
    parent = element.getparent()
    return parent is not None and etree.QName(parent).localname.lower() in ("url", "sitemap")


def _unpacked(raw: bytes) -> bytes:
    unpacking = zlib.decompressobj(wbits=31)
    try:
        found = unpacking.decompress(raw, LARGEST)
    except zlib.error as error:
        raise BadSitemap(f"it cannot be unpacked: {error}") from error
    if unpacking.unconsumed_tail:
        raise BadSitemap(f"unpacked it is larger than {LARGEST // 1_000_000} MB")
    return found
