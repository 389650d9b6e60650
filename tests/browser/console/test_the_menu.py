"""The console's menu: grouped by the kind of work, and each page is called what it is called."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Browser, Page, expect

from core.accounts.roles import Role
from tests.browser.shots import shot
from tests.browser.signing_in import by_link

if TYPE_CHECKING:
    from app import App

pytestmark = pytest.mark.browser

LINK = re.compile(r'<li><a href="([^"]+)"( aria-current="page")?>\s*([^<]+?)\s*<')


async def signed_in(app: App, chromium: Browser, role: Role, **context: Any) -> Page:
    """The console as somebody of this role opens it."""
    base = app.core.site.url()
    user = admin = await app.core.accounts.first_admin()
    if role is not Role.ADMIN:
        user = await app.core.accounts.add(admin, f"{role.value}@example.com", role=role)
    link = await app.core.accounts.issue_link(user, actor=admin)
    profile = await chromium.new_context(**{"locale": "en-US"} | context)
    page = await profile.new_page()
    page.set_default_timeout(20_000)
    await by_link(page, f"{base}/login/link/{link}")
    return page


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
async def test_every_page_has_the_name_of_its_entry_and_is_marked_alone(
    app: App, chromium: Browser, locale: str
) -> None:
    page = await signed_in(app, chromium, Role.ADMIN, locale=locale)
    base = app.core.site.url()
    entries = LINK.findall(await (await page.request.get(f"{base}/console/settings")).text())
    assert len(entries) > 12
    for path, _, words in entries:
        text = await (await page.request.get(base + path)).text()
        current = [link[0] for link in LINK.findall(text) if link[1]]
        assert current == [path]
        headings = re.findall(r"<h1[^>]*>\s*([^<]+?)\s*</h1>", text)
        assert [html.unescape(h) for h in headings[:1]] == [html.unescape(words)], path
        # A page's own words must not take the place of the frame's: the knowledge's once did.
        assert f"/language/ko?next={path}" in html.unescape(text), path


async def test_a_role_sees_the_groups_in_which_it_has_pages(app: App, chromium: Browser) -> None:
    page = await signed_in(app, chromium, Role.AGENT)
    await page.goto(app.core.site.url() + "/console/approvals")
    menu = page.locator("#nav")
    await expect(menu.get_by_role("list", name="Work")).to_be_visible()
    await expect(menu.get_by_role("list", name="Work").get_by_role("link")).to_have_count(3)
    await expect(menu.get_by_role("list", name="Set-up")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_menu_fits_its_screen_and_the_keyboard_reaches_all(
    app: App, chromium: Browser, width: int
) -> None:
    size = {"width": width, "height": 800}
    page = await signed_in(app, chromium, Role.ADMIN, viewport=size)
    await page.goto(app.core.site.url() + "/console/settings")
    if width < 1021:
        await page.get_by_role("button", name="Menu").press("Enter")
    groups = page.locator("#nav .nav-name")
    await expect(groups).to_have_text(["Work", "Insight", "Assistant", "Set-up"])
    await expect(groups.first).to_be_visible()
    links = page.locator("#nav .nav-groups a")
    await links.first.focus()
    for _ in range(await links.count() - 1):
        await page.keyboard.press("Tab")
    await expect(links.last).to_be_focused()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Who is signed in, and the way out, are in sight however long the menu is.
    if width >= 1100:
        await expect(page.locator("#nav .me")).to_be_in_viewport(ratio=1)
        sign_out = page.get_by_role("button", name="Sign out", exact=True)
        await expect(sign_out).to_be_in_viewport(ratio=1)
    await shot(page, f"menu-{width}", whole=False)


async def test_fields_have_room_on_a_phone(app: App, chromium: Browser) -> None:
    size = {"width": 390, "height": 844}
    page = await signed_in(app, chromium, Role.ADMIN, viewport=size, locale="ko-KR")
    for path, fields in (
        ("users", "#add-user .grow input"),
        ("privacy", ".grow input"),
        ("account", "#password input[type=password], #new-token [name=name]"),
    ):
        await page.goto(f"{app.core.site.url()}/console/{path}")
        widths = await page.locator(fields).evaluate_all("all => all.map(e => e.offsetWidth)")
        assert widths, path
        assert min(widths) >= 150, (path, widths)
    await page.goto(f"{app.core.site.url()}/console/audit")
    table = page.locator(".table-wrap")
    await expect(table).to_be_visible()
    # Nothing to be scrolled sideways: a keyboard would not reach it.
    assert await table.evaluate("e => e.scrollWidth <= e.clientWidth")
