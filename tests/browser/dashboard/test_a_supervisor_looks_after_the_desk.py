"""A supervisor's day in Chromium: today so far, who is there, gaps, alerts, and the quality review.

In English on a desktop in the light, and in Korean on a phone in the dark.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, Page, expect

from bench.history import history
from tests.analytics.conftest import write_log
from tests.browser.dashboard.supervisor import signed_in_page
from tests.browser.shots import shot

if TYPE_CHECKING:
    from app import App

pytestmark = pytest.mark.browser

LOOKS = [("en", "light", 1280), ("ko", "dark", 390)]
#: Each chart as a picture; of a day without anything there is none.
PICTURES_ARE_THERE = "() => [...document.images].every(i => i.complete && i.naturalWidth)"
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture
async def busy(app: App) -> App:
    """A center with three weeks behind it, and a day that is not over."""
    end = app.core.clock.now()
    await write_log(app.db, list(history(600, days=21, end=end)))
    from analytics.facts.projection import rebuild

    await rebuild(app.db, app.insight.facts, clock=app.core.clock)
    return app


@pytest.fixture(params=LOOKS, ids=["en-light-desktop", "ko-dark-phone"])
async def look(
    request: pytest.FixtureRequest, chromium: Browser, busy: App
) -> AsyncIterator[tuple[Page, str, str]]:
    """A supervisor's page, its language, and a name for pictures of it."""
    locale, theme, width = request.param
    base = busy.core.site.url()
    async with signed_in_page(chromium, busy, width=width, height=900) as page:
        await page.context.add_cookies(
            [
                {"name": "locale", "value": locale, "url": base},
                {"name": "theme", "value": theme, "url": base},
            ]
        )
        yield page, locale, f"{locale}-{theme}-{width}"


Look = tuple[Page, str, str]


async def test_the_dashboard_says_of_how_many_and_who_is_there(busy: App, look: Look) -> None:
    page, locale, name = look
    await page.goto(f"{busy.core.site.url()}/console/dashboard?days=7")
    await page.wait_for_selector("#board[data-drawn=yes]", timeout=90_000)
    headline = str(await page.locator("#headline").text_content())
    assert ("waiting" if locale == "en" else "기다립니다") in headline
    people = page.locator("#shift")
    await expect(people).to_contain_text("sara@example.com")
    await expect(people.locator("li.here")).to_have_count(1)
    assert await page.evaluate(FITS)
    await shot(page, f"dashboard-{name}")


async def test_any_day_is_picked_and_today_is_told_so_far(busy: App, look: Look) -> None:
    page, _, name = look
    base = busy.core.site.url()
    today = busy.core.clock.now().date()
    await page.goto(f"{base}/console/reports")
    await shot(page, f"reports-{name}")
    day = (today - timedelta(days=5)).isoformat()
    await page.locator("input[name=date]").fill(day)
    await page.locator("main form button").click()
    await page.wait_for_url(f"**/console/reports/daily/{day}", wait_until="domcontentloaded")
    assert not await page.locator("#so-far").count()
    # What takes longer comes after the numbers.
    await expect(page.locator("[data-later]:not([aria-busy]) h2")).to_have_count(1)
    await page.goto(
        f"{base}/console/reports/daily/{today.isoformat()}", wait_until="domcontentloaded"
    )
    await expect(page.locator("#so-far")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("UTC")
    await page.wait_for_function(PICTURES_ARE_THERE, timeout=60_000)
    assert await page.evaluate(FITS)
    await shot(page, f"report-so-far-{name}")


async def test_pictures_follow_a_dark_device(busy: App, chromium: Browser) -> None:
    async with signed_in_page(chromium, busy, width=1280, height=900) as page:
        await page.emulate_media(color_scheme="dark")
        day = (busy.core.clock.now().date() - timedelta(days=2)).isoformat()
        await page.goto(
            f"{busy.core.site.url()}/console/reports/daily/{day}", wait_until="domcontentloaded"
        )
        await page.wait_for_function(PICTURES_ARE_THERE, timeout=60_000)
        picture = page.locator(".report-pictures img").first
        assert str(await picture.evaluate("i => i.currentSrc")).endswith("theme=dark")
        await shot(page, "report-auto-dark")


async def test_gaps_are_merged_and_dismissed_and_each_is_undone(busy: App, look: Look) -> None:
    page, _, name = look
    await page.goto(f"{busy.core.site.url()}/console/assistant")
    cards = page.locator(".gap-card")
    await expect(cards.nth(1)).to_be_visible()
    await shot(page, f"assistant-{name}")
    count = await cards.count()
    question = str(await cards.nth(1).locator("h3").text_content())
    await cards.nth(0).locator("[data-choose]").check()
    await expect(page.locator("[data-merge]")).to_be_hidden()
    await cards.nth(1).locator("[data-choose]").check()
    await page.locator("[data-merge] button").click()
    await expect(cards).to_have_count(count - 1)
    await cards.locator("[data-undo]").click()
    await expect(cards).to_have_count(count)
    await page.locator(".gap-card", has_text=question).locator("[data-dismiss]").press("Enter")
    await expect(cards).to_have_count(count - 1)
    settled = page.locator("#settled")
    await settled.locator("summary").press("Enter")
    await expect(settled).to_contain_text(question)
    await shot(page, f"gaps-settled-{name}")
    await settled.locator("[data-undo]").press("Enter")
    await expect(cards).to_have_count(count)
    assert await page.evaluate(FITS)


async def test_alerts_are_set_in_the_browser_and_show_what_was_told(busy: App, look: Look) -> None:
    page, _, name = look
    await page.goto(f"{busy.core.site.url()}/console/alerts")
    await page.locator("[name=ratings]").fill("0")
    await page.locator("[name=queue]").fill("50")
    await page.locator("[name=queue]").press("Enter")
    await expect(page.locator(".alert.good")).to_be_visible()
    await expect(page.locator("[name=queue]")).to_have_value("50")
    watch = busy.insight.watch
    await watch.tick()
    await page.reload()
    if (await watch.values())["ratings"]:  # type: ignore[index]
        await expect(page.locator(".told li")).to_have_count(1)
        await expect(page.locator(".watched .badge.bad")).to_have_count(1)
    assert await page.evaluate(FITS)
    await shot(page, f"alerts-{name}")


async def test_the_next_conversation_is_reviewed_by_keyboard(busy: App, look: Look) -> None:
    page, locale, name = look
    await page.goto(f"{busy.core.site.url()}/console/quality")
    await expect(page.locator(".review .bubble.customer").first).to_be_visible()
    await shot(page, f"quality-{name}")
    first = await page.locator("form [name=conversation]").first.input_value()
    for question in ("solved", "correct", "tone"):
        await page.locator(f"[name={question}][value=yes]").press("Space")
    await page.locator("[name=note]").fill("Kind and quick.")
    await page.locator(".review form button").press("Enter")
    await expect(page.get_by_role("status").first).to_be_visible()
    second = await page.locator(".review [name=conversation]").input_value()
    assert second != first
    row = page.locator("tbody tr").first
    await expect(row).to_contain_text("1 of 1" if locale == "en" else "1건 중 1건")
    await expect(page.locator("main")).to_contain_text("Kind and quick.")
    await shot(page, f"quality-results-{name}")
    await page.locator("form[action$='/undo'] button").click()
    await expect(page.locator(".review [name=conversation]")).to_have_value(first)
    assert await page.evaluate(FITS)
