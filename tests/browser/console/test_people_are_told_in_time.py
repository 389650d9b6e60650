"""Whoever reads another page of the console hears that something waits, as they have chosen."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from core.storage.client import Database
from tests.approvals.office import MINA
from tests.browser.console.site import ConsoleSite

pytestmark = pytest.mark.browser
#: Counts tones instead of playing them: no machine here has a loudspeaker.
LISTENING = """
  window.tones = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (at) { window.tones += 1; start.call(this, at); };
"""


async def page_of(chromium: Browser, site: ConsoleSite, path: str) -> Page:
    """Mina's page."""
    page = await site.page(chromium, who="mina")
    await page.add_init_script(LISTENING)
    await page.goto(site.url + path)
    return page


@pytest.mark.parametrize("path", ["/console/conversations", "/console/saved-replies"])
async def test_a_number_a_dot_and_a_sound(chromium: Browser, db: Database, path: str) -> None:
    site = ConsoleSite(db)
    await site.start()
    page = await page_of(chromium, site, path)
    await page.evaluate("localStorage.setItem('notify.sound', 'yes')")
    icon = page.locator('link[rel="icon"]')
    await expect(icon).to_have_attribute("href", re.compile(r"icon\.svg"))
    await expect(page.locator('[data-count="approvals"]')).to_be_hidden()
    approval = await site.office.waiting()
    await expect(page).to_have_title(re.compile(r"^\(1\) "))
    await expect(page.locator('[data-count="approvals"]')).to_have_text("1")
    await expect(icon).to_have_attribute("href", re.compile(r"^data:image/png"))
    await page.wait_for_function("window.tones === 2")
    # One's own customer counts, too; what is answered counts no more.
    await site.office.service.take_over(MINA, approval.conversation_id)
    await expect(page.locator('[data-count="approvals"]')).to_be_hidden()
    await expect(page).to_have_title(re.compile(r"^\(1\) "))
    await site.office.service.reply(MINA, approval.conversation_id, "Here you are.")
    await expect(page).to_have_title(re.compile(r"^(?!\()"))
    await expect(icon).to_have_attribute("href", re.compile(r"icon\.svg"))
    await site.stop()
