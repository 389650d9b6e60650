"""An admin takes in files, edits, turns back, removes and brings back; and approves the past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, FilePayload, Page, ViewportSize, expect

from tests.browser.shots import shot
from tests.browser.signing_in import by_link
from tests.imports import exports

if TYPE_CHECKING:
    from app import App

pytestmark = pytest.mark.browser

FAQ = 'question,answer\nDo you ship to Norway?,"Yes, for **nine** euros."\nbad\n'
PAIRS = [
    ("How long does a refund take?", "A refund takes five days, to the card you paid with."),
    ("How long will a refund take?", "A refund takes five days, to the card you paid with."),
]


def width(page: Page) -> int:
    """How wide its window is."""
    size = page.viewport_size
    return size["width"] if size else 0


@pytest.fixture(params=[1280, 390])
async def page(request: pytest.FixtureRequest, app: App, chromium: Browser) -> AsyncIterator[Page]:
    """A browser of an admin, on a desk and on a phone."""
    admin = await app.core.accounts.first_admin()
    link = await app.core.accounts.issue_link(admin, actor=admin)
    size = ViewportSize(width=request.param, height=800)
    profile = await chromium.new_context(locale="en-US", viewport=size)
    opened = await profile.new_page()
    opened.set_default_timeout(60_000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    await by_link(opened, f"{app.core.site.url()}/login/link/{link}")
    yield opened
    assert complaints == []


async def test_a_file_is_dropped_edited_turned_back_removed_and_brought_back(
    page: Page, app: App
) -> None:
    base = app.core.site.url()
    await page.goto(f"{base}/console/knowledge")
    sent = FilePayload(name="faq.csv", mimeType="text/csv", buffer=FAQ.encode())
    await page.locator("#upload input[type=file]").set_input_files(sent)
    await expect(page.locator("#taken")).to_contain_text(
        "faq.csv: 1 articles added", timeout=60_000
    )
    await expect(page.locator("#taken li li").first).to_be_visible()
    row = page.locator("#articles tbody tr")
    await expect(row).to_have_count(1)
    await shot(page, f"knowledge-{width(page)}")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.locator("[name=find]").fill("norway nine")
    await page.keyboard.press("Enter")
    await expect(row).to_have_count(1)
    await row.get_by_role("link").click()
    # As customers see it: Markdown is drawn.
    await expect(page.locator(".rendered strong")).to_have_text("nine")
    text = page.locator("#edit [name=text]")
    await text.fill("Yes, for **ten** euros.")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator(".rendered strong")).to_have_text("ten")
    await expect(page.get_by_text("nothing is saved yet")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#history form")).to_have_count(1)
    assert "ten" in (await app.rag.knowledge.list())[0].article.text
    await shot(page, f"article-{width(page)}")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="Restore").first.click()
    await expect(page.locator(".rendered strong")).to_have_text("nine")
    await page.locator("#edit").get_by_role("button", name="Remove").click()
    await expect(page.locator("#removed")).to_contain_text("Norway")
    await page.locator("#removed").get_by_role("button").click()
    await expect(page.locator(".rendered strong")).to_have_text("nine")
    assert len(await app.rag.knowledge.list()) == 1


async def test_past_conversations_are_dropped_and_approved_by_keyboard(
    page: Page, app: App, tmp_path: Path
) -> None:
    base = app.core.site.url()
    await page.goto(f"{base}/console/imports")
    file = exports.written(tmp_path / "tickets.json", exports.lines(exports.zendesk(PAIRS)))
    await page.locator("#upload input[type=file]").set_input_files(file)
    group = page.locator(".group")
    await expect(group).to_have_count(1, timeout=60_000)
    await expect(group).to_contain_text("2 ×")
    await expect(page.locator('[data-state="done"]')).to_contain_text("tickets.json")
    assert not list((app.core.data_dir.path / "imports").glob("*.file"))
    await shot(page, f"imports-{width(page)}")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.reload()
    await page.locator("h1").click()
    await page.keyboard.press("j")
    await page.keyboard.press("a")
    await expect(page.locator("#decided tbody tr")).to_have_count(1)
    [stored] = await app.rag.knowledge.list()
    assert stored.article.text == PAIRS[0][1]
    await page.locator("#decided").get_by_role("button").click()
    await expect(group).to_have_count(1)
    assert await app.rag.knowledge.list() == []
