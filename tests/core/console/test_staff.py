"""Staff on the web: signing in, what a browser must carry, who may do what."""

from __future__ import annotations

import re
import secrets

import pytest

from core.accounts.audit.log import Audit
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from core.web.http.routing import Access
from core.web.http.settings import WebSettings
from tests.support.site import SECRET, Site, site

PASSWORD = "correct horse battery"


async def test_a_link_opens_the_console_once(web: Site) -> None:
    admin = await web.accounts.first_admin()
    link = await web.accounts.issue_link(admin, actor=OPERATOR)
    path = f"/login/link/{link}"
    for look in (web.http.head, web.http.get, web.http.get):
        async with look(path) as glance:
            page = await glance.text()
            assert glance.status == 200
            assert "session" not in glance.cookies
    [form] = re.findall(r"<form.*?</form>", page, re.DOTALL)
    assert f'method="post" action="{path}"' in form
    assert "<input" not in form
    foreign = {"Origin": "https://evil.example"}
    assert (await web.call("POST", path, headers=foreign))[0] == 403
    async with web.http.post(path, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/console")
        cookie = answer.cookies["session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    cookies = {"session": cookie.value}
    async with web.http.get(
        "/console", headers={"Cookie": f"session={cookie.value}"}, allow_redirects=False
    ) as answer:
        assert answer.headers["Location"] == "/console/approvals"
    status, page = await web.call("GET", "/console/users", cookies=cookies)
    assert status == 200
    assert admin.email in page
    status, page = await web.call("POST", path)
    assert status == 401
    assert "used or is too old" in page


async def test_without_a_session_a_page_leads_to_signing_in(web: Site) -> None:
    async with web.http.get("/console/users?a=1", allow_redirects=False) as answer:
        assert answer.status == 303
        assert answer.headers["Location"] == "/login?next=%2Fconsole%2Fusers%3Fa%3D1"
    assert (await web.call("GET", "/api/users"))[0] == 401


async def test_password_sign_in_goes_where_he_wanted_and_nowhere_else(web: Site) -> None:
    mina, _ = await web.staff("mina@example.com", Role.SUPERVISOR)
    await web.accounts.set_password(mina, PASSWORD)
    for wanted, leads in (
        ("/console/users", "/console/users"),
        ("https://evil.example/", "/console"),
        ("//evil.example/", "/console"),
        ("/\\evil.example", "/console"),
        ("", "/console"),
        ("/a\r\nSet-Cookie: x=y", "/console"),
    ):
        form = {"email": mina.email, "password": PASSWORD, "next": wanted}
        async with web.http.post("/login", data=form, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, leads)


async def test_unknown_and_wrong_get_the_same_answer(web: Site) -> None:
    mina, _ = await web.staff("mina@example.com", Role.AGENT)
    await web.accounts.set_password(mina, PASSWORD)
    pages = []
    for email in (mina.email, "nobody@example.com"):
        form = {"email": email, "password": "wrong wrong wrong", "next": ""}
        status, page = await web.call("POST", "/login", data=form)
        assert status == 401
        pages.append(page.replace(email, "X"))
    assert pages[0] == pages[1]


async def test_a_foreign_page_cannot_sign_anybody_in(web: Site) -> None:
    form = {"email": "a@b.c", "password": "x", "next": ""}
    headers = {"Origin": "https://evil.example"}
    assert (await web.call("POST", "/login", data=form, headers=headers))[0] == 403


async def test_a_write_from_a_browser_needs_the_sessions_own_token(web: Site) -> None:
    chief, token = await web.staff("chief@example.com", Role.SUPERVISOR)
    other, _ = await web.staff("other@example.com", Role.SUPERVISOR)
    cookies, headers = await web.browser(chief)
    _, foreign = await web.browser(other)
    body = {"email": "new@example.com", "role": "agent"}
    forged = ["", "x", foreign["X-CSRF-Token"], headers["X-CSRF-Token"][:-2] + "AA", "é"]
    forged += [secrets.token_urlsafe(32) for _ in range(200)]
    for one in forged:
        sent = {"X-CSRF-Token": one} if one else {}
        status, _ = await web.call("POST", "/api/users", json=body, cookies=cookies, headers=sent)
        assert status == 403
    status, _ = await web.call("POST", "/api/users", json=body, cookies=cookies, headers=headers)
    assert status == 201
    body["email"] = "two@example.com"
    assert (await web.call("POST", "/api/users", json=body, token=token))[0] == 201


async def test_forged_cookies_and_tokens_are_nobodys(web: Site) -> None:
    chief, token = await web.staff("chief@example.com", Role.SUPERVISOR)
    cookies, _ = await web.browser(chief)
    await web.accounts.set_role(OPERATOR, chief.email, Role.SUPERVISOR)
    real = cookies["session"]
    for number in range(250):
        fake = real[: number % 40] + secrets.token_urlsafe(24)
        assert (await web.call("GET", "/api/me", cookies={"session": fake}))[0] == 401
        fake = token[: 5 + number % 40] + secrets.token_urlsafe(24)
        assert (await web.call("GET", "/api/me", token=fake))[0] == 401
        link = secrets.token_urlsafe(32)
        if number < 20:
            assert (await web.call("POST", f"/login/link/{link}"))[0] in (401, 429)
    assert (await web.call("GET", "/api/me", cookies={"session": real}))[0] == 200


async def test_signing_out_ends_the_session(web: Site) -> None:
    chief, _ = await web.staff("chief@example.com", Role.SUPERVISOR)
    cookies, headers = await web.browser(chief)
    form = {"csrf": headers["X-CSRF-Token"]}
    assert (await web.call("POST", "/logout", cookies=cookies, data={"csrf": "x"}))[0] == 403
    assert (await web.call("POST", "/logout", cookies=cookies, data=form))[0] == 303
    assert (await web.call("GET", "/api/me", cookies=cookies))[0] == 401


async def test_pages_and_writes_are_activity_and_reading_is_not(
    db: Database, clock: ManualClock
) -> None:
    async with site(db, clock=clock, settings=WebSettings(secret_key=SECRET)) as web:
        chief, _ = await web.staff("chief@example.com", Role.SUPERVISOR)
        cookies, headers = await web.browser(chief)
        await clock.advance(3000)
        assert (await web.call("GET", "/console/users", cookies=cookies))[0] == 200
        await clock.advance(3000)
        stay = "/api/me/activity"
        assert (await web.call("POST", stay, cookies=cookies, headers=headers))[0] == 204
        for _ in range(3):
            await clock.advance(1190)
            assert (await web.call("GET", "/api/me", cookies=cookies))[0] == 200
        await clock.advance(31)
        assert (await web.call("GET", "/api/me", cookies=cookies))[0] == 401


async def test_every_route_refuses_those_below_its_role(web: Site) -> None:
    tokens = {role: (await web.staff(f"{role}@example.com", role))[1] for role in Role}
    needed = {
        Access.STAFF: Role.AGENT,
        Access.SUPERVISOR: Role.SUPERVISOR,
        Access.ADMIN: Role.ADMIN,
    }
    checked = 0
    for route in web.routes:
        least = needed.get(route.access)
        if least is None or route.stream:
            continue
        path = re.sub(r"\{\w+\}", "nobody@example.com", route.path)
        for role, token in tokens.items():
            status, _ = await web.call(route.method, path, token=token)
            assert (status == 403) is not role.includes(least) or "password" in path, path
            checked += 1
        status, _ = await web.call(route.method, path)
        assert status == (303 if route.page and route.method == "GET" else 401), path
    assert checked > 30
    refused = {(e.who, e.subject) for e in await web.audit.page() if e.what == "access.refused"}
    assert ("agent@example.com", "GET /api/users") in refused


async def test_users_are_managed_over_the_api(web: Site) -> None:
    _, chief = await web.staff("chief@example.com", Role.SUPERVISOR)
    await web.accounts.first_admin()
    status, made = await web.call(
        "POST", "/api/users", token=chief, json={"email": "Mina@Example.com", "name": "미나"}
    )
    assert (status, made["email"], made["role"], made["name"]) == (
        201,
        "mina@example.com",
        "agent",
        "미나",
    )
    body = {"email": "mina@example.com"}
    assert (await web.call("POST", "/api/users", token=chief, json=body))[0] == 409
    body = {"email": "boss@example.com", "role": "admin"}
    assert (await web.call("POST", "/api/users", token=chief, json=body))[0] == 403
    path = "/api/users/mina@example.com"
    status, changed = await web.call(
        "PATCH", path, token=chief, json={"role": "supervisor", "slack_id": "U123"}
    )
    assert (status, changed["role"], changed["slack_id"]) == (200, "supervisor", "U123")
    status, link = await web.call("POST", path + "/link", token=chief)
    assert status == 201
    status, _ = await web.call("POST", link["url"].removeprefix(web.url))
    assert status == 303
    assert (await web.call("DELETE", path, token=chief))[0] == 204
    assert (await web.call("DELETE", path, token=chief))[0] == 404
    assert (await web.call("DELETE", "/api/users/%00%ff", token=chief))[0] == 404
    admin = "/api/users/admin@localhost"
    assert (await web.call("DELETE", admin, token=chief))[0] == 403


async def test_the_list_of_users_goes_on_by_cursor(web: Site) -> None:
    _, chief = await web.staff("chief@example.com", Role.SUPERVISOR)
    for number in range(5):
        await web.accounts.add(OPERATOR, f"u{number}@example.com", role=Role.AGENT)
    emails: list[str] = []
    cursor = ""
    while True:
        path = "/api/users?limit=2" + (f"&cursor={cursor}" if cursor else "")
        status, page = await web.call("GET", path, token=chief)
        assert status == 200
        emails += [item["email"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert emails == ["chief@example.com", *(f"u{n}@example.com" for n in range(5))]
    for bad in ("x", "!!", "WzFd", "W10", "%00", "a" * 399):
        assert (await web.call("GET", f"/api/users?cursor={bad}", token=chief))[0] == 422


async def test_my_tokens(web: Site) -> None:
    mina, token = await web.staff("mina@example.com", Role.SUPERVISOR)
    cookies, headers = await web.browser(mina)
    status, made = await web.call(
        "POST", "/api/me/tokens", token=token, json={"name": "robot", "scope": "agent", "days": 1}
    )
    assert status == 201
    narrow = made["token"]
    assert (await web.call("GET", "/api/users", token=narrow))[0] == 403
    status, wide = await web.call(
        "POST", "/api/me/tokens", token=narrow, json={"scope": "supervisor"}
    )
    assert (await web.call("GET", "/api/users", token=wide["token"]))[0] == 403
    body = {"password": PASSWORD}
    assert (await web.call("POST", "/api/me/password", token=narrow, json=body))[0] == 403
    _, known = await web.call("GET", "/api/me/tokens", token=token)
    for item in known["items"]:
        if item["name"] == "robot":
            path = f"/api/me/tokens/{item['id']}"
            assert (await web.call("DELETE", path, token=token))[0] == 403
            ended = await web.call("DELETE", path, cookies=cookies, headers=headers)
            assert ended[0] == 204
    assert (await web.call("GET", "/api/me", token=narrow))[0] == 401


@pytest.mark.parametrize(("language", "word"), [("ko-KR,ko;q=0.9", "로그인"), ("de,en", "Sign in")])
async def test_pages_speak_the_readers_language(web: Site, language: str, word: str) -> None:
    status, page = await web.call("GET", "/login", headers={"Accept-Language": language})
    assert status == 200
    assert word in page
    async with web.http.get("/language/ko?next=/login", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/login"
        chosen = answer.cookies["locale"].value
    _, page = await web.call("GET", "/login", cookies={"locale": chosen})
    assert "로그인" in page


async def test_every_console_page_renders_in_both_languages(web: Site) -> None:
    admin = await web.accounts.first_admin()
    cookies, _ = await web.browser(admin)
    for path in ("/console/users", "/console/account", "/console/audit"):
        for locale in ("en", "ko"):
            status, page = await web.call("GET", path, cookies={**cookies, "locale": locale})
            assert status == 200, path
            assert f'<html lang="{locale}"' in page
            assert "<style" not in page
            assert " style=" not in page
            assert re.search(r"<script(?![^>]*src=)", page) is None


async def test_nobody_is_offered_a_change_of_his_own_role(web: Site) -> None:
    admin = await web.accounts.first_admin()
    mina, _ = await web.staff("mina@example.com", Role.AGENT)
    cookies, _ = await web.browser(admin)
    _, page = await web.call("GET", "/console/users", cookies=cookies)
    rows = dict(re.findall(r'<tr data-email="([^"]+)">(.*?)</tr>', page, re.DOTALL))
    assert 'data-field="role"' in rows[mina.email]
    assert 'data-field="role"' not in rows[admin.email]


async def test_the_audit_names_an_unknown_person_in_the_readers_language(web: Site) -> None:
    async with web.http.post("/login/link/never-issued") as answer:
        assert answer.status == 401
    admin = await web.accounts.first_admin()
    cookies, _ = await web.browser(admin)
    _, page = await web.call("GET", "/console/audit", cookies={**cookies, "locale": "ko"})
    assert "<span>알 수 없는 사람" in page
    assert ">somebody" not in page


async def test_the_audit_is_read_whatever_stands_in_it(web: Site) -> None:
    """Of an earlier or later release, or of a plugin: one without words hid all the others."""
    admin = await web.accounts.first_admin()
    await Audit(web.world.db, clock=web.world.clock).record("of.another_release", who=admin.email)
    cookies, _ = await web.browser(admin)
    status, page = await web.call("GET", "/console/audit", cookies=cookies)
    assert status == 200
    assert ">of.another_release</span>" in page


async def test_errors_of_pages_are_pages(web: Site) -> None:
    _, token = await web.staff("mina@example.com", Role.AGENT)
    headers = {"Accept": "text/html", "Authorization": f"Bearer {token}"}
    status, page = await web.call("GET", "/console/users", headers=headers)
    assert status == 403
    assert "<h1>This is not allowed</h1>" in page
    status, page = await web.call("GET", "/nothing", headers=headers)
    assert status == 404
    assert "<h1>There is nothing here</h1>" in page
    headers["Accept-Language"] = "ko"
    status, page = await web.call("GET", "/nothing", headers=headers)
    assert "주소가 잘못되었거나" in page
    assert "nothing here" not in page
    async with web.http.get("/nothing", headers=headers) as answer:
        assert "style-src 'self'" in answer.headers["Content-Security-Policy"]


async def test_assets_are_cached_for_ever_under_their_version(web: Site) -> None:
    _, page = await web.call("GET", "/login")
    sheets = re.findall(r'href="(/assets/[^"]+\.css)"', page)
    assert sheets
    for css in sheets:
        async with web.http.get(css) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
            assert "immutable" in answer.headers["Cache-Control"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
    async with web.http.get(re.sub(r"/assets/\w+/", "/assets/old/", css)) as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
    for bad in ("/assets/x/../../settings.py", "/assets/x/core/..%2fpages.py", "/assets/x/y"):
        assert (await web.call("GET", bad))[0] == 404
