"""Hostile text, Korean, a phone, the dark, and a keyboard."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from config.languages import LANGUAGES
from core.domain.drafts import Draft, Question
from core.domain.messages import Citation
from core.i18n import Words
from tests.approvals.office import MINA
from tests.browser.conftest import OpenPage
from tests.browser.site import Site
from tests.support.world import LOCALES, sure

WORDS = Words.load(LOCALES)

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>"
    " [a](javascript:window.hurt=1) **<b onclick=window.hurt=1>b</b>**"
    ' <https://ok.example/?q="><svg/onload=window.hurt=1>'
)
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


async def test_each_paragraph_reads_from_its_own_side(site: Site, open_page: OpenPage) -> None:
    site.world.responder.always(sure("Hello and welcome.\n\nمرحبا بكم في المتجر."))
    page = await open_page()
    await ask(page, "שלום וברכה")
    drawn = page.locator(".from-ai .body p")
    await expect(drawn.filter(has_text="مرحبا")).to_have_css("direction", "rtl")
    await expect(drawn.filter(has_text="Hello")).to_have_css("direction", "ltr")


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
    await expect(page.locator(".from-ai .name")).to_have_text("AI assistant")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.reload()
    await expect(page.locator(".from-ai .name")).to_have_text("AI assistant")
    await expect(page.get_by_role("button", name="Talk to a person")).to_be_visible()


async def test_a_spanish_customer_asks_for_a_person_and_reads_spanish(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page(locale="es-MX", **PHONE)
    await expect(page.locator("html")).to_have_attribute("lang", "es")
    await expect(page.get_by_role("heading", name="¿En qué podemos ayudarle?")).to_be_visible()
    languages = page.locator("[data-language]")
    await expect(languages).to_have_text([one.short for one in LANGUAGES.values()])
    await ask(page, "quiero hablar con una persona")
    notice = WORDS.text("notices.person_coming", "es")
    await expect(page.get_by_role("log")).to_contain_text(notice)
    c = await site.only_conversation()
    assert c.locale == "es"
    assert c.person_requested
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


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
    await expect(page.get_by_role("button", name="You have asked for a person")).to_be_focused()


async def test_a_demonstration_says_so_until_it_is_none(site: Site, open_page: OpenPage) -> None:
    site.demonstrates = True
    page = await open_page()
    demo, own = page.locator("[data-part=demo]"), page.locator("[data-part=own-sources]")
    await expect(demo).to_contain_text("This chat is a demonstration.")
    await expect(own).to_be_hidden()
    await page.get_by_role("button", name="한국어").click()
    await expect(demo).to_contain_text("이 채팅은 데모입니다.")
    # Somebody adds the company's first article while the page is open.
    site.demonstrates = False
    await expect(demo).to_be_hidden(timeout=8_000)
    await expect(own).to_be_visible()
    again = await open_page()
    await expect(again.locator("[data-part=demo]")).to_be_hidden()


async def test_a_low_window_shows_the_welcome_from_its_top(site: Site, open_page: OpenPage) -> None:
    page = await open_page(viewport={"width": 360, "height": 420})
    pane = page.locator("[data-part=pane]")
    await expect(page.locator(".welcome h2")).to_be_in_viewport(ratio=1)
    await page.set_viewport_size({"width": 360, "height": 400})
    await expect(page.locator(".welcome h2")).to_be_in_viewport(ratio=1)
    assert await pane.evaluate("pane => pane.scrollHeight > pane.clientHeight")
    await ask(page, "Where is my parcel?")
    await expect(page.locator(".from-customer")).to_be_in_viewport()
