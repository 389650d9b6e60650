"""Agents put conversations aside, save views, name colleagues, and are given drafts in turn."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from approvals.inbox.assignment import Rules
from core.accounts.roles import Role, User
from core.storage.client import Database
from tests.approvals.office import JOON, MINA
from tests.browser.console.site import PEOPLE, ConsoleSite
from tests.browser.shots import shot
from tests.support.world import unsure

pytestmark = pytest.mark.browser

Opens = Callable[..., Awaitable[Page]]
ADMIN = User(id="u9", email="admin@example.com", role=Role.ADMIN, name="Ada")
PHONE = {"viewport": {"width": 360, "height": 740}}
KOREAN = {"locale": "ko-KR"}
LOOKS = [
    pytest.param({}, id="desktop"),
    pytest.param(PHONE, id="phone"),
    pytest.param({**PHONE, **KOREAN, "color_scheme": "dark"}, id="korean phone, dark"),
]


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
    """Opens a page in a profile of its own; no script may fail, and nothing stand out sideways."""
    complaints: list[str] = []
    pages: list[Page] = []

    async def opened(path: str, *, who: str = "mina", **context: Any) -> Page:
        page = await console.page(chromium, who=who, **context)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        pages.append(page)
        await page.goto(console.url + path)
        return page

    yield opened
    for page in pages:
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{page.url} is {wide} px wider than the screen"
    assert complaints == []


@pytest.mark.parametrize("looks", LOOKS)
async def test_put_aside_and_brought_back(
    visit: Opens, console: ConsoleSite, looks: dict[str, Any]
) -> None:
    cid = (await console.office.waiting(chat="c1")).conversation_id
    page = await visit(f"/console/conversations/{cid}", **looks)
    aside = page.locator('[data-show="snooze"]')
    await aside.locator("summary").click()
    await page.locator('[data-until="customer"]').click()
    await expect(page.locator(".aside-state")).to_be_visible()
    wake = page.locator('[data-do="wake"]')
    await expect(wake).to_be_focused()
    await shot(page, "aside-conversation")
    await page.goto(f"{console.url}/console/conversations?waiting=true")
    await expect(page.locator(".inbox-row")).to_have_count(0)
    await page.locator('.filters a[href*="snoozed=yes"]').click()
    await expect(page.locator(".inbox-row .aside")).to_have_count(1)
    await shot(page, "aside-list")
    # The customer writes: it is back by itself, while one looks.
    await console.world.write("Hello?", chat="c1")
    await expect(page.locator(".inbox-row")).to_have_count(0)
    await page.goto(f"{console.url}/console/conversations/{cid}")
    await aside.locator("summary").click()
    await page.locator('[data-until="tomorrow"]').click()
    await expect(page.locator(".aside-state time")).to_be_visible()
    await wake.click()
    await expect(page.locator(".aside-state")).to_have_count(0)
    await expect(wake).to_be_hidden()


async def test_many_are_put_aside_by_keyboard_and_come_back_after_a_restart(
    visit: Opens, console: ConsoleSite
) -> None:
    for n in range(2):
        await console.office.waiting(chat=f"c{n}")
    page = await visit("/console/conversations?waiting=true")
    await expect(page.locator("#live")).to_have_text(re.compile("Live"))
    for key in ("j", "x", "j", "x", "s"):
        await page.keyboard.press(key)
    await expect(page.locator("#bulk-until")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".toast")).to_contain_text("Done for 2")
    await expect(page.locator(".inbox-row")).to_have_count(0)
    await console.stop()
    await console.start()
    now = console.world.clock.now()
    assert await console.office.inbox.snoozed.sweep(now + timedelta(hours=4)) == 2
    await expect(page.locator(".inbox-row.unread")).to_have_count(2)


@pytest.mark.parametrize("looks", LOOKS)
async def test_a_view_is_saved_renamed_shared_and_removed(
    visit: Opens, console: ConsoleSite, looks: dict[str, Any]
) -> None:
    one = (await console.office.waiting(chat="c1")).conversation_id
    await console.office.waiting(chat="c2")
    await console.office.acts.tag(MINA, one, add=["vip"], remove=[])
    page = await visit("/console/conversations?tag=vip", **looks)
    await page.locator('[data-view-open="new"]').click()
    await page.locator("#view [name=name]").fill("Very important")
    await page.keyboard.press("Enter")
    view = page.locator(".saved-view")
    await expect(view).to_have_attribute("aria-current", "true")
    await expect(view).to_contain_text("Very important")
    await expect(page.locator(".inbox-row")).to_have_count(1)
    await page.locator('[data-view-open="change"]').click()
    await expect(page.locator("#view [name=name]")).to_have_value("Very important")
    await shot(page, "view-dialog", whole=False)
    await page.locator("#view [name=name]").fill("VIP")
    await page.locator("#view [name=shared]").check()
    await page.locator("#view [type=submit]").click()
    await expect(view).to_contain_text("VIP")
    theirs = await visit("/console/conversations", who="joon", **looks)
    await theirs.locator(".saved-view").click()
    await expect(theirs.locator(".inbox-row")).to_have_count(1)
    await expect(theirs.locator('[data-view-open="change"]')).to_have_count(0)
    await page.locator('[data-view-open="change"]').click()
    await page.locator("#view [data-remove]").click()
    await expect(view).to_have_count(0)
    # What a colleague has removed meanwhile is only filters: nothing breaks.
    await theirs.reload()
    await expect(theirs.locator(".saved-view")).to_have_count(0)
    await expect(theirs.locator(".inbox-row")).to_have_count(1)


@pytest.mark.parametrize("looks", LOOKS)
async def test_a_colleague_is_named_and_told_where_they_are(
    visit: Opens, console: ConsoleSite, looks: dict[str, Any]
) -> None:
    cid = (await console.office.waiting(chat="c1")).conversation_id
    theirs = await visit("/console/saved-replies", who="joon", **looks)
    await expect(theirs).to_have_title(re.compile(r"^\(1\) "))
    page = await visit(f"/console/conversations/{cid}", **looks)
    field = page.locator("#note textarea")
    await field.focus()
    await page.keyboard.type("Please look, @jo")
    await expect(page.locator("#note [role=option]")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("Please look, @joon@example.com ")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".entry.note")).to_contain_text("@joon@example.com")
    # The live badge, on a page that has nothing to do with it.
    await expect(theirs.locator('[data-count="news"]')).to_have_text("1")
    await expect(theirs).to_have_title(re.compile(r"^\(2\) "))
    await theirs.goto(f"{console.url}/console/conversations?mentioned=true")
    await expect(theirs.locator(".inbox-row.unread")).to_have_count(1)
    await theirs.locator("[data-open]").click()
    await expect(theirs.locator(".entry.note")).to_be_visible()
    await expect(theirs.locator('[data-count="news"]')).to_have_text("0")


@pytest.mark.parametrize("looks", LOOKS)
async def test_an_admin_sets_the_rules_and_an_agent_is_away(
    visit: Opens,
    console: ConsoleSite,
    looks: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(PEOPLE, "ada", ADMIN)
    page = await visit("/console/assignment", who="ada", **looks)
    await expect(page.locator("[name=on]")).not_to_be_checked()
    await page.locator("[name=on]").check()
    await page.locator("[data-add]").click()
    await page.keyboard.type("billing")
    await page.locator("#assignment [type=submit]").click()
    # A rule for nobody is not sent.
    await expect(page.locator("[data-why]")).to_be_visible()
    await expect(page.locator("#rules [name=to]")).to_be_focused()
    await page.keyboard.type("joon@example.com")
    other = await visit("/console/assignment", who="ada", **looks)
    await page.locator("#assignment [type=submit]").click()
    await expect(page.locator(".toast")).to_be_visible()
    await shot(page, "assignment")
    await other.locator("#assignment [type=submit]").click()
    await expect(other.locator("[data-why]")).to_be_visible()
    rules = await console.office.inbox.rules.load()
    assert (rules.on, [(r.topic, r.to) for r in rules.rules]) == (
        True,
        [("billing", (JOON.email,))],
    )
    cid = (await console.office.waiting(chat="c1")).conversation_id
    agent = await visit("/console/conversations", **looks)
    away = agent.locator("#away")
    await expect(away).not_to_be_checked()
    await expect(agent.locator(".inbox-row")).to_have_count(1)
    async with asyncio.timeout(10):
        while (await console.office.inbox.presence.of(MINA)).seen_at is None:
            await asyncio.sleep(0.05)
    assert await console.office.inbox.assigner.sweep() == 1
    await expect(agent.locator(".inbox-row .with")).to_be_visible()
    assert (await console.world.conversations.peek(cid)).assigned == MINA.email
    async with agent.expect_response("**/api/inbox/presence"):
        await away.check()
    await agent.reload()
    await expect(away).to_be_checked()
    await other.reload()
    await expect(other.locator(".people .badge.warn")).to_have_count(1)


async def test_what_was_handed_over_is_summed_up(visit: Opens, console: ConsoleSite) -> None:
    cid = (await console.office.waiting(chat="c1", text="My parcel is late")).conversation_id
    await console.world.write("It was a gift", chat="c1")
    await console.office.service.transfer(MINA, cid, to=JOON.email, note="They called, too.")
    page = await visit(f"/console/conversations/{cid}", who="joon", **KOREAN)
    summary = page.locator("#so-far")
    await expect(summary.locator("dl")).to_be_visible()
    for said in ("mina@example.com", "My parcel is late", "It was a gift", "They called, too."):
        await expect(summary).to_contain_text(said)
    await summary.locator("summary").click()
    await console.world.write("Hello?", chat="c1")
    await expect(page.locator(".bubble.customer")).to_have_count(3)
    # What the reader has closed stays closed when the page draws itself anew.
    await expect(summary.locator("dl")).to_be_hidden()


async def test_assignment_is_off_by_default(visit: Opens, console: ConsoleSite) -> None:
    page = await visit("/console/conversations")
    await expect(page.locator("#find")).to_be_visible()
    await expect(page.locator("#away")).to_have_count(0)
    assert (await console.office.inbox.rules.load()) == Rules()
