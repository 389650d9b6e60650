"""Signing in by link, the users page, language, theme and the phone, in a real browser."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.storage.client import Database
from tests.browser.signing_in import by_link
from tests.support.site import site


async def test_an_admin_manages_people_in_the_browser(db: Database, chromium: Browser) -> None:
    async with site(db) as web:
        await web.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT, name="Mina")
        admin = await web.accounts.first_admin()
        link = await web.accounts.issue_link(admin, actor=OPERATOR)
        context = await chromium.new_context(locale="en-GB")
        page = await context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))

        await by_link(page, f"{web.url}/login/link/{link}")
        await page.goto(f"{web.url}/console/users")
        row = page.locator("tr[data-email='mina@example.com']")
        await row.locator("[data-field=role]").select_option("supervisor")
        # A higher role is given to her, not to whoever has been let in as her.
        await expect(page.locator(".toast")).to_contain_text(
            "mina@example.com has to sign in again"
        )
        assert (await web.accounts.find("mina@example.com")).role is Role.SUPERVISOR

        await row.locator("[data-do=link]").click()
        dialog = page.locator("#link-dialog[open]")
        await dialog.locator("[name=minutes]").select_option("4320")
        await dialog.locator("[data-make]").click()
        await expect(dialog.locator("[data-link]")).to_contain_text("/login/link/")
        await dialog.locator("[data-close]").click()

        await page.fill("#add-user [name=email]", "mina@example.com")
        await page.click("#add-user button")
        await expect(page.locator(".toast.bad")).to_contain_text("already")
        await page.fill("#add-user [name=email]", "new@example.com")
        await page.click("#add-user button")
        await expect(page.locator("tr[data-email='new@example.com']")).to_be_visible()

        page.on("dialog", lambda asked: asked.accept())
        await page.click("tr[data-email='new@example.com'] [data-do=remove]")
        await expect(page.locator("tr[data-email='new@example.com']")).to_have_count(0)
        own = "tr[data-email='admin@localhost'] [data-do=remove]"
        await page.click(own)
        await expect(page.locator(".toast.bad").last).to_contain_text("Without this admin")

        await page.set_viewport_size({"width": 390, "height": 844})
        await page.goto(f"{web.url}/language/ko?next=/console/users")
        await expect(page.locator("h1")).to_have_text("사용자")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        menu = page.locator(".menu-toggle")
        await menu.click()
        await expect(menu).to_have_attribute("aria-expanded", "true")
        await page.click("[data-theme-toggle]")
        await page.click("[data-theme-toggle]")
        await page.reload()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")

        await menu.click()
        await page.click("form[action='/logout'] button")
        await expect(page).to_have_url(f"{web.url}/login")
        await page.goto(f"{web.url}/console/users")
        await expect(page.locator("input[name=next]")).to_have_value("/console/users")
        assert complaints == []
        await context.close()


async def test_a_refused_change_says_why_and_shows_what_is_stored(
    db: Database, chromium: Browser
) -> None:
    async with site(db) as web:
        await web.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT, name="Mina")
        admin = await web.accounts.first_admin()
        link = await web.accounts.issue_link(admin, actor=OPERATOR)
        page = await (await chromium.new_context(locale="ko-KR")).new_page()
        await by_link(page, f"{web.url}/login/link/{link}")
        await page.goto(f"{web.url}/console/users")
        row = page.locator("tr[data-email='mina@example.com']")
        role, name = row.locator("[data-field=role]"), row.locator("[data-field=name]")
        await name.fill("Mina Kim")
        await name.press("Tab")
        await expect(page.locator(".toast")).to_have_text("저장했습니다.")
        # Another admin has removed her meanwhile.
        await web.accounts.remove(OPERATOR, "mina@example.com")
        await role.select_option("supervisor")
        await expect(page.locator(".toast.bad")).to_be_visible()
        await expect(role).to_have_value("agent")
        await name.fill("Nobody")
        await name.press("Tab")
        await expect(page.locator(".toast.bad")).to_have_count(2)
        await expect(name).to_have_value("Mina Kim")
