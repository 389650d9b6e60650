"""An approval decided in Slack moves the open dashboard in Chromium within two seconds."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from core.accounts.service import OPERATOR
from core.storage.client import Database
from tests.approvals.slack_rig import Rig, rig
from tests.browser.signing_in import by_link
from tests.support.servers.slack import SlackServer


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with SlackServer() as slack, rig(slack, db, mongo_uri, tmp_path) as made:
        yield made


@pytest.mark.browser
async def test_a_press_in_slack_shows_on_the_open_dashboard(desk: Rig, chromium: Browser) -> None:
    accounts, base = desk.live.core.accounts, desk.live.core.site.url()
    link = await accounts.issue_link(await accounts.find("sara@example.com"), actor=OPERATOR)
    profile = await chromium.new_context(locale="en-US")
    page = await profile.new_page()
    page.set_default_timeout(20_000)
    await by_link(page, f"{base}/login/link/{link}")
    _, card = await desk.waiting()
    await page.goto(f"{base}/console/dashboard?days=7")
    await page.wait_for_selector("#board[data-drawn=yes]", timeout=90_000)
    await page.wait_for_selector("#live.good")
    assert await page.locator("#waiting").text_content() == "1"
    moved = "#card-unchanged .tile-value"
    assert await page.locator(moved).text_content() == "–"

    await desk.press(card, "approve")
    begun = time.monotonic()
    await page.wait_for_function(
        "selector => document.querySelector(selector).textContent === '100.0 %'"
        " && document.getElementById('waiting').textContent === '0'",
        arg=moved,
        timeout=2_000,
    )
    assert time.monotonic() - begun < 2.0
    # The picture of the chart moves, too, not only the numbers.
    assert await page.locator("#chart-decisions .plot svg").count() == 1
