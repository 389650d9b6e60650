"""When too many write or read at once, the page says so in words, and goes on by itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

from core.runtime.host.disk import DiskSpace
from core.web.http.settings import Limits
from tests.browser.chat.test_a_customer_chats import ask
from tests.browser.conftest import OpenPage
from tests.browser.site import Site

pytestmark = pytest.mark.browser

BANNER = "[data-part=banner]"
WORDS = {
    "en-US": ("Very many questions come from your network", "Very many people are here"),
    "ko-KR": ("같은 네트워크에서 문의가 매우 많습니다", "접속하신 분이 매우 많습니다"),
}


class Held:
    """A lease that keeps every conversation under way until it is let go."""

    def __init__(self, site: Site) -> None:
        self.go = asyncio.Event()
        site.world.worker._lease = self

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:
        """See `core.sdk.plugin.Lease`."""
        del conversation_id
        await self.go.wait()
        yield True


@asynccontextmanager
async def limited(site: Site, **limits: int) -> AsyncIterator[aiohttp.ClientSession]:
    """The site with these limits, and somebody else at its door."""
    await site.stop()
    site.limits = Limits(**limits)
    await site.start()
    async with aiohttp.ClientSession(site.url) as http:
        yield http


@pytest.mark.parametrize("locale", list(WORDS))
async def test_a_question_too_many_is_sent_when_there_is_room(
    site: Site, open_page: OpenPage, complaints: list[str], locale: str
) -> None:
    async with limited(site, drafts_per_address=1) as http:
        held = Held(site)
        async with http.post("/api/conversations", json={"text": "First!"}) as answer:
            assert answer.status == 201
        page = await open_page(locale=locale)
        await ask(page)
        await expect(page.locator(BANNER)).to_contain_text(WORDS[locale][0])
        await expect(page.locator(".from-customer")).to_have_count(1)
        held.go.set()
        await expect(page.locator(".from-ai")).to_have_count(1, timeout=15_000)
        await expect(page.locator(BANNER)).to_be_hidden()
        await expect(page.locator(".from-customer")).to_have_count(1)
    complaints[:] = [c for c in complaints if not re.search("status of 429", c)]


@pytest.mark.parametrize("locale", list(WORDS))
async def test_who_finds_no_room_for_a_stream_reads_all_the_same(
    site: Site, open_page: OpenPage, complaints: list[str], locale: str
) -> None:
    async with limited(site, streams_per_address=1) as http:
        async with http.post("/api/conversations", json={}) as answer:
            other = await answer.json()
        headers = {"Authorization": f"Bearer {other['token']}"}
        async with http.get(f"/api/conversations/{other['id']}/events", headers=headers) as taken:
            assert taken.status == 200
            page = await open_page(locale=locale)
            await ask(page)
            await expect(page.locator(BANNER)).to_contain_text(WORDS[locale][1])
            await expect(page.locator(".from-customer")).to_have_count(1)
            # It looks for itself at each try.
            await expect(page.locator(".from-ai")).to_have_count(1, timeout=25_000)
            await expect(page.locator(BANNER)).to_contain_text(WORDS[locale][1])
        # There is room again.
        await expect(page.locator(BANNER)).to_be_hidden(timeout=25_000)
        await ask(page, "And my name?")
        await expect(page.locator(".from-ai")).to_have_count(2)
    complaints[:] = [c for c in complaints if not re.search("status of 429", c)]


FULL = {
    "en-US": "We cannot take messages at the moment",
    "ko-KR": "지금은 메시지를 받을 수 없습니다",
}


@pytest.mark.parametrize("locale", list(FULL))
async def test_on_a_full_disk_what_was_written_is_kept_and_sent_later(
    site: Site, open_page: OpenPage, complaints: list[str], tmp_path: Path, locale: str
) -> None:
    disk = DiskSpace(tmp_path, floor=1 << 60)  # no disk has so much room
    site.world.inbox._room = disk.require
    page = await open_page(locale=locale)
    await ask(page)
    await expect(page.locator(BANNER)).to_contain_text(FULL[locale])
    await expect(page.locator(".from-customer")).to_have_count(1)
    site.world.inbox._room = DiskSpace(tmp_path, floor=0).require
    await expect(page.locator(".from-ai")).to_have_count(1, timeout=20_000)
    await expect(page.locator(BANNER)).to_be_hidden()
    await expect(page.locator(".from-customer")).to_have_count(1)
    complaints[:] = [c for c in complaints if not re.search("status of 503", c)]
