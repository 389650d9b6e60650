"""With a time to think again, an agent on the console takes his approval back or comes too late."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from core.storage.client import Database
from tests.browser.console.site import ConsoleSite
from tests.support.world import unsure

pytestmark = pytest.mark.browser
HELD = 6.0


@pytest.fixture
async def console(db: Database) -> AsyncIterator[ConsoleSite]:
    """What a decision sends is held for some seconds."""
    started = ConsoleSite(db, undo_seconds=HELD)
    await started.start()
    started.world.responder.always(unsure("Perhaps in Settings."))
    yield started
    await started.stop()


async def page_of(
    chromium: Browser, console: ConsoleSite, path: str, *, who: str = "", locale: str = "en-US"
) -> Page:
    page = await console.page(chromium, who=who, patience=15_000, locale=locale)
    await page.goto(console.url + path)
    if who:
        await expect(page.locator("#live")).to_have_text(re.compile("Live|실시간"))
    return page


async def test_an_approval_is_taken_back_before_the_customer_sees_it(
    chromium: Browser, console: ConsoleSite
) -> None:
    desk = await page_of(chromium, console, "/console/approvals", who="mina")
    chat = await page_of(chromium, console, "/")
    await chat.get_by_role("textbox").fill("How do I reset my password?")
    await chat.get_by_role("textbox").press("Enter")
    card = desk.locator(".ticket")
    await expect(card).to_have_attribute("data-state", "pending")
    await desk.keyboard.press("j")
    await desk.keyboard.press("a")
    await expect(card).to_contain_text("Approved by you")
    await desk.get_by_role("button", name="Take back").click()
    await expect(card).to_have_attribute("data-state", "pending")
    await expect(desk.get_by_role("button", name="Approve")).to_be_visible()
    await expect(desk.get_by_role("button", name="Take back")).to_have_count(0)
    await desk.wait_for_timeout(HELD * 1000 + 500)
    log = chat.locator("[data-part=log]")
    await expect(log).not_to_contain_text("Perhaps in Settings.")

    # The second time it goes out, and then there is nothing to take back any more.
    await desk.get_by_role("button", name="Approve").click()
    back = desk.get_by_role("button", name="Take back")
    await expect(back).to_be_visible()
    await expect(log.locator(".from-ai")).to_contain_text("Perhaps in Settings.", timeout=15_000)
    await expect(back).to_have_count(0)
    assert await log.locator(".from-ai").count() == 1


async def test_whoever_comes_too_late_is_told_so_in_his_language(
    chromium: Browser, console: ConsoleSite
) -> None:
    desk = await page_of(chromium, console, "/console/approvals", who="mina", locale="ko-KR")
    conversation_id = await console.world.write("How do I reset my password?")
    await expect(desk.locator(".ticket")).to_have_count(1)
    await desk.keyboard.press("j")
    await desk.keyboard.press("a")
    back = desk.locator("[data-act=undo]")
    await expect(back).to_be_visible()
    # The page is cut off from what happens, so the button is still there when it is too late.
    await desk.route("**/console/approvals/cards*", lambda route: route.abort())

    async def released() -> bool:
        return ("ai", "Perhaps in Settings.") in await console.world.said(conversation_id)

    for _ in range(200):
        if await released():
            break
        await desk.wait_for_timeout(100)
    assert await released()
    await back.click()
    told = desk.locator(".toast.bad")
    await expect(told).to_have_text("이미 늦었습니다. 답변이 발송되었습니다.")
    await desk.unroute("**/console/approvals/cards*")
    assert (
        len([1 for author, _ in await console.world.said(conversation_id) if author == "ai"]) == 1
    )


async def test_a_colleague_sees_at_once_that_it_waits_again_and_that_it_has_gone_out(
    chromium: Browser, console: ConsoleSite
) -> None:
    desk = await page_of(chromium, console, "/console/approvals", who="mina")
    other = await page_of(chromium, console, "/console/approvals", who="joon")
    await console.world.write("How do I reset my password?")
    waits = '.ticket[data-state="pending"]'
    await expect(other.locator(waits)).to_have_count(1)
    await desk.get_by_role("button", name="Approve").click()
    await expect(other.locator(waits)).to_have_count(0)
    back = desk.get_by_role("button", name="Take back")
    await back.click()
    await expect(other.locator(waits)).to_have_count(1, timeout=4_000)
    await desk.get_by_role("button", name="Approve").click()
    await expect(back).to_be_visible()
    await expect(back).to_have_count(0, timeout=(HELD + 4) * 1000)
