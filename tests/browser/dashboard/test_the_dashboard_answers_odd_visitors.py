"""The dashboard in Chromium for odd visitors: no data, one conversation, keyboard, back button."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from playwright.async_api import Browser, Page

from tests.browser.dashboard.supervisor import signed_in_page

if TYPE_CHECKING:
    from app import App

pytestmark = pytest.mark.browser
CHARTS = ("volume", "answers", "speed", "decisions", "waits", "heat")


@pytest.fixture
async def page(chromium: Browser, app: App) -> AsyncIterator[Page]:
    """A supervisor's page on a phone."""
    async with signed_in_page(chromium, app, width=390, height=844) as opened:
        yield opened


async def fits(page: Page) -> bool:
    """Whether nothing reaches beyond the phone's edge."""
    return bool(
        await page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )


async def test_an_empty_product_says_so_and_one_conversation_shows(app: App, page: Page) -> None:
    base = app.core.site.url()
    await page.goto(f"{base}/console/dashboard")
    await page.wait_for_selector("#nothing")
    assert await page.locator(".chart .empty").count() == len(CHARTS)
    assert await page.locator("#partial").count() == 1
    assert "None" not in str(await page.locator("#board").text_content())
    await page.wait_for_selector("#live.good")
    async with (
        aiohttp.ClientSession(base) as http,
        http.post("/api/conversations", json={"text": "=1+1 asks somebody"}) as answer,
    ):
        assert answer.status == 201
        opened = (await answer.json())["id"]
    await page.wait_for_selector("#board[data-drawn=yes] #chart-volume .plot svg", timeout=90_000)
    assert await page.locator("#card-conversations .tile-value").text_content() == "1"
    for chart in CHARTS:
        await page.locator(f"#chart-{chart} summary").click()
    assert await fits(page)
    # The number in the table leads to the conversation that it counts.
    await page.locator("#chart-volume tbody a").first.click()
    await page.wait_for_url("**/console/conversations?ids=**")
    assert "Behind the number" in str(await page.locator(".inbox-about").text_content())
    link = page.locator(".inbox-link").first
    assert opened in str(await link.get_attribute("href"))
    await link.click()
    await page.wait_for_selector("text=asks somebody")

    await page.goto(f"{base}/console/reports")
    assert "No report has been made yet" in str(await page.locator("main").text_content())
    today = app.core.clock.now().date().isoformat()
    await page.goto(f"{base}/console/reports/daily/{today}")
    assert "Conversations: 1," in str(await page.locator(".headlines").text_content())
    assert await fits(page)


async def test_filters_stay_in_the_address_and_the_back_button_undoes_them(
    app: App, page: Page
) -> None:
    base = app.core.site.url()
    for text in ("Where is my order?", "I want my money back"):
        async with (
            aiohttp.ClientSession(base) as http,
            http.post("/api/conversations", json={"text": text}) as answer,
        ):
            assert answer.status == 201
    await page.goto(f"{base}/console/dashboard?days=30")
    await page.select_option("[name=channel]", "web")
    await page.select_option("[name=interval]", "week")
    await page.keyboard.press("Tab")
    await page.locator("form.filters-form button[type=submit]").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**channel=web**")
    assert "interval=week" in page.url
    assert await page.locator("[name=channel]").input_value() == "web"
    for tile in await page.locator(".tile-link").all():
        assert "channel=web" in str(await tile.get_attribute("href"))
    for saved in await page.locator("a[download]").all():
        assert "channel=web" in str(await saved.get_attribute("href"))
    # Another period keeps the filter.
    await page.locator(".presets a").nth(1).click()
    await page.wait_for_url("**days=7**")
    assert "channel=web" in page.url
    await page.go_back()
    assert "interval=week" in page.url
    await page.go_back()
    assert await page.locator("[name=channel]").input_value() == ""
    # A list leads back to the same question.
    await page.goto(f"{base}/console/dashboard?days=7&channel=web")
    await page.locator("#card-conversations a").click()
    await page.wait_for_url("**/conversations?**")
    await page.get_by_role("link", name="Back to the dashboard").click()
    await page.wait_for_url("**/dashboard?**channel=web**")
    assert "days=7" in page.url


async def test_tables_open_by_keyboard_and_say_what_the_file_says(app: App, page: Page) -> None:
    base = app.core.site.url()
    async with (
        aiohttp.ClientSession(base) as http,
        http.post("/api/conversations", json={"text": "Where is my order?"}) as answer,
    ):
        assert answer.status == 201
    await page.goto(f"{base}/console/dashboard?days=1")
    await page.wait_for_selector("#board[data-drawn=yes]", timeout=90_000)
    for chart in CHARTS:
        figure = page.locator(f"#chart-{chart}")
        await figure.locator("summary").focus()
        await page.keyboard.press("Enter")
        table = figure.locator("table")
        assert await table.is_visible()
        assert await table.locator("caption").text_content()
        async with page.expect_download() as saved:
            await figure.locator("a[download]").focus()
            await page.keyboard.press("Enter")
        file = Path(str(await (await saved.value).path()))
        rows = list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"))))
        head = await table.locator("thead th").all_text_contents()
        assert rows[0] == head
        assert [row[0] for row in rows[1:]] == await table.locator("tbody th").all_text_contents()
        for row in rows[1:]:
            for cell in row[1:]:
                assert cell == "" or float(cell) >= 0
    save = page.locator("#chart-volume [data-png]")
    await save.focus()
    async with page.expect_download() as picture:
        await page.keyboard.press("Enter")
    png = Path(str(await (await picture.value).path())).read_bytes()
    assert png.startswith(b"\x89PNG")
    assert len(png) > 5_000
