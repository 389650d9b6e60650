"""PUBLIC_URL with a path: taken off what comes in, put before what goes out, once."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

from core.accounts.roles import Role
from core.errors import SetupError
from core.storage.client import Database
from core.web.http.base_path import BasePath
from core.web.http.settings import WebSettings
from tests.support.process import PRODUCT, ROOT
from tests.support.site import SECRET, site

HOST = "https://shop.example"
BELOW = WebSettings(secret_key=SECRET, public_url=f"{HOST}/support")


def files(pattern: str) -> list[str]:
    """The product's files of this kind, by their paths below the repository."""
    found = [path for room in PRODUCT for path in (ROOT / room).rglob(pattern)]
    assert found
    return [str(path.relative_to(ROOT)) for path in sorted(found)]


@pytest.mark.parametrize(
    ("base", "path", "outside"),
    [
        ("", "/console", "/console"),
        (HOST, "/console", "/console"),
        (f"{HOST}/", "/console", "/console"),
        (f"{HOST}/support", "/", "/support/"),
        (f"{HOST}/support", "/console?a=/b", "/support/console?a=/b"),
        (f"{HOST}/a/b/", "/console", "/a/b/console"),
        (f"{HOST}/support", "/support/console", "/support/console"),
        (f"{HOST}/support", "/supporters", "/support/supporters"),
        (f"{HOST}/support", "https://id.example/authorize", "https://id.example/authorize"),
        (f"{HOST}/support", "//id.example/", "//id.example/"),
        (f"{HOST}/support", "?page=2", "?page=2"),
        (f"{HOST}/도움", "/console", "/%EB%8F%84%EC%9B%80/console"),
    ],
)
def test_the_base_stands_before_our_own_paths_once(base: str, path: str, outside: str) -> None:
    at = BasePath(base).at
    assert at(path) == outside
    assert at(at(path)) == outside


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/support", "/"),
        ("/support/", "/"),
        ("/support?lang=ko", "/?lang=ko"),
        ("/support/api/chat", "/api/chat"),
        ("/api/chat", "/api/chat"),
        ("/supporters", "/supporters"),
        ("/support/a%2Fb?c=%20", "/a%2Fb?c=%20"),
    ],
)
def test_it_is_taken_off_when_it_is_there(path: str, inside: str) -> None:
    assert BasePath(f"{HOST}/support").within(path) == inside
    assert BasePath("").within(path) == path


@pytest.mark.parametrize("path", ["/console", "/api/v1", "/login", "/assets"])
async def test_a_base_that_is_a_page_of_ours_is_refused_in_words(db: Database, path: str) -> None:
    with pytest.raises(SetupError, match="PUBLIC_URL"):
        async with site(db, settings=WebSettings(secret_key=SECRET, public_url=HOST + path)):
            pass


@pytest.mark.parametrize("prefix", ["", "/support"])
async def test_both_kinds_of_proxy_look_alike_inside(db: Database, prefix: str) -> None:
    async with site(db, settings=BELOW) as web:
        status, opened = await web.call("POST", f"{prefix}/api/conversations", json={"text": "Hi"})
        assert status == 201
        path = f"{prefix}/api/conversations/{opened['id']}"
        assert (await web.call("GET", path, token=opened["token"]))[0] == 200
        _, document = await web.call("GET", f"{prefix}/api/openapi.json")
        assert document["servers"] == [{"url": "/support"}]
        assert "/api/conversations" in document["paths"]
        async with web.http.get(f"{prefix}/console?a=1", allow_redirects=False) as answer:
            assert answer.headers["Location"] == "/support/login?next=%2Fconsole%3Fa%3D1"


async def test_every_redirect_and_link_leads_below_the_base(db: Database) -> None:
    async with site(db, settings=BELOW) as web:
        ann, _ = await web.staff("ann@example.com", Role.ADMIN)
        cookies, headers = await web.browser(ann)
        sent = {**headers, "Origin": HOST, "Cookie": "; ".join(map("=".join, cookies.items()))}
        pages = {r.path for r in web.server.routes if r.page and r.method == "GET"}
        for path in sorted(path for path in pages if "{" not in path):
            async with web.http.get(path, headers=sent, allow_redirects=False) as answer:
                assert answer.status in (200, 303), path
                target = answer.headers.get("Location", "")
                assert not target or target.startswith("/support/"), path
                page = BeautifulSoup(await answer.text(), "html.parser")
            for tag in page.find_all(True):
                for name in ("href", "src", "action", "data-cards", "data-kit"):
                    address = str(tag.get(name) or "")
                    assert not address.startswith("/") or address.startswith("/support/"), (
                        path,
                        str(tag)[:200],
                    )
        link = await web.accounts.issue_link(ann, actor=ann)
        async with web.http.post(
            f"/support/login/link/{link}", headers={"Origin": HOST}, allow_redirects=False
        ) as answer:
            assert answer.headers["Location"] == "/support/console"
            assert set(answer.cookies) == {"__Host-session-support"}
            assert answer.cookies["__Host-session-support"]["path"] == "/"


@pytest.mark.parametrize(
    ("origin", "status"),
    [(HOST, 201), (f"{HOST}:443", 403), ("https://evil.example", 403), ("null", 403)],
)
async def test_an_origin_has_no_path(db: Database, origin: str, status: int) -> None:
    async with site(db, settings=BELOW) as web:
        headers = {"Origin": origin}
        found, _ = await web.call("POST", "/api/conversations", json={}, headers=headers)
        assert found == status


@pytest.mark.parametrize("file", files("*.html"))
def test_no_template_writes_an_address_of_ours_by_hand(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.findall(r"""(?:href|src|action|poster|data-[a-z-]+)=["']/(?!/)[^"']*""", text) == []


@pytest.mark.parametrize("file", files("*.html"))
def test_a_template_asks_for_the_place_of_what_it_is_given(file: str) -> None:
    """Whatever begins with an expression is drawn by `at`, `asset`, or is known to be whole."""
    whole = {
        "source.url",
        "s.url",
        "passage.url",
        "article.url",
        "card.homepage",
    }  # of elsewhere, or absolute
    whole |= {"file.open", "file.preview", "p.src", "here"}  # made by `at` where they are made
    text = (ROOT / file).read_text(encoding="utf-8")
    for expression in re.findall(r"""(?:href|src|action)="\{\{ *(.*?) *\}\}""", text):
        assert (
            expression == "root" or expression in whole or expression.startswith(("at(", "asset("))
        ), expression


@pytest.mark.parametrize("file", [f for f in files("*.js") if "/static/" in f])
def test_no_script_asks_for_an_address_of_ours_without_its_place(file: str) -> None:
    """`api`, `request` and `EventStream` put it right; whatever else asks or leads, says `at`."""
    text = (ROOT / file).read_text(encoding="utf-8")
    asked = re.findall(
        r"(?:\bfetch|location\.assign|location\.replace|window\.open)\(([^)]+)", text
    )
    for given in asked:
        known = given.startswith(
            ("at(", "location.href,", "`${board.dataset.kit}", "card.querySelector")
        )
        assert known, given
    assert re.findall(r"""\.(?:href|src|action) = ["'`]/""", text) == []
    assert re.findall(r"new EventSource\(|new WebSocket\(|sendBeacon\(", text) == []


def test_no_code_sends_to_a_whole_address_of_its_own_making() -> None:
    """Location is put right by the server, so handlers write our own paths and nothing before."""
    for file in files("*.py"):
        text = (ROOT / file).read_text(encoding="utf-8")
        for line in re.findall(r"""["']Location["']: *(.*)""", text):
            assert not re.search("public_url|host", line), (file, line)
        if re.search(r"\bHTTP(Found|SeeOther|MovedPermanently|TemporaryRedirect)\(", text):
            assert "public_url" not in text, file
