"""The dashboard in Chromium: draws under the strict policy, follows what happens, fits."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, Page, expect

from bench.history import history
from core.domain.conversation import Conversation
from core.domain.events import Decision, Event
from tests.analytics.conftest import write_log
from tests.browser.dashboard.supervisor import signed_in_page
from tests.browser.shots import shot

if TYPE_CHECKING:
    from app import App

PICTURES_ARE_THERE = (
    "() => document.images.length > 3"
    " && [...document.images].every(i => i.complete && i.naturalWidth)"
)
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
async def busy(app: App) -> App:
    """A center with three weeks behind it."""
    end = app.core.clock.now()
    await write_log(app.db, list(history(600, days=21, end=end)))
    from analytics.facts.projection import rebuild

    await rebuild(app.db, app.insight.facts, clock=app.core.clock)
    return app


@pytest.fixture
async def signed_in(chromium: Browser, busy: App) -> AsyncIterator[Page]:
    """A supervisor's page."""
    async with signed_in_page(chromium, busy, width=1280, height=900) as page:
        yield page


def _happens(events: tuple[Event, ...], _state: Conversation) -> tuple[Event, ...]:
    return events


@pytest.mark.timed
async def test_charts_are_drawn_and_follow_what_happens(busy: App, signed_in: Page) -> None:
    page, base = signed_in, busy.core.site.url()
    await page.goto(f"{base}/console/dashboard?days=30")
    await page.wait_for_selector("#board[data-drawn=yes]", timeout=90_000)
    assert await page.locator(".plot svg").count() == 6
    await page.wait_for_selector("#live.good")
    await shot(page, "dashboard-en-light")

    events = history(900, days=1, end=busy.core.clock.now() + timedelta(days=1), seed=3)
    waiting = next(
        own
        for own in events
        if any(getattr(e, "decision", None) is Decision.APPROVE for c in own for e in c.events)
    )
    before = await page.locator("#chart-decisions table").text_content()
    for commit in waiting:
        decided = any(getattr(e, "decision", None) for e in commit.events)
        await busy.core.conversations.update("fresh", functools.partial(_happens, commit.events))
        if decided:
            break
    begun = time.monotonic()
    await page.wait_for_function(
        "before => document.querySelector('#chart-decisions table').textContent !== before",
        arg=before,
        timeout=2_000,
    )
    assert time.monotonic() - begun < 2.0

    await page.locator("#card-conversations a").click()
    await page.wait_for_selector("h1")
    # The list of those behind the figure. This history was written to the facts alone, but for one.
    assert "/console/conversations?" in page.url
    await expect(page.locator(".inbox-about")).to_contain_text(re.compile(r"\bof \d+"))


async def test_korean_dark_phone(busy: App, signed_in: Page) -> None:
    page, base = signed_in, busy.core.site.url()
    await page.context.add_cookies(
        [
            {"name": "locale", "value": "ko", "url": base},
            {"name": "theme", "value": "dark", "url": base},
        ]
    )
    await page.goto(f"{base}/console/dashboard?days=30&channel=web")
    await page.wait_for_selector("#board[data-drawn=yes]", timeout=90_000)
    assert await page.locator("h1").text_content() == "대시보드"
    assert "channel=web" in str(await page.locator("#card-missing a").get_attribute("href"))
    await shot(page, "dashboard-ko-dark")
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{base}/console/dashboard?days=30")
    await page.wait_for_selector("#board[data-drawn=yes]", timeout=30_000)
    assert not await page.evaluate(WIDER)
    await shot(page, "dashboard-ko-phone", whole=False)
    await page.locator("#chart-heat summary").click()
    assert await page.locator("#chart-heat table").is_visible()
    async with page.expect_download() as download:
        await page.locator("#chart-heat [data-png]").click()
    assert (await download.value).suggested_filename == "heat.png"
    async with page.expect_download() as saved:
        await page.locator("#chart-volume a[download]").click()
    assert (await saved.value).suggested_filename == "volume.csv"


async def test_an_empty_period_says_so(busy: App, signed_in: Page) -> None:
    page = signed_in
    await page.goto(f"{busy.core.site.url()}/console/dashboard?first=2020-01-01&last=2020-01-05")
    await page.wait_for_selector("#nothing")
    assert not await page.locator("#partial").count()


async def test_reports_are_read_in_both_languages_and_themes(busy: App, signed_in: Page) -> None:
    page, base = signed_in, busy.core.site.url()
    day = (busy.core.clock.now() - timedelta(days=1)).date().isoformat()
    for locale in ("en", "ko"):
        for theme in ("light", "dark"):
            await page.context.add_cookies(
                [
                    {"name": "locale", "value": locale, "url": base},
                    {"name": "theme", "value": theme, "url": base},
                ]
            )
            address = f"{base}/console/reports/daily/{day}"
            await page.goto(address, wait_until="domcontentloaded")
            await page.wait_for_function(PICTURES_ARE_THERE, timeout=60_000)
            assert await page.locator(".headlines li").count() >= 3
            await shot(page, f"report-{locale}-{theme}")
    await page.set_viewport_size({"width": 390, "height": 844})
    assert not await page.evaluate(WIDER)
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.goto(f"{base}/console/reports")
    assert await page.locator("h1").text_content() == "보고서"
    await page.locator("a[href*='/console/reports/daily/']").first.click()
    assert "일일 보고서" in str(await page.locator("h1").text_content())


async def test_a_missing_answer_is_written_and_found(busy: App, signed_in: Page) -> None:
    page = signed_in
    # An old address leads there.
    await page.goto(f"{busy.core.site.url()}/console/dashboard/gaps")
    await expect(page.locator("h1")).to_have_text("What the assistant may do")
    card = page.locator(".gap-card").first
    await card.locator("summary").click()
    form = card.locator("[data-gap]")
    question = await form.locator("[name=title]").input_value()
    await form.locator("[name=text]").fill(f"{question} This is how: press Settings, then Reset.")
    await shot(page, "gaps-en-light", whole=False)
    await form.locator("button[type=submit]").click()
    await form.locator(".result .alert.good").wait_for()
    assert "press Settings" in str(await form.locator("blockquote").text_content())
    found = await busy.rag.knowledge.search(question)
    assert found.hits[0].passage.title == question
    # Answered is settled.
    await page.reload()
    await expect(page.locator("#settled")).to_contain_text(question)
    await expect(page.locator(".gap-card h3", has_text=question)).to_have_count(0)
