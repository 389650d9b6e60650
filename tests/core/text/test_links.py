"""Every address that anything would link is found, and two are equal only when they lead alike."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.text.autolinks import links_in
from core.text.links import Link, addresses, foreign, links_of

GENUINE = "See https://help.acme.com/returns, help@acme.com or 02-555-0134 for acme.com/docs."


def strange(text: str) -> list[str]:
    return [str(link) for link in foreign(links_in(text), links_in(GENUINE))]


@pytest.mark.parametrize(
    "text",
    [
        "https://help.acme.com/returns",
        "(https://help.acme.com/returns)",
        "https://help.acme.com/returns.",
        "https://HELP.acme.com/returns/",
        "https://help.acme.com:443/returns?utm_source=chat",
        "help.acme.com/returns",
        "https://help.acme.com/returns에서 확인하세요",
        "https://help.acme.com/a/../returns",
        "https://help.acme.com/%72eturns",
        "<https://help.acme.com/returns>",
        "write to HELP@acme.com, call 02-555-0134 or 02 555 0134",
        "http://acme.com/docs",
        "At 9 a.m. we open. See p. 5, e.g. this one, i.e. v2.0 of 3.5 GB... or not.Node 1.2",
        "됩니다.환불은 가능합니다.다음 안내를 보세요",
        "no links here, and/or 24/7",
    ],
)
def test_the_same_place_is_known_however_it_is_written(text: str) -> None:
    assert strange(text) in ([], ["not.node"])


@pytest.mark.parametrize(
    "text",
    [
        "http://help.acme.com/returns",
        "https://help.acme.com/return",
        "https://help.acme.com/Returns",
        "https://help.acme.com:8443/returns",
        "https://help.acme.com/returns?next=https://evil.xyz",
        "https://help.acme.com/returns#evil",
        "https://user@help.acme.com/returns",
        "https://help.acme.com@evil.xyz/returns",
        "help.acme.com(@evil.xyz",
        "https://help.acme.com.evil.xyz/returns",
        "https://help.acme.com。evil.xyz/returns",
        "https://help.acme.com｡evil.xyz/returns",
        "https://help.acme.com．evil.xyz",
        "https://help%2Eacme%2Ecom%2Eevil%2Exyz",
        "help.acme.co",
        "hеlp.acme.com",
        "https://xn--hlp-5cd.acme.com/returns",
        "https:evil.xyz",
        "https:\\\\evil.xyz",
        "hxxps://evil[.]xyz",
        "evil dot xyz",
        "evil (dot) xyz",
        "evil 점 com",
        "evil(점)xyz",
        "evil .xyz",
        "evil.xyz에서",
        "evil.xyz.그리고",
        "evil.한국",
        "이블.닷컴에서",
        "пример.рф",
        "例え.コム",
        "203.0.113.7",
        "http://3405803783/",
        "http://[2001:db8::7]/x",
        "http://localhost/x",
        "ftp://help.acme.com/returns",
        "javascript:alert(1)",
        "mailto:help@acme.com?cc=me@evil.xyz",
        "help@acme.co",
        "evil+help@acme.com",
        "help at evil [.] xyz",
        "@evil_desk",
        "tg:resolve?domain=evil",
        "02-555-0199",
        "+82 2 555 0134",
        "tel:025550199",
        "sms:025550134",
        "ＥＶＩＬ．ＸＹＺ",
        "𝐞𝐯𝐢𝐥.𝐱𝐲𝐳",
        "new-word.technology/path",
    ],
)
def test_any_other_place_is_strange(text: str) -> None:
    assert strange(text)
    assert strange(f"Print it at {text} today")
    assert strange(f"여기 {text} 에서")


@pytest.mark.parametrize(
    ("href", "same"),
    [
        ("https:\\\\evil.xyz\\a", "https://evil.xyz/a"),
        (" https://evil.xyz/a\t", "https://evil.xyz/a"),
        ("ht\ntps://evil.xyz/a", "https://evil.xyz/a"),
        ("https:evil.xyz/a", "https://evil.xyz/a"),
        ("HTTPS://EVIL.XYZ/a", "https://evil.xyz/a"),
        ("https://evil%2exyz/a", "https://evil.xyz/a"),
        ("https://xn--bcher-kva.example/", "https://bücher.example"),
        ("https://evil.xyz/%ED%99%98", "https://evil.xyz/환"),
        ("//evil.xyz/a", "http://evil.xyz/a"),
        ("mailto:A@Evil.xyz", "mailto:a@evil.xyz"),
    ],
)
def test_a_target_is_read_as_browsers_read_it(href: str, same: str) -> None:
    assert links_of(href) == links_of(same) != frozenset()


def test_http_is_not_known_by_https_but_https_is_by_a_bare_host() -> None:
    secure, bare = links_in("https://a.example/x"), links_in("a.example/x")
    assert foreign(links_of("http://a.example/x"), secure)
    assert not foreign(links_of("http://a.example/x"), bare)
    assert not foreign(links_of("https://a.example/x"), links_in("http://a.example/x"))


@pytest.mark.parametrize("written", ["notice@let.examp1e", "notice@let", "a.b@let.x", "n@1et.e2"])
def test_an_address_that_no_host_ends_is_one_too(written: str) -> None:
    """No client makes a link of it, but people copy it."""
    assert Link(scheme="mailto", host=written) in links_in(f"Write to {written}, please.")


def test_a_text_full_of_addresses_has_one_that_nobody_knows() -> None:
    text = " ".join(f"a{number}.example" for number in range(300))
    assert foreign(links_in(text), links_in(" ".join(text.split()[:50])))
    assert [str(link) for link in links_in(text)].count("too many:") == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see https://a.example/x.", ["https://a.example/x"]),
        ("(https://a.example/x_(y))", ["https://a.example/x_(y)"]),
        ("https://a.example/x에서는 됩니다", ["https://a.example/x"]),
        ("https://a.example/환불로 가세요", ["https://a.example/환불로"]),
        ("https://a.example/x, https://b.example", ["https://a.example/x", "https://b.example"]),
        ("[https://a.example/x](https://b.example)", ["https://a.example/x", "https://b.example"]),
        ("https:// and http://", []),
        ("https:\\\\a.example", []),
    ],
)
def test_where_a_text_has_web_addresses(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in addresses(text)] == found


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="aZ09.@:/\\-_%가점()[] \n한국xn", max_size=200))
def test_nothing_that_is_written_breaks_the_reading(text: str) -> None:
    known = links_in(text)
    assert foreign(known, known) == []
    for start, end in addresses(text):
        assert text[start:end].startswith("http")
