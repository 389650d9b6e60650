"""Behind TLS every cookie is Secure and bound to this host by its name, whoever sets it."""

from __future__ import annotations

import ast
import re
from http.cookies import SimpleCookie

from core.accounts.roles import Role
from core.storage.client import Database
from core.web.http.settings import WebSettings
from tests.support.process import PRODUCT, ROOT
from tests.support.site import SECRET, Site, site

BEHIND_TLS = WebSettings(secret_key=SECRET, public_url="https://help.example.com")
OWN = {"Origin": "https://help.example.com"}
PASSWORD = "correct horse battery"


async def set_by(web: Site, method: str, path: str, **sent: object) -> list[str]:
    """The Set-Cookie lines of an answer."""
    headers = {**OWN, **sent.pop("headers", {})}  # type: ignore[dict-item]
    async with web.http.request(
        method,
        path,
        headers=headers,
        allow_redirects=False,
        **sent,  # type: ignore[arg-type]
    ) as answer:
        assert answer.status < 400, await answer.text()
        return answer.headers.getall("Set-Cookie", [])


async def test_every_cookie_is_bound(db: Database) -> None:
    async with site(db, settings=BEHIND_TLS) as web:
        mina, _ = await web.staff("mina@example.com", Role.AGENT)
        await web.accounts.set_password(mina, PASSWORD)
        link = await web.accounts.issue_link(mina, actor=mina)
        cookies, headers = await web.browser(mina)
        sent = {**headers, "Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
        form = {"email": mina.email, "password": PASSWORD, "next": ""}
        lines = [
            *await set_by(web, "POST", "/api/conversations", json={}),
            *await set_by(web, "GET", "/language/ko"),
            *await set_by(web, "POST", f"/login/link/{link}"),
            *await set_by(web, "POST", "/login", data=form),
            *await set_by(
                web, "POST", "/logout", headers=sent, data={"csrf": headers["X-CSRF-Token"]}
            ),
        ]
        names = set()
        for line in lines:
            cookie = SimpleCookie(line)
            [(name, morsel)] = cookie.items()
            names.add(name)
            assert name.startswith("__Host-")
            assert morsel["secure"]
            assert morsel["httponly"]
            assert morsel["path"] == "/"
            assert morsel["samesite"] == "Lax"
            assert not morsel["domain"]
        assert names == {"__Host-visitor", "__Host-locale", "__Host-session"}


async def test_what_a_neighbour_plants_is_not_read(db: Database) -> None:
    """shop.example.com can set `session` and `visitor` for help.example.com, but no __Host- one."""
    async with site(db, settings=BEHIND_TLS) as web:
        mina, _ = await web.staff("mina@example.com", Role.AGENT)
        [(name, value)] = (await web.browser(mina))[0].items()
        assert (await web.call("GET", "/api/me", cookies={name: value}))[0] == 200
        assert (await web.call("GET", "/api/me", cookies={"session": value}))[0] == 401
        conversation_id, token = await web.open()
        path = f"/api/conversations/{conversation_id}"
        assert (await web.call("GET", path, cookies={"__Host-visitor": token}))[0] == 200
        assert (await web.call("GET", path, cookies={"visitor": token}))[0] == 401
        _, page = await web.call("GET", "/login", cookies={"locale": "ko", "theme": "dark"})
        assert '<html lang="en" data-theme="auto"' in page
        bound = {"__Host-locale": "ko", "__Host-theme": "dark"}
        _, page = await web.call("GET", "/login", cookies=bound)
        assert '<html lang="ko" data-theme="dark"' in page
        _, document = await web.call("GET", "/api/openapi.json")
        schemes = document["components"]["securitySchemes"]
        assert schemes["session"]["name"] == "__Host-session"
        assert schemes["visitorCookie"]["name"] == "__Host-visitor"


def test_nobody_sets_or_reads_a_cookie_past_the_one_place() -> None:
    for folder in PRODUCT:
        for file in (ROOT / folder).rglob("*.py"):
            if file == ROOT / "core" / "web" / "identity" / "cookies.py":
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Attribute):
                    assert node.attr not in ("set_cookie", "del_cookie"), file
                    owner = node.value.id if isinstance(node.value, ast.Name) else ""
                    assert not (node.attr == "cookies" and owner == "request"), file
        for file in (ROOT / folder).rglob("*.js"):
            for line in re.findall(r"document\.cookie\s*=.*", file.read_text()):
                assert "`${prefix}" in line, file
                assert "${secure}" in line, file
