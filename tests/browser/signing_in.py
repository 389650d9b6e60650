"""What a colleague does with a sign-in link."""

from __future__ import annotations

from playwright.async_api import Page


async def press_link(page: Page, url: str) -> None:
    """Open the link and press its one button; where that leads is the test's business."""
    await page.goto(url)
    await page.locator("main form button[type=submit]").click()


async def by_link(page: Page, url: str) -> None:
    """The same, and be in the console."""
    await press_link(page, url)
    await page.wait_for_url("**/console/**")
