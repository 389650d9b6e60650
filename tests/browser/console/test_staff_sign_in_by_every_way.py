"""Password, link by mail and OpenID Connect, each the whole way round in a real browser."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from oidc_provider_mock import User as Identity
from oidc_provider_mock import run_server_in_thread
from playwright.async_api import Browser, Page, expect
from playwright.async_api import Error as PlaywrightError

from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.browser.shots import shot
from tests.browser.signing_in import by_link, press_link
from tests.core.accounts.test_mail_links import Letterbox
from tests.support.process import free_port

MINA = "mina@example.com"
PASSWORD = "correct horse battery staple"
IDENTITIES = (
    Identity(sub="mina", claims={"email": MINA, "email_verified": True}),
    Identity(sub="guest", claims={"email": "guest@example.com", "email_verified": True}),
)


@pytest.fixture
def letterbox() -> Letterbox:
    return Letterbox()


@pytest.fixture
async def desk(
    db: Database,
    mongo_uri: str,
    tmp_path: Path,
    letterbox: Letterbox,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[App]:
    """The application with all its ways in."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    port = free_port()
    post = Controller(letterbox, hostname="127.0.0.1", port=port)
    post.start()
    with run_server_in_thread(user_claims=IDENTITIES) as provider:
        settings = read_settings(
            {
                "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
                "DATA_DIR": str(tmp_path),
                "PORT": "0",
                "SMTP_HOST": "127.0.0.1",
                "SMTP_PORT": str(port),
                "SMTP_FROM": "desk@example.com",
                "OIDC_ISSUER": f"http://localhost:{provider.server_port}",
                "OIDC_CLIENT_ID": "desk",
                "OIDC_CLIENT_SECRET": "a secret",
                "OIDC_NAME": "Slack",
            }
        )
        async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
            await live.core.accounts.add(OPERATOR, MINA, role=Role.AGENT, name="Mina")
            yield live
    post.stop()


async def opened(chromium: Browser, desk: App, **context: object) -> Page:
    profile = await chromium.new_context(**{"locale": "en-GB"} | context)  # type: ignore[arg-type]
    page = await profile.new_page()
    page.set_default_timeout(20_000)
    await page.goto(f"{desk.core.site.url()}/login")
    return page


async def tries(page: Page, email: str, password: str) -> None:
    """Fill in the form and press the button."""
    form = page.locator("form[action='/login']")
    await form.locator("[name=email]").fill(email)
    await form.locator("[name=password]").fill(password)
    await form.locator("button").click()


async def letter(letterbox: Letterbox, count: int, page: Page) -> str:
    """The link in the newest of so many letters."""
    for _ in range(200):
        if len(letterbox.letters) >= count:
            break
        await page.wait_for_timeout(50)
    content = letterbox.letters[count - 1][1].get_payload(decode=True)
    assert isinstance(content, bytes)
    found = re.search(r"http://\S+/login/link/\S+", content.decode())
    assert found
    return found.group()


async def test_a_password_is_forgotten_set_and_used(
    desk: App, chromium: Browser, letterbox: Letterbox
) -> None:
    page = await opened(chromium, desk)
    base = desk.core.site.url()
    await tries(page, MINA, "a guess of mine")
    await expect(page.locator("p[role=alert]")).to_contain_text("does not sign anybody in")
    await expect(page.locator("form[action='/login'] [name=email]")).to_have_value(MINA)
    await shot(page, "wrong-en")

    # Forgotten, or never had: a link by mail leads in, once.
    mail = page.locator("form[action='/login/mail']")
    await mail.locator("[name=email]").fill(MINA)
    await mail.locator("button").click()
    await expect(page.locator("p[role=alert]")).to_be_visible()
    await shot(page, "mailed-en")
    link = await letter(letterbox, 1, page)
    await by_link(page, link)
    await expect(page).to_have_url(re.compile(f"^{base}/console"))
    await page.goto(f"{base}/console/account")
    await page.fill("#password [name=password]", "short")
    await page.click("#password button")
    assert (await desk.core.account_store.accounts())[0].password == ""
    await page.fill("#password [name=password]", PASSWORD)
    await page.click("#password button")
    await expect(page.locator(".toast")).to_contain_text("Your password is set.")

    other = await opened(chromium, desk)
    await press_link(other, link)
    await expect(other.locator("p[role=alert]")).to_contain_text("used or is too old")
    await tries(other, MINA, PASSWORD)
    await expect(other).to_have_url(re.compile(f"^{base}/console"))
    # A new password, perhaps because somebody knows the old one, ends every other session.
    await other.goto(f"{base}/console/account")
    await other.fill("#password [name=password]", PASSWORD + " again")
    await other.click("#password button")
    await expect(other.locator(".toast")).to_contain_text("Your password is set.")
    with contextlib.suppress(PlaywrightError):  # it goes there by itself, perhaps meanwhile
        await page.goto(f"{base}/console")
    await expect(page).to_have_url(re.compile(r"/login\?next="))
    await tries(page, MINA, PASSWORD)
    await expect(page.locator("p[role=alert]")).to_contain_text("does not sign anybody in")
    await tries(page, MINA, PASSWORD + " again")
    await expect(page).to_have_url(re.compile(f"^{base}/console"))
    await other.goto(f"{base}/console")
    await expect(other).to_have_url(re.compile(f"^{base}/console"))


async def test_whoever_guesses_is_slowed_down_in_both_languages(
    desk: App, chromium: Browser
) -> None:
    page = await opened(
        chromium, desk, locale="ko-KR", color_scheme="dark",
        viewport={"width": 390, "height": 844},
    )  # fmt: skip
    await expect(page.locator("html")).to_have_attribute("lang", "ko")
    await shot(page, "sign-in-ko-dark-phone")
    for n in range(6):
        await tries(page, MINA, f"guess number {n}")
        await expect(page.locator("p[role=alert]")).to_be_visible()
    await shot(page, "wrong-ko-dark-phone")
    refused = await page.locator("p[role=alert]").text_content()
    await tries(page, MINA, "one too many")
    assert refused
    await expect(page.locator("p[role=alert]")).to_have_text(
        "시도가 너무 많습니다. 잠시 후 다시 시도해 주세요."
    )
    await shot(page, "throttled-ko-dark-phone")
    assert not [c for c in await page.context.cookies() if c["name"] == "session"]
    # The colleague is not locked out: his link, from the same address even, still works.
    mina = await desk.core.accounts.find(MINA)
    link = await desk.core.accounts.issue_link(mina, actor=OPERATOR)
    await by_link(page, f"{desk.core.site.url()}/login/link/{link}")
    await expect(page).to_have_url(re.compile(f"^{desk.core.site.url()}/console"))


async def test_through_the_provider_and_back(desk: App, chromium: Browser) -> None:
    base = desk.core.site.url()
    page = await opened(chromium, desk)
    await page.goto(f"{base}/console/account")
    await expect(page).to_have_url(re.compile(r"/login\?next="))
    await shot(page, "sign-in-en")
    await page.click("text=Sign in with Slack")
    await page.fill("[name=sub]", "guest")
    await page.locator("button:not([name]), button").first.click()
    await expect(page).to_have_url(re.compile(re.escape(base)))
    await expect(page.locator("p[role=alert]")).to_be_visible()
    await shot(page, "provider-refused-en")
    await page.goto(f"{base}/login?next=/console/account")
    await page.click("text=Sign in with Slack")
    await page.fill("[name=sub]", "mina")
    await page.locator("button").first.click()
    await expect(page).to_have_url(f"{base}/console/account")
    await expect(page.locator("main")).to_contain_text(MINA)
    used = [c for c in await page.context.cookies() if c["name"] == "session"]
    assert used[0]["httpOnly"]
    assert used[0]["sameSite"] == "Lax"
    # Back and forward lead through the provider's answer again; nothing is used twice.
    await page.click("form[action='/logout'] button >> visible=true")
    await expect(page).to_have_url(f"{base}/login")
    await page.go_back()
    await page.reload()
    await expect(page).to_have_url(re.compile(r"/login\?next="))
