"""A session's hour in a real browser, on clocks that the test moves."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from core.accounts.roles import Role
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from core.web.http.settings import WebSettings
from tests.browser.signing_in import by_link
from tests.support.site import SECRET, site

MINUTE = 60


async def test_warned_at_55_minutes_and_out_after_an_hour(
    db: Database, chromium: Browser, clock: ManualClock
) -> None:
    settings = WebSettings(secret_key=SECRET, heartbeat_seconds=0.5)
    async with site(db, clock=clock, settings=settings) as web:
        user, _ = await web.staff("mina@example.com", Role.AGENT)
        link = await web.accounts.issue_link(user, actor=user)
        context = await chromium.new_context(locale="en-GB")
        page = await context.new_page()
        await page.clock.install()
        await by_link(page, f"{web.url}/login/link/{link}")
        await page.goto(f"{web.url}/console/account")
        warning = page.locator("#session-warning")
        await expect(warning).to_be_hidden()

        await clock.advance(54 * MINUTE)
        await page.clock.fast_forward(54 * MINUTE * 1000)
        await expect(warning).to_be_hidden()
        await clock.advance(MINUTE + 1)
        await page.clock.fast_forward((MINUTE + 1) * 1000)
        await expect(warning).to_be_visible()

        await warning.locator("[data-stay]").click()
        await expect(warning).to_be_hidden()
        await clock.advance(10 * MINUTE)
        assert (await page.request.get(f"{web.url}/api/me")).status == 200

        await clock.advance(50 * MINUTE + 1)
        await page.clock.fast_forward(61 * MINUTE * 1000)
        await page.wait_for_url("**/login*")
        assert (await page.request.get(f"{web.url}/api/me")).status == 401
        await context.close()


async def test_signed_out_everywhere_means_here_too(db: Database, chromium: Browser) -> None:
    async with site(db) as web:
        user, _ = await web.staff("mina@example.com", Role.AGENT)
        pages = []
        for _ in range(2):
            context = await chromium.new_context(locale="en-GB")
            page = await context.new_page()
            link = await web.accounts.issue_link(user, actor=user)
            await by_link(page, f"{web.url}/login/link/{link}")
            await page.goto(f"{web.url}/console/account")
            pages.append(page)
        await pages[0].click("form[action='/logout/everywhere'] button")
        await pages[0].wait_for_url("**/login")
        await pages[1].reload()
        await pages[1].wait_for_url("**/login?next=**")
