"""An admin never opens a file: what they set in the browser is the chat a moment later."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, expect

from tests.browser.shots import shot
from tests.browser.signing_in import by_link

if TYPE_CHECKING:
    from app import App

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1280, 390])
async def test_name_colour_greeting_and_a_question_to_begin_with(
    app: App, chromium: Browser, width: int
) -> None:
    base = app.core.site.url()
    admin = await app.core.accounts.first_admin()
    link = await app.core.accounts.issue_link(admin, actor=admin)
    profile = await chromium.new_context(locale="en-US", viewport={"width": width, "height": 800})
    page = await profile.new_page()
    page.set_default_timeout(20_000)
    await by_link(page, f"{base}/login/link/{link}")
    await page.goto(f"{base}/console/settings")
    await page.locator("[name=name]").fill("Acme Shoes")
    await page.locator("[name=colour]").fill("#ffe066")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-problem]")).to_contain_text("Choose a darker colour")
    await page.locator("[name=colour]").fill("#0b6e4f")
    await expect(page.locator("[name=picked]")).to_have_value("#0b6e4f")
    await page.locator("[name=deadline_minutes]").fill("ten")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-problem]")).to_contain_text("deadline_minutes")
    await page.locator("[name=deadline_minutes]").fill("7,5")
    await page.locator("[name=greeting][data-language=en]").fill("Hello from Acme")
    await page.locator("[name=questions][data-language=en]").fill("Where is my parcel?")
    await page.locator("[name=launcher][data-language=en]").fill("Chat with us")
    await page.locator("[name=position]").select_option("left")
    await page.locator("[name=theme]").select_option("light")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".toast").last).to_contain_text("Saved")
    assert app.core.company.current.deadline_minutes == 7.5
    assert app.core.company.current.launcher == {"en": "Chat with us"}
    assert app.core.company.current.position == "left"
    preview = page.frame_locator("#preview")
    await expect(preview.locator("h1")).to_have_text("Acme Shoes")
    await expect(preview.locator("html")).to_have_attribute("data-theme", "light")
    await shot(page, f"settings-{width}")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.goto(base + "/")
    await expect(page).to_have_title(re.compile("Acme Shoes"))
    await expect(page.locator("h2").first).to_have_text("Hello from Acme")
    accent = "getComputedStyle(document.querySelector('.starters button')).color"
    assert await page.evaluate(accent) == "rgb(11, 110, 79)"
    await page.get_by_role("button", name="Where is my parcel?").click()
    await expect(page.locator("[data-part=log]")).to_contain_text("Where is my parcel?")
