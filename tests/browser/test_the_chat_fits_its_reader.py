"""Hostile text, Korean, a phone, the dark, a keyboard, and other people's sites."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Frame, Page, expect

from core.drafts import Draft, Question
from core.messages import Citation
from tests.approvals.office import MINA
from tests.browser.conftest import OpenPage
from tests.browser.site import Site
from tests.support.faults import Listening
from tests.support.world import sure

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>"
    " [a](javascript:window.hurt=1) **<b onclick=window.hurt=1>b</b>**"
    ' <https://ok.example/?q="><svg/onload=window.hurt=1>'
)
SHOP = """<!doctype html><html lang="en"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="s">button, iframe {{ display: none !important; }} * {{ color: red }}</style>
<h1>Shop</h1><script src="{url}/widget.js" async></script></html>"""
PHONE = {
    "viewport": {"width": 360, "height": 700},
    "is_mobile": True,
    "has_touch": True,
    "device_scale_factor": 2,
}


async def ask(page: Page, text: str) -> None:
    """Write it and press Enter."""
    await page.get_by_role("textbox").fill(text)
    await page.get_by_role("textbox").press("Enter")


async def the_frame(page: Page, site: Site) -> Frame:
    """The widget's frame, as soon as it is there (its shadow is closed to the page)."""
    for _ in range(100):
        for frame in page.frames:
            if frame.url.startswith(site.url):
                return frame
        await page.wait_for_timeout(50)
    raise AssertionError("the widget has no frame")


async def test_hostile_text_of_anybody_is_only_text(site: Site, open_page: OpenPage) -> None:
    async def answer(question: Question) -> Draft:
        citations = (
            Citation(id="1", title="<i>bad</i>", url="javascript:window.hurt=1"),
            Citation(id="2", title="data", url="data:text/html,<script>1</script>"),
            Citation(id="3", title="good", url="https://ok.example/"),
        )
        text = HOSTILE + " [1] [2] [3] [4]"
        return Draft(text=text, citations=citations, confidence=0.99, answerer="test")

    site.world.responder.answer = answer
    page = await open_page()
    await ask(page, HOSTILE)
    await expect(page.locator(".from-ai")).to_have_count(1)
    await expect(page.locator(".from-customer .body")).to_have_text(HOSTILE)
    cid = await site.take_over()
    await site.office.service.reply(MINA, cid, HOSTILE)
    await expect(page.locator(".from-agent")).to_have_count(1)
    log = page.locator("[data-part=log]")
    for tag in ("script", "img", "b", "i", "iframe", ".body svg"):
        await expect(log.locator(tag)).to_have_count(0)
    links = await log.locator("a").evaluate_all("all => all.map(a => a.href)")
    assert links
    assert all(link.startswith("https://ok.example/") for link in links)
    assert await page.evaluate("window.hurt") is None


async def test_a_korean_browser_gets_korean_and_may_switch(site: Site, open_page: OpenPage) -> None:
    site.world.responder.always(sure("설정에서 변경하실 수 있습니다."))
    page = await open_page(locale="ko-KR", timezone_id="Asia/Seoul")
    await expect(page.locator("html")).to_have_attribute("lang", "ko")
    await expect(page.get_by_role("heading", name="무엇을 도와드릴까요?")).to_be_visible()
    await expect(page.get_by_role("button", name="상담원 연결")).to_be_visible()
    await ask(page, "비밀번호를 바꾸고 싶어요")
    await expect(page.locator(".from-ai .name")).to_have_text("AI 상담 도우미")
    await expect(page.locator(".from-ai time")).to_contain_text("오")
    c = await site.only_conversation()
    assert c.locale == "ko"
    await page.get_by_role("button", name="English").click()
    await expect(page.locator(".from-ai .name")).to_have_text("Assistant")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.reload()
    await expect(page.locator(".from-ai .name")).to_have_text("Assistant")
    await expect(page.get_by_role("button", name="Talk to a person")).to_be_visible()


async def test_a_phone_needs_no_sideways_scrolling(site: Site, open_page: OpenPage) -> None:
    wide = "| Plan | Price | Storage | Support | Region |\n|--|--|--|--|--|\n| A | 1 | 2 | 3 | 4 |"
    site.world.responder.always(sure(f"{'x' * 300}\n\n```\n{'y' * 300}\n```\n\n{wide}"))
    page = await open_page(**PHONE)
    await ask(page, "z" * 300)
    await expect(page.locator(".from-ai table")).to_have_count(1)
    sizes = await page.evaluate(
        "['html', '.pane'].map(s => document.querySelector(s))"
        ".map(e => [e.scrollWidth, e.clientWidth])"
    )
    assert all(content <= seen for content, seen in sizes), sizes
    send = await page.get_by_role("button", name="Send").bounding_box()
    assert send is not None
    assert send["x"] + send["width"] <= 360
    assert send["y"] + send["height"] <= 700
    targets = await page.locator("button:visible").evaluate_all(
        "all => all.map(b => [b.title || b.textContent, b.getBoundingClientRect().height])"
    )
    assert all(height >= 30 for _, height in targets), targets


async def test_the_dark_is_dark_and_readable(open_page: OpenPage) -> None:
    page = await open_page(color_scheme="dark")
    ground, ink = await page.evaluate(
        "(() => { const s = getComputedStyle(document.querySelector('.chat'));"
        " return [s.backgroundColor, s.color].map(c => c.match(/\\d+/g).map(Number)); })()"
    )
    assert max(ground) < 50
    assert min(ink) > 200


async def test_a_keyboard_is_enough(open_page: OpenPage) -> None:
    page = await open_page()
    await expect(page.get_by_role("textbox")).to_be_focused()
    await page.keyboard.type("With keys only")
    await page.keyboard.press("Enter")
    await expect(page.locator(".from-ai")).to_have_count(1)
    log = page.get_by_role("log")
    await expect(log).to_have_attribute("aria-live", "polite")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Send")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Talk to a person")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="A person has been called")).to_be_focused()


@pytest.fixture
async def shop(site: Site) -> AsyncIterator[str]:
    """A stranger's site with hostile styles, its own policy, and our one script tag."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(
            content_type="text/html",
            headers={
                "Content-Security-Policy": (
                    f"default-src 'none'; style-src 'self' 'nonce-s'; script-src {site.url};"
                    f" frame-src {site.url}"
                )
            },
            text=SHOP.format(url=site.url),
        )

    app = web.Application()
    app.router.add_get("/", page)
    listening = Listening(app)
    await listening.open()
    yield f"http://localhost:{listening.port}/"
    await listening.close()


async def test_the_widget_on_a_strangers_site(site: Site, open_page: OpenPage, shop: str) -> None:
    page = await open_page(shop)
    names = "Object.keys(window).filter(n => /contact|center|chat|widget/i.test(n))"
    await expect(page.locator("#contact-center")).to_be_attached()
    assert await page.evaluate(names) == ["ContactCenter"]
    await page.evaluate("ContactCenter.open()")
    frame = await the_frame(page, site)
    box = frame.get_by_role("textbox")
    await expect(box).to_be_focused()
    await box.fill("How do I reset my password?")
    await box.press("Enter")
    await expect(frame.locator(".from-ai")).to_have_count(1)
    await expect(frame.get_by_role("button", name="Close the chat")).to_be_visible()
    # Closed by Escape inside the frame; the answer of a person shows as a number.
    await box.press("Escape")
    await expect(box).to_be_hidden()
    host = page.locator("#contact-center")
    focused = "document.activeElement === document.querySelector('#contact-center')"
    assert await host.evaluate(focused)
    cid = await site.take_over()
    await site.office.service.reply(MINA, cid, "A person here.")
    await expect(frame.locator(".from-agent")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(frame.locator(".from-agent")).to_be_visible()
    await expect(box).to_be_focused()
    # The site's next page: still open, with everything said so far.
    await page.reload()
    await page.wait_for_function("window.ContactCenter")
    frame = await the_frame(page, site)
    await expect(frame.locator(".from-agent")).to_have_count(1)
    assert await site.customer_texts() == ["How do I reset my password?"]


async def test_the_widget_fills_a_phone(site: Site, open_page: OpenPage, shop: str) -> None:
    page = await open_page(shop, **PHONE)
    await page.wait_for_function("window.ContactCenter")
    await page.evaluate("ContactCenter.open()")
    frame = await the_frame(page, site)
    await expect(frame.get_by_role("textbox")).to_be_visible()
    element = await frame.frame_element()
    rect = await element.bounding_box()
    assert rect is not None
    assert (rect["x"], rect["y"]) == (0, 0)
    assert rect["height"] >= 690
    await frame.get_by_role("button", name="Close the chat").tap()
    await expect(frame.get_by_role("textbox")).to_be_hidden()
