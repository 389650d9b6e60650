"""The cable is cut, the server restarts, an answer to a request is lost: once stays once."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from core.domain.drafts import Draft, Question
from core.engine.ports import OnDelta
from tests.browser.cable import Cable
from tests.browser.conftest import OpenPage
from tests.browser.site import Site
from tests.support.world import sure

pytestmark = pytest.mark.browser


async def ask(page: Page, text: str) -> None:
    """Write it and press Enter."""
    await page.get_by_role("textbox").fill(text)
    await page.get_by_role("textbox").press("Enter")


async def test_a_stream_cut_in_the_middle_of_an_answer(
    site: Site, open_page: OpenPage, complaints: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_finish = asyncio.Event()

    async def draft(question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        assert on_delta is not None
        on_delta("Open Set")
        await may_finish.wait()
        on_delta("tings.")
        return sure("Open Settings.")

    monkeypatch.setattr(site.world.responder, "draft", draft)
    async with Cable(site.port) as cable:
        page = await open_page(cable.url)
        await ask(page, "Where?")
        await expect(page.locator("[data-part=live] .body")).to_have_text(re.compile("Open Set$"))
        cable.cut()
        may_finish.set()
        await expect(page.locator("[data-part=banner]")).to_contain_text("Reconnecting")
        await ask(page, "Still there?")
        await expect(page.locator(".from-customer .meta").last).to_have_text("Sending…")
        cable.mend()
        await expect(page.locator("[data-part=log] .from-ai")).to_have_count(2, timeout=15_000)
        await expect(page.locator("[data-part=live] .message")).to_have_count(0)
        await expect(page.locator(".from-customer")).to_have_count(2)
        await expect(page.locator("[data-part=banner]")).to_be_hidden()
        await page.reload()
        await expect(page.locator(".from-ai")).to_have_count(2)
    assert await site.customer_texts() == ["Where?", "Still there?"]
    complaints.clear()


async def test_the_server_restarts(site: Site, open_page: OpenPage, complaints: list[str]) -> None:
    page = await open_page()
    await ask(page, "First")
    await expect(page.locator(".from-ai")).to_have_count(1)
    await site.stop()
    await ask(page, "While you were away")
    await asyncio.sleep(0.3)
    await site.start()
    await expect(page.locator(".from-ai")).to_have_count(2, timeout=15_000)
    await expect(page.locator(".from-customer")).to_have_count(2)
    assert await site.customer_texts() == ["First", "While you were away"]
    complaints.clear()


async def test_a_message_that_was_taken_although_no_answer_came(
    site: Site, open_page: OpenPage, complaints: list[str]
) -> None:
    page = await open_page()
    lost: list[str] = []

    async def lose_the_first_answer(route: Route) -> None:
        if lost:
            await route.continue_()
            return
        lost.append(route.request.post_data or "")
        await route.fetch()
        await route.abort()

    await page.route("**/messages", lose_the_first_answer)
    await ask(page, "Once only")
    await expect(page.locator(".from-ai")).to_have_count(1)
    await asyncio.sleep(1.5)
    await expect(page.locator(".from-customer")).to_have_count(1)
    assert await site.customer_texts() == ["Once only"]
    complaints.clear()


async def test_what_could_not_be_sent_is_kept_over_a_reload_and_sent_once(
    site: Site, open_page: OpenPage, complaints: list[str]
) -> None:
    page = await open_page()
    await ask(page, "First")
    await expect(page.locator(".from-ai")).to_have_count(1)
    await page.route("**/messages", lambda route: route.abort())
    await ask(page, "Kept")
    await expect(page.locator(".meta.unsent")).to_contain_text("Not sent.", timeout=15_000)
    await page.unroute("**/messages")
    await page.reload()
    await expect(page.locator(".from-ai")).to_have_count(2)
    await expect(page.locator(".from-customer")).to_have_count(2)
    assert await site.customer_texts() == ["First", "Kept"]
    complaints.clear()


async def test_a_failed_message_is_sent_again_by_hand(
    site: Site, open_page: OpenPage, complaints: list[str]
) -> None:
    page = await open_page()
    await ask(page, "First")
    await expect(page.locator(".from-ai")).to_have_count(1)
    await page.route("**/messages", lambda route: route.abort())
    await ask(page, "Again")
    retry = page.get_by_role("button", name="Try again")
    await retry.wait_for(timeout=15_000)
    await page.unroute("**/messages")
    await retry.click()
    await expect(page.locator(".from-ai")).to_have_count(2)
    assert await site.customer_texts() == ["First", "Again"]
    complaints.clear()


async def test_a_conversation_that_is_gone_makes_room_for_a_new_one(
    site: Site, open_page: OpenPage, complaints: list[str]
) -> None:
    page = await open_page()
    session = '{"id": "abc123", "token": "abc123.forged"}'
    await page.evaluate(f"localStorage.setItem('contact-center.session', '{session}')")
    await page.context.clear_cookies()
    await page.reload()
    await expect(page.locator("[data-part=banner]")).to_contain_text("can no longer be opened")
    await ask(page, "Then anew")
    await expect(page.locator(".from-ai")).to_have_count(1)
    await expect(page.locator("[data-part=banner]")).to_be_hidden()
    assert await site.customer_texts() == ["Then anew"]
    complaints.clear()
