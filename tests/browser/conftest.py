"""A real Chromium, and pages that fail their test when anything complains in the console."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from core.storage.client import Database
from tests.browser.site import Site
from tests.conftest import BROWSER, BROWSER_FLAGS

OpenPage = Callable[..., Awaitable[Page]]

#: Milliseconds; what a page must become it may become late: the machine has other work, too.
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture
async def site(db: Database) -> AsyncIterator[Site]:
    """The chat, serving."""
    started = Site(db)
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """The installed browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(BROWSER), args=list(BROWSER_FLAGS)
        )
        yield browser
        await browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """Errors and violations seen in any page; a test that provokes some clears the list."""
    return []


@pytest.fixture
async def open_page(
    chromium: Browser, site: Site, complaints: list[str]
) -> AsyncIterator[OpenPage]:
    """Opens a page in a browser profile of its own; `path` may be a whole address."""

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    async def opened(path: str = "/", **context: Any) -> Page:
        profile = await chromium.new_context(**{"locale": "en-US"} | context)
        page = await profile.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(PATIENCE)
        await page.goto(path if "://" in path else site.url + path)
        return page

    yield opened
    assert complaints == []
