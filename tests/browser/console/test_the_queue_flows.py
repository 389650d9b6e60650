"""The queue as somebody works through it: nothing stands in the way, and slips are taken back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Route, expect

from core.domain.drafts import Draft
from core.storage.client import Database
from tests.browser.console.site import ConsoleSite
from tests.support.world import SOURCE

pytestmark = pytest.mark.browser
LONG = Draft(text="One more line. " * 60, citations=(SOURCE,), confidence=0.6, answerer="test")


@pytest.fixture
async def console(db: Database) -> AsyncIterator[ConsoleSite]:
    """The console as an installation has it that sets nothing."""
    started = ConsoleSite(db, console_undo=8.0, threshold=0.95)
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def desk(chromium: Browser, console: ConsoleSite) -> AsyncIterator[Page]:
    """Mina's browser."""
    complaints: list[str] = []
    page = await console.page(chromium, who="mina", viewport={"width": 1280, "height": 800})
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


async def opened(desk: Page, console: ConsoleSite, path: str = "/console/approvals") -> None:
    await desk.goto(console.url + path)
    await expect(desk.locator("#live")).to_have_text("Live")


async def test_a_slip_is_taken_back_by_a_key(desk: Page, console: ConsoleSite) -> None:
    approval = await console.office.waiting()
    await opened(desk, console)
    await desk.keyboard.press("j")
    await desk.keyboard.press("a")
    card = desk.locator(".ticket")
    await expect(card).to_contain_text("Approved by you")
    await desk.keyboard.press("z")
    await expect(card).to_have_attribute("data-state", "pending")
    said = await console.world.said(approval.conversation_id)
    assert [author for author, _ in said] == ["system"]


async def test_a_key_pressed_twice_is_one_decision_and_no_complaint(
    desk: Page, console: ConsoleSite
) -> None:
    await console.office.waiting()
    await opened(desk, console)
    await desk.keyboard.press("j")
    asked = asyncio.Event()

    async def hold(route: Route) -> None:
        # The list comes late: the second press falls between the answer and the new card.
        await asked.wait()
        await route.continue_()

    await desk.route("**/console/approvals/cards*", hold)
    decisions: list[str] = []
    desk.on("request", lambda r: decisions.append(r.url) if "/decision" in r.url else None)
    card = desk.locator(".ticket")
    async with desk.expect_response("**/decision"):
        await desk.keyboard.press("a")
    await expect(card).not_to_have_attribute("aria-busy", "true")
    await desk.keyboard.press("a")
    asked.set()
    await expect(card).to_contain_text("Approved by you")
    assert len(decisions) == 1


async def test_whoever_begins_to_write_has_claimed_it(desk: Page, console: ConsoleSite) -> None:
    approval = await console.office.waiting()
    await opened(desk, console)
    await desk.keyboard.press("j")
    await desk.keyboard.press("e")
    await expect(desk.locator(".ticket header")).to_contain_text("You are working on this")
    await desk.keyboard.press("Escape")
    await expect(desk.locator(".ticket header")).not_to_contain_text("You are working on this")
    await desk.keyboard.press("e")
    await expect(desk.locator(".ticket header")).to_contain_text("You are working on this")
    await desk.get_by_label("Your answer").first.fill("In Settings.")
    await desk.keyboard.press("Control+Enter")
    await expect(desk.locator(".ticket")).to_contain_text("Edited and sent by you")
    assert (await console.office.store.get(approval.id)) is not None


async def test_taking_over_opens_the_conversation(desk: Page, console: ConsoleSite) -> None:
    approval = await console.office.waiting()
    await opened(desk, console)
    await desk.keyboard.press("j")
    await desk.keyboard.press("t")
    await desk.wait_for_url(f"**/console/conversations/{approval.conversation_id}")
    await expect(desk.get_by_label("Reply to the customer")).to_be_focused()


async def test_what_a_rejection_lacks_is_said(desk: Page, console: ConsoleSite) -> None:
    await console.office.waiting()
    await opened(desk, console)
    await desk.keyboard.press("j")
    await desk.keyboard.press("r")
    await desk.get_by_role("button", name="Reject").last.click()
    await expect(desk.locator("[data-conflict]")).to_contain_text("Write your answer first")


async def test_what_is_cut_is_read_before_it_is_approved(desk: Page, console: ConsoleSite) -> None:
    await console.office.waiting(draft=LONG, text="My card 4111 1111 1111 1111 fails")
    await opened(desk, console)
    card = desk.locator(".ticket")
    await expect(card).to_contain_text(
        "Of 100 answers like this, 60 are right. Goes out alone from 95 on."
    )
    await expect(card).not_to_contain_text("4111")
    await expect(card).to_contain_text("My card •••• 1111 fails")
    await desk.get_by_role("button", name="Approve").click()
    await expect(desk.locator(".toast")).to_contain_text("Read all of it")
    await expect(card).to_have_attribute("data-state", "pending")
    await desk.get_by_role("button", name="Approve").click()
    await expect(card).to_contain_text("Approved by you")


async def test_beyond_the_fiftieth(desk: Page, console: ConsoleSite) -> None:
    for n in range(53):
        last = await console.office.waiting(chat=f"c{n}")
    await opened(desk, console)
    await expect(desk.locator(".ticket")).to_have_count(50)
    await desk.get_by_role("button", name="Show more").click()
    await expect(desk.locator(".ticket")).to_have_count(53)
    await desk.goto(f"{console.url}/console/conversations/{last.conversation_id}")
    await desk.get_by_role("link", name="Go to the draft").click()
    await desk.wait_for_url(re.compile(r"at="))
    await expect(desk.locator('.ticket[aria-current="true"]')).to_have_attribute("data-id", last.id)
