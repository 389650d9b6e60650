"""Sitemaps as sites have them: packed, nested, broken, hostile."""

from __future__ import annotations

import gzip

import pytest

from sources.website.sitemaps import BadSitemap, read

NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
URL = "<url><loc> https://a.example/{} </loc><lastmod>2026-11-0{}</lastmod></url>"
SET = f'<?xml version="1.0"?><urlset {NS}>{URL.format("x", 1)}{URL.format("y", 2)}</urlset>'


def test_pages_come_with_their_dates() -> None:
    found = read(SET.encode())
    assert found.pages == [
        ("https://a.example/x", "2026-11-01"),
        ("https://a.example/y", "2026-11-02"),
    ]
    assert read(gzip.compress(SET.encode())) == found
    assert read(b"\xef\xbb\xbf" + SET.encode()) == found


def test_pictures_of_a_page_are_no_pages() -> None:
    inner = "<image:image><image:loc>https://a.example/p.png</image:loc></image:image></url>"
    raw = SET.replace("</url>", inner, 1).replace(NS, f'{NS} xmlns:image="urn:i"')
    assert [page for page, _ in read(raw.encode()).pages] == [
        "https://a.example/x",
        "https://a.example/y",
    ]


def test_an_index_names_other_sitemaps() -> None:
    raw = f"<sitemapindex {NS}><sitemap><loc>https://a.example/1.xml</loc></sitemap></sitemapindex>"
    assert read(raw.encode()).sitemaps == ["https://a.example/1.xml"]


def test_of_one_that_ends_in_the_middle_what_came_stands() -> None:
    found = read(SET.encode()[:-40])
    assert found.broken
    assert [page for page, _ in found.pages] == ["https://a.example/x"]


def test_plain_lines_are_a_sitemap_too() -> None:
    assert read(b"https://a.example/x\r\nhttps://a.example/y\n").pages[1][0].endswith("/y")


@pytest.mark.parametrize(
    "raw",
    [b"", b"hello", b"<html><body>Not found</body></html>", b"\x1f\x8b\x08broken",
     gzip.compress(b"<urlset>" + b" " * 70_000_000 + b"</urlset>")],
    ids=["empty", "words", "a page", "no gzip", "a bomb"],
)  # fmt: skip
def test_what_is_no_sitemap_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSitemap):
        read(raw)


def test_entities_neither_multiply_nor_read_files() -> None:
    raw = (
        '<!DOCTYPE u [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa">'
        '<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        f"<urlset {NS}><url><loc>https://a.example/&f;&b;</loc></url></urlset>"
    )
    assert "root:" not in str(read(raw.encode()).pages)
    assert "aaaa" not in str(read(raw.encode()).pages)
