"""Agents find conversations, act on several at once, tag, and answer with saved words."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from core.storage.client import Database
from tests.approvals.office import JOON, MINA
from tests.browser.console.site import ConsoleSite
from tests.support.world import unsure

pytestmark = pytest.mark.browser

Opens = Callable[..., Awaitable[Page]]


@pytest.fixture
async def console(db: Database) -> AsyncIterator[ConsoleSite]:
    """Console and chat, serving; the assistant is unsure."""
    started = ConsoleSite(db)
    await started.start()
    started.world.responder.always(unsure("Perhaps in **Settings**."))
    yield started
    await started.stop()


@pytest.fixture
async def visit(chromium: Browser, console: ConsoleSite) -> AsyncIterator[Opens]:
    """Opens a page in a profile of its own, as this member of staff."""
    complaints: list[str] = []

    async def opened(path: str, *, who: str = "mina", **context: Any) -> Page:
        page = await console.page(chromium, who=who, **context)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(console.url + path)
        await expect(page.locator("#live")).to_have_text(re.compile("Live|실시간"))
        return page

    yield opened
    assert complaints == []


async def test_search_choose_and_close_by_keyboard(visit: Opens, console: ConsoleSite) -> None:
    asked = ("환불을 받고 싶어요", "Refund me, please", "Where is my parcel?")
    for n, text in enumerate(asked):
        await console.office.waiting(chat=f"c{n}", text=text)
    page = await visit("/console/conversations")
    await expect(page.locator(".inbox-row.unread")).to_have_count(3)
    await page.keyboard.press("/")
    await page.keyboard.type("refunds")
    await page.keyboard.press("Enter")
    await expect(page.locator(".inbox-row")).to_have_count(1)
    await expect(page.locator(".inbox-row")).to_contain_text("Refund me")
    await page.goto(f"{console.url}/console/conversations?q=환불")
    await expect(page.locator(".inbox-row")).to_contain_text("환불을")
    await page.goto(f"{console.url}/console/conversations?waiting=true")
    rows = page.locator(".inbox-row")
    await expect(rows).to_have_count(3)
    for key in ("j", "x", "j", "x"):
        await page.keyboard.press(key)
    await expect(page.locator("[data-chosen]")).to_have_text("Selected: 2")
    await page.get_by_role("button", name="Resolve").click()
    # The list follows by itself: what is closed waits for nobody.
    await expect(rows).to_have_count(1)
    await expect(page.locator("#bulk")).to_be_hidden()
    await expect(page.locator(".toast")).to_contain_text("Done for 2")
    await page.keyboard.press("j")
    await page.keyboard.press("o")
    await page.wait_for_url(re.compile(r"/console/conversations/[\w-]+$"))


async def test_who_refuses_is_said_and_stays_chosen(visit: Opens, console: ConsoleSite) -> None:
    ids = [(await console.office.waiting(chat=f"c{n}")).conversation_id for n in range(2)]
    await console.office.service.take_over(JOON, ids[0])
    page = await visit("/console/conversations")
    for box in await page.locator("[data-pick]").all():
        await box.check()
    await page.get_by_role("button", name="Assign").click()
    await expect(page.locator(".toast.bad")).to_contain_text("Choose a colleague")
    await page.get_by_label("Colleague's e-mail").fill("sara@example.com")
    await page.get_by_role("button", name="Assign").click()
    await expect(page.locator(".toast.bad").last).to_contain_text("joon@example.com")
    await expect(page.locator("[data-chosen]")).to_have_text("Selected: 1")
    row = page.locator(f'.inbox-row[data-id="{ids[1]}"]')
    await expect(row.locator(".with")).to_have_text("sara")


async def test_filters_stay_in_the_address(visit: Opens, console: ConsoleSite) -> None:
    one = (await console.office.waiting(chat="c1")).conversation_id
    await console.office.waiting(chat="c2", channel="vendor")
    await console.office.acts.tag(MINA, one, add=["vip"], remove=[])
    page = await visit("/console/conversations")
    await page.get_by_text("Filter and sort").click()
    await page.locator("select[name=tag]").select_option("vip")
    await expect(page.locator(".inbox-row")).to_have_count(1)
    assert page.url.endswith("?tag=vip&sort=newest")
    await page.go_back()
    await expect(page.locator(".inbox-row")).to_have_count(2)
    await page.goto(f"{console.url}/console/conversations?status=resolved")
    await expect(page.locator(".empty")).to_contain_text("No conversation matches")


async def test_read_once_it_was_opened(visit: Opens, console: ConsoleSite) -> None:
    await console.office.waiting(chat="c1")
    page = await visit("/console/conversations")
    await expect(page.locator(".unread")).to_have_count(1)
    await page.locator("[data-open]").click()
    await expect(page.locator(".bubble.customer")).to_be_visible()
    await page.go_back()
    await expect(page.locator(".inbox-row")).to_have_count(1)
    await expect(page.locator(".unread")).to_have_count(0)
    await console.world.write("And where is it?", chat="c1")
    await expect(page.locator(".unread")).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_saved_reply_fills_the_answer(
    visit: Opens, console: ConsoleSite, width: int
) -> None:
    cid = (await console.office.waiting(chat="c1")).conversation_id
    await console.office.service.take_over(MINA, cid)
    screen = {"viewport": {"width": width, "height": 800}}
    await console.office.replies.save(
        MINA, title="Greeting", text="Hello {customer|there}, this is {me}."
    )
    page = await visit(f"/console/conversations/{cid}", **screen)
    field = page.get_by_label("Reply to the customer")
    await field.focus()
    await page.keyboard.press("/")
    await expect(page.locator("#saved")).to_be_visible()
    await page.keyboard.type("greet")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("Hello there, this is Mina.")
    await expect(field).to_be_focused()
    await page.get_by_placeholder("New tag").fill("VIP")
    await page.keyboard.press("Enter")
    await expect(page.locator("#tags")).to_contain_text("vip")
    await page.get_by_role("button", name="Take the tag vip off").click()
    await expect(page.locator("#tags")).to_contain_text("No tags yet")
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide
