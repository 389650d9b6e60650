"""One's own password and everybody's API tokens over HTTP and on the pages, in both languages."""

from __future__ import annotations

import pytest

from core.accounts.roles import Role
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from core.web.http.settings import WebSettings
from tests.support.site import SECRET, Site, site

PASSWORD = "correct horse battery"


async def test_a_password_needs_the_old_one_or_a_fresh_sign_in(
    db: Database, clock: ManualClock
) -> None:
    async with site(db, clock=clock, settings=WebSettings(secret_key=SECRET)) as web:
        mina, _ = await web.staff("mina@example.com", Role.AGENT)
        cookies, headers = await web.browser(mina)

        async def sets(**body: object) -> int:
            status, _ = await web.call(
                "POST", "/api/me/password", json=body, cookies=cookies, headers=headers
            )
            return status

        assert await sets(password=PASSWORD) == 204
        _, page = await web.call("GET", "/console/account", cookies=cookies)
        assert 'name="old"' in page
        assert 'maxlength="256" required>' not in page
        await clock.advance(601)
        _, page = await web.call("GET", "/console/account", cookies=cookies)
        assert 'name="old" autocomplete="current-password" maxlength="256" required>' in page
        assert await sets(password="somebody sat here") == 403
        assert await sets(password="somebody sat here", old="a guess") == 403
        assert await sets(password="mine and only mine", old=PASSWORD) == 204
        assert (await web.call("GET", "/api/me", cookies=cookies))[0] == 200


async def test_ending_everything_offers_to_end_tokens(web: Site) -> None:
    mina, token = await web.staff("mina@example.com", Role.AGENT)
    boss, _ = await web.staff("boss@example.com", Role.ADMIN)
    for ends in (False, True):
        cookies, headers = await web.browser(mina)
        for locale, words in (("en", "Withdraw my API tokens"), ("ko", "내 API 토큰도 함께 폐기")):
            _, page = await web.call(
                "GET", "/console/account", cookies={**cookies, "locale": locale}
            )
            assert page.count(words) == 2
        form = {"csrf": headers["X-CSRF-Token"]} | ({"tokens": "yes"} if ends else {})
        status, _ = await web.call("POST", "/logout/everywhere", cookies=cookies, data=form)
        assert status == 303
        assert (await web.call("GET", "/api/me", cookies=cookies))[0] == 401
        assert (await web.call("GET", "/api/me", token=token))[0] == (401 if ends else 200)
    token = await web.accounts.issue_token(mina, actor=mina)
    cookies, headers = await web.browser(boss)
    path = f"/api/users/{mina.email}/sessions"
    assert (await web.call("DELETE", path, cookies=cookies, headers=headers))[0] == 204
    assert (await web.call("GET", "/api/me", token=token))[0] == 200
    path += "?tokens=true"
    assert (await web.call("DELETE", path, cookies=cookies, headers=headers))[0] == 204
    assert (await web.call("GET", "/api/me", token=token))[0] == 401


async def test_admins_list_and_withdraw_every_token(web: Site) -> None:
    boss, boss_token = await web.staff("boss@example.com", Role.ADMIN)
    tokens = {boss_token}
    for n in range(6):
        _, token = await web.staff(f"u{n}@example.com", Role.SUPERVISOR)
        tokens.add(token)
    found: list[tuple[str, str]] = []
    cursor = ""
    while True:
        path = "/api/tokens?limit=2" + (f"&cursor={cursor}" if cursor else "")
        status, page = await web.call("GET", path, token=boss_token)
        assert status == 200
        found += [(item["email"], item["id"]) for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert [email for email, _ in found] == [boss.email, *(f"u{n}@example.com" for n in range(6))]
    assert not any(token in str(found) for token in tokens)
    mine, *others = found
    cookies, headers = await web.browser(boss)
    for locale, title in (("en", "API tokens"), ("ko", "API 토큰")):
        _, page = await web.call("GET", "/console/tokens", cookies={**cookies, "locale": locale})
        assert f"<h1>{title}</h1>" in page
        assert all(f'data-token-id="{i}"' in page and email in page for email, i in found)
    for email, token_id in others:
        path = f"/api/tokens/{token_id}"
        # A token manages none, however great.
        assert (await web.call("DELETE", path, token=boss_token))[0] == 403
        status, _ = await web.call("DELETE", path, cookies=cookies, headers=headers)
        assert status == 204, email
        status, _ = await web.call("DELETE", path, cookies=cookies, headers=headers)
        assert status == 404
    assert (await web.call("GET", "/api/tokens", token=boss_token))[1]["items"][0]["id"] == mine[1]
    for role in (Role.AGENT, Role.SUPERVISOR):
        lesser, _ = await web.staff(f"{role}@example.com", role)
        cookies, headers = await web.browser(lesser)
        for method, path in (
            ("GET", "/api/tokens"),
            ("GET", "/console/tokens"),
            ("DELETE", f"/api/tokens/{mine[1]}"),
        ):
            status, _ = await web.call(method, path, cookies=cookies, headers=headers)
            assert status == 403, (method, path)


async def test_a_session_that_came_of_anothers_link_says_so(web: Site) -> None:
    sara, _ = await web.staff("sara@example.com", Role.SUPERVISOR)
    mina, _ = await web.staff("mina@example.com", Role.AGENT)
    link = await web.accounts.issue_link(mina, actor=sara)
    status, leads, cookies = await web.by_link(link)
    assert (status, leads) == (303, "/console")
    for locale, words in (
        ("en", "through sara@example.com"),
        ("ko", "sara@example.com을(를) 통해"),
    ):
        _, page = await web.call("GET", "/console/account", cookies={**cookies, "locale": locale})
        assert words in page


@pytest.mark.parametrize("locale", ["en", "ko"])
async def test_the_page_knows_when_the_session_ends(
    db: Database, clock: ManualClock, locale: str
) -> None:
    settings = WebSettings(secret_key=SECRET, session_longest_seconds=7200)
    async with site(db, clock=clock, settings=settings) as web:
        mina, _ = await web.staff("mina@example.com", Role.AGENT)
        cookies, _ = await web.browser(mina)
        cookies["locale"] = locale
        await clock.advance(3000)
        _, page = await web.call("GET", "/console/account", cookies=cookies)
        assert 'data-ends="4200"' in page
        assert {"en": "Finish what you are writing", "ko": "다시 로그인해 주세요"}[locale] in page
        await clock.advance(3000)
        assert (await web.call("GET", "/console/account", cookies=cookies))[0] == 200
        await clock.advance(1200)
        assert (await web.call("GET", "/console/account", cookies=cookies))[0] == 303
