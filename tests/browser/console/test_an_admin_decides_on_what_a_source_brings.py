"""An admin sets up a source on the console, and decides on a large change with both texts seen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from playwright.async_api import Browser, Page, expect

from core.accounts.roles import Role
from tests.browser.console.test_the_menu import signed_in
from tests.browser.signing_in import by_link
from tests.support.control import heard
from tests.support.servers.website import a_site

if TYPE_CHECKING:
    from app import App

PATIENCE = 60.0  #: seconds


async def test_an_admin_decides_on_what_a_source_brings(app: App, chromium: Browser) -> None:
    admin = await app.core.accounts.first_admin()
    link = await app.core.accounts.issue_link(admin, actor=admin)
    profile = await chromium.new_context(locale="en-US", viewport={"width": 390, "height": 800})
    page = await profile.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    site_url = app.core.site.url()
    await by_link(page, f"{site_url}/login/link/{link}")

    async with a_site(12) as site:
        await page.goto(f"{site_url}/console/sources")
        await page.get_by_label("Kind").select_option("website")
        await page.get_by_role("button", name="Choose").click()
        form = page.locator("#new-source")
        await form.get_by_label("Name").first.fill("Rooms")
        await form.get_by_label("Address").fill(f"{site.root}/")
        await form.get_by_label("Pause between two requests (seconds)").fill("0")
        await form.get_by_role("button", name="Add a source").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Rooms")
        await until(page, '[data-state="fresh"]')
        await expect(page.get_by_text("13 added")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        source = page.url.rpartition("/")[2]

        for number in range(6):
            site.change(f"/p/{number}", f"The room {number} is closed for good.")
        await page.get_by_role("button", name="Sync now").click()
        await until(page, "#waiting")
        await until(page, '[data-state="fresh"]')
        await expect(page.get_by_role("heading", name="6 changes wait for you")).to_be_visible()
        one = page.locator(f'[data-address="{site.root}/p/3"]')
        await expect(one.locator('[data-side="before"]')).to_contain_text("code 1003")
        await expect(one.locator('[data-side="after"]')).to_contain_text("closed for good")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert "code 1003" in await heard(app, "kb.search", question="Room 3", limit=1)
        await one.get_by_role("button", name="Take this in").click()
        await expect(page.locator(".alert[role=status]")).to_contain_text("1 documents")
        await expect(page.locator("[data-address]")).to_have_count(5)
        await page.get_by_role("button", name="Leave all as they are").click()
        await expect(page.locator(".alert[role=status]")).to_contain_text("5 documents")
        await expect(page.locator("#waiting")).to_have_count(0)
        assert "closed for good" in await heard(app, "kb.search", question="Room 3", limit=1)
        assert "code 1001" in await heard(app, "kb.search", question="Room 1", limit=1)

        await page.get_by_role("button", name="Make a new secret").click()
        secret = await page.locator("[data-secret]").inner_text()
        await page.goto(f"{site_url}/console/sources/{source}")
        assert secret not in await page.content()
        assert secret not in str(await app.db["sources"].find({}).to_list())

        await page.get_by_role("button", name="Remove this source and its articles").click()
        await expect(page.get_by_text("No source yet")).to_be_visible()
        assert "Nothing found" in await heard(app, "kb.search", question="Room 3", limit=1)
    assert broken == []


async def until(page: Page, what: str) -> None:
    """Look at the page again until this stands on it."""
    async with asyncio.timeout(PATIENCE):
        while not await page.locator(what).count():
            await asyncio.sleep(0.5)
            await page.goto(page.url.partition("?")[0])


async def test_kinds_are_named_in_the_readers_language_and_websites_stand_first(
    app: App, chromium: Browser
) -> None:
    page = await signed_in(app, chromium, Role.ADMIN, locale="ko-KR")
    await page.goto(app.core.site.url() + "/console/sources")
    await expect(page.locator("[name=kind] option")).to_have_text(
        ["웹사이트", "이 컴퓨터의 폴더", "Git 저장소"]
    )
