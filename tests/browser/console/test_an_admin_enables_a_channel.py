"""An admin switches Telegram on from the console, and a customer is answered on it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from playwright.async_api import Browser, expect

from tests.browser.signing_in import by_link
from tests.support.servers.telegram import TOKEN, TelegramServer

if TYPE_CHECKING:
    from app import App

PATIENCE = 60_000  #: ms; the first start of Telegram imports its SDK


async def test_an_admin_enables_a_channel(app: App, chromium: Browser) -> None:
    admin = await app.core.accounts.first_admin()
    link = await app.core.accounts.issue_link(admin, actor=admin)
    profile = await chromium.new_context(locale="ko-KR", viewport={"width": 390, "height": 800})
    page = await profile.new_page()
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    await by_link(page, f"{app.core.site.url()}/login/link/{link}")
    await page.goto(f"{app.core.site.url()}/console/plugins")
    await expect(page.get_by_role("heading", level=1)).to_have_text("채널")
    card = page.locator('[data-id="telegram"]')
    switch = card.get_by_role("switch")
    await expect(switch).to_have_attribute("aria-checked", "false")
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390

    # Without a token it says what is missing, opens the form, and changes nothing.
    await switch.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast.bad")).to_contain_text("bot_token")
    await expect(card.locator("form")).to_be_visible()
    await expect(switch).to_have_attribute("aria-checked", "false")

    async with TelegramServer() as telegram:
        await card.get_by_label("봇 토큰").fill("1:wrong")
        await card.get_by_label("봇 API 주소").fill(telegram.url)
        await card.locator('[data-do="check-form"]').click()
        await expect(card.locator("[data-outcome].bad")).to_be_visible(timeout=PATIENCE)
        await card.get_by_label("봇 토큰").fill(TOKEN)
        await card.locator('[data-do="check-form"]').click()
        # Who answers at an address that an admin has named is not repeated, not even a bot's name.
        await expect(card.locator("[data-outcome].good")).to_have_text(
            "The connection works.", timeout=PATIENCE
        )
        # The answer to the switch alone says that it begins, before anybody has asked again.
        await page.route("**/api/plugins", lambda route: route.abort())
        await switch.click()
        await expect(switch).to_have_attribute("aria-checked", "true")
        await expect(card.locator("[data-state]")).to_have_text("시작하는 중")
        await page.unroute("**/api/plugins")
        await expect(card.locator("[data-state]")).to_have_text("작동 중", timeout=PATIENCE)
        # The secret is stored sealed, and the page does not hold it any more.
        await expect(card.get_by_label("봇 토큰")).to_have_value("")
        assert TOKEN not in await page.content()
        assert TOKEN not in str(await app.db["plugins"].find({}).to_list())
        assert TOKEN not in str(await app.db["audit"].find({}).to_list())

        telegram.say("안녕하세요, 반품하고 싶어요")
        async with asyncio.timeout(30):
            while not telegram.texts():
                await asyncio.sleep(0.1)

        await switch.click()
        await expect(card.locator("[data-state]")).to_have_text("꺼짐", timeout=20_000)
    assert broken == []
    await profile.close()
