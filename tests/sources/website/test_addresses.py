"""One spelling for each page, and what belongs to a site."""

from __future__ import annotations

import pytest

from sources.website.addresses import BadAddress, Site, is_other_file, leads_into_itself, normal


@pytest.mark.parametrize(
    ("written", "spelled"),
    [
        ("HTTPS://Acme.Example:443/a/../b#top", "https://acme.example/b"),
        ("https://acme.example", "https://acme.example/"),
        ("https://acme.example/a?utm_source=x&id=7&PHPSESSID=1", "https://acme.example/a?id=7"),
        ("https://acme.example/반품", "https://acme.example/%EB%B0%98%ED%92%88"),
        ("https://acme.example/%B0%A1", "https://acme.example/%B0%A1"),
        ("https://acme.example:8443/", "https://acme.example:8443/"),
        ("http://acme.example./x/./y/", "http://acme.example/x/y/"),
    ],
)
def test_a_page_has_one_spelling(written: str, spelled: str) -> None:
    assert normal(written) == spelled
    assert normal(spelled) == spelled


@pytest.mark.parametrize(
    "written",
    ["mailto:a@b.example", "javascript:alert(1)", "ftp://acme.example/", "https://", "http://[::1",
     "https://user:word@acme.example/", "https://acme.example/" + "a" * 2000, "file:///etc/passwd"],
)  # fmt: skip
def test_what_is_no_page_is_refused(written: str) -> None:
    with pytest.raises(BadAddress):
        normal(written)


def test_a_site_is_a_host_below_a_folder() -> None:
    site = Site.of("https://acme.example/help")
    assert site.own("http://www.acme.example/help/a?b=1") == "https://acme.example/help/a?b=1"
    assert site.own("https://acme.example/help") == "https://acme.example/help"
    assert site.own("https://acme.example/helpers") == ""
    assert site.own("https://acme.example.evil.example/help/a") == ""
    assert site.own("https://acme.example:8443/help/a") == ""
    assert Site.of("https://acme.example/index.html").folder == "/"


def test_endless_paths_and_other_files_are_known() -> None:
    assert leads_into_itself("https://a.example/x/y/x/y/x/y/x/y")
    assert not leads_into_itself("https://a.example/2026/11/30/news")
    assert is_other_file("https://a.example/logo.PNG?v=2")
    assert not is_other_file("https://a.example/price-list.pdf")
