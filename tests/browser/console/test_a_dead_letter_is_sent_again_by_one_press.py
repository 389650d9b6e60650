"""What did not arrive stands on a list in plain words, and one press sends it again, once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from core.domain.messages import OutboundMessage
from core.errors import DeliveryFailed
from core.storage.client import Database
from tests.approvals.office import QUESTION
from tests.browser.console.site import ConsoleSite
from tests.support.world import sure

pytestmark = pytest.mark.browser
PATIENCE = 20_000  #: ms, on a machine with much else to do


@pytest.fixture
async def console(db: Database) -> AsyncIterator[ConsoleSite]:
    """A vendor who refuses everything, until a test lets him be kind."""
    started = ConsoleSite(db)
    await started.start()
    started.world.responder.always(sure())

    async def refuses(message: OutboundMessage) -> None:
        del message
        raise DeliveryFailed("Forbidden: bot was blocked by the user", code="403")

    started.world.vendor.before_send = refuses
    yield started
    await started.stop()


async def listed(
    console: ConsoleSite, chromium: Browser, complaints: list[str], **context: object
) -> Page:
    page = await console.page(chromium, who="mina", patience=PATIENCE, **context)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{console.url}/console/deliveries")
    return page


async def dead(console: ConsoleSite) -> str:
    cid = await console.world.write(QUESTION, channel="vendor")
    await console.world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await console.world.projector.drain()
    return cid


async def test_one_press_sends_it_and_the_row_says_so(
    console: ConsoleSite, chromium: Browser, complaints: list[str]
) -> None:
    cid = await dead(console)
    page = await listed(console, chromium, complaints, locale="en-US")
    row = page.locator("tbody tr")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("blocked by the user")
    console.world.vendor.before_send = None
    await row.locator("[data-retry]").dblclick()
    await expect(row.get_by_role("status")).to_be_visible(timeout=PATIENCE)
    await expect(row.locator("[data-retry]")).to_have_count(0)
    await console.world.until(cid, lambda c: not c.outgoing)
    [message] = console.world.vendor.sent  # once, and with the word of who writes
    assert message.text == f"This is the AI assistant.\n\n{sure().text}"
    await console.world.projector.drain()
    await page.reload()
    await expect(row).to_have_count(0)
    assert not complaints


async def test_what_fails_again_stands_there_again(
    console: ConsoleSite, chromium: Browser, complaints: list[str]
) -> None:
    cid = await dead(console)
    page = await listed(console, chromium, complaints, locale="en-US")
    await page.locator("[data-retry]").press("Enter")
    await expect(page.locator("tbody").get_by_role("status")).to_be_visible(timeout=PATIENCE)
    await console.world.until(cid, lambda c: not c.outgoing)
    await console.world.projector.drain()
    await page.reload()
    await expect(page.locator("[data-retry]")).to_have_count(1)
    assert not complaints


async def test_in_korean_on_a_phone_it_fits_and_works(
    console: ConsoleSite, chromium: Browser, complaints: list[str]
) -> None:
    await dead(console)
    phone = {"width": 360, "height": 740}
    page = await listed(console, chromium, complaints, locale="ko-KR", viewport=phone)
    await expect(page.get_by_role("heading", level=1)).to_have_text("전송 실패")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    console.world.vendor.before_send = None
    await page.get_by_role("button", name="다시 보내기").click()
    await expect(page.locator("tbody").get_by_role("status")).to_have_text(
        "다시 보내는 중", timeout=PATIENCE
    )
    assert not complaints


async def test_with_nothing_dead_it_says_so(
    console: ConsoleSite, chromium: Browser, complaints: list[str]
) -> None:
    page = await listed(console, chromium, complaints, locale="ko-KR")
    await expect(page.locator(".empty")).to_have_text("모든 메시지가 도착했습니다.")
    assert not complaints


async def test_on_a_phone_the_reason_reads_as_a_sentence(
    console: ConsoleSite, chromium: Browser, complaints: list[str]
) -> None:
    await dead(console)
    page = await listed(
        console, chromium, complaints, locale="ko-KR", viewport={"width": 360, "height": 740}
    )
    code = await page.locator("td .mono").bounding_box()
    assert code is not None
    assert code["width"] > code["height"]  # not a figure a line
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert complaints == []
