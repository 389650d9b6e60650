"""A customer asks on the chat page: answers arrive, stay, and are told apart from people."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from playwright.async_api import Page, Route, expect

from core.domain.drafts import Draft, Question, Turn
from core.domain.messages import Citation
from core.engine.ports import OnDelta, Signal
from tests.approvals.office import MINA
from tests.browser.conftest import OpenPage
from tests.browser.site import Site
from tests.support.world import unsure

pytestmark = pytest.mark.browser

QUESTION = "How do I reset my password?"
SOURCES = (
    Citation(id="1", title="Account security", url="https://help.example.com/reset"),
    Citation(id="2", title="Printed manual", url=""),
)


class SlowTyper:
    """A responder that shows its answer in pieces and finishes when it is told to."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.may_finish = asyncio.Event()

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        assert on_delta is not None
        for piece in self.pieces:
            on_delta(piece)
            await asyncio.sleep(0.05)
        await self.may_finish.wait()
        text = "".join(self.pieces)
        return Draft(text=text, citations=SOURCES, confidence=0.99, answerer="test")

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """Nothing to prepare."""


async def ask(page: Page, text: str = QUESTION) -> None:
    """Write it and press Enter."""
    await page.get_by_role("textbox").fill(text)
    await page.get_by_role("textbox").press("Enter")


async def test_an_answer_grows_and_ends_as_one_message_with_its_sources(
    site: Site, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    typer = SlowTyper("Open **Settings**", " and press *Reset*", " [1], as printed [2].")
    monkeypatch.setattr(site.world.responder, "draft", typer.draft)
    page = await open_page()
    await ask(page)
    growing = page.locator("[data-part=live] .from-ai")
    await expect(growing).to_contain_text("and press Reset")
    await expect(page.locator("[data-part=log] .from-ai")).to_have_count(0)
    typer.may_finish.set()
    answer = page.locator("[data-part=log] .from-ai")
    await expect(answer).to_have_count(1)
    await expect(page.locator(".from-ai")).to_have_count(1)
    await expect(answer.locator(".body strong")).to_have_text("Settings")
    await expect(answer.locator(".name")).to_have_text("AI assistant")
    link = answer.locator(".sources a")
    await expect(link).to_have_count(1)
    await expect(link).to_have_attribute("href", "https://help.example.com/reset")
    await expect(link).to_have_attribute("target", "_blank")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    await expect(answer.locator(".sources li")).to_have_count(2)
    await expect(answer.locator(".mark a")).to_have_attribute(
        "href", "https://help.example.com/reset"
    )
    await expect(page.locator("[data-part=status]")).to_have_text("The assistant answers")


async def test_an_approved_answer_reaches_the_open_page_within_a_second(
    site: Site, open_page: OpenPage
) -> None:
    site.world.responder.always(unsure("Yes, to Jeju as well."))
    page = await open_page()
    await ask(page, "Do you ship to Jeju?")
    await expect(page.locator("[data-part=status]")).to_have_text("Waiting for review by a person")
    await expect(page.locator(".from-system")).to_have_count(1)
    assert "Jeju as well" not in await page.inner_text("body")
    await site.approve()
    await expect(page.locator(".from-ai .body")).to_have_text("Yes, to Jeju as well.", timeout=1000)
    await expect(page.locator("[data-part=status]")).to_have_text("The assistant answers")


async def test_a_reload_keeps_everything_and_repeats_nothing(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page()
    await ask(page)
    await expect(page.locator(".from-ai")).to_have_count(1)
    before = await page.locator("[data-part=log]").inner_text()
    await page.reload()
    await expect(page.locator(".from-ai")).to_have_count(1)
    await expect(page.locator(".from-customer")).to_have_count(1)
    assert await page.locator("[data-part=log]").inner_text() == before
    await ask(page, "And my name?")
    await expect(page.locator(".from-ai")).to_have_count(2)
    assert await site.customer_texts() == [QUESTION, "And my name?"]


async def test_a_double_click_on_send_sends_once(site: Site, open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_role("textbox").fill(QUESTION)
    await page.get_by_role("button", name="Send").dblclick()
    await expect(page.locator(".from-ai")).to_have_count(1)
    await expect(page.locator(".from-customer")).to_have_count(1)
    assert await site.customer_texts() == [QUESTION]


async def test_what_is_written_before_the_scripts_are_there_is_kept(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page()
    come = asyncio.Event()

    async def late(route: Route) -> None:
        await come.wait()
        await route.continue_()

    await page.route("**/*.js*", late)
    await page.goto(site.url, wait_until="commit")
    await page.get_by_role("textbox").fill(QUESTION)
    send = page.locator("[data-part=send]")
    await expect(send).to_have_attribute("disabled", "")
    come.set()
    await expect(send).to_be_enabled()
    await expect(page.get_by_role("textbox")).to_have_value(QUESTION)
    await send.click()
    await expect(page.locator(".from-customer .body")).to_have_text([QUESTION])


async def test_enter_sends_but_not_while_a_syllable_is_composed(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page(locale="ko-KR")
    box = page.get_by_role("textbox")
    await box.fill("안녕하세요")
    await box.evaluate(
        "b => b.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true, cancelable: true}))"
    )
    await expect(box).to_have_value("안녕하세요")
    await box.press("Shift+Enter")
    await box.press_sequentially("둘째 줄")
    await box.press("Enter")
    await expect(box).to_have_value("")
    await expect(page.locator(".from-customer .body")).to_have_text("안녕하세요\n둘째 줄")
    await expect(page.locator(".from-ai")).to_have_count(1)
    assert await site.customer_texts() == ["안녕하세요\n둘째 줄"]


async def test_too_long_a_text_is_counted_and_not_sent(site: Site, open_page: OpenPage) -> None:
    page = await open_page()
    box = page.get_by_role("textbox")
    await box.fill("a" * 7_990)
    await expect(page.locator("[data-part=count]")).to_have_text("Characters left: 10")
    await box.fill("가" * 8_003)
    await expect(page.locator("[data-part=count]")).to_have_text("3 characters too many")
    await box.press("Enter")
    await expect(page.locator(".from-customer")).to_have_count(0)
    await expect(box).to_have_value("가" * 8_003)
    await box.fill("나" * 8_000)
    await box.press("Enter")
    await expect(page.locator(".from-ai")).to_have_count(1)
    assert await site.customer_texts() == ["나" * 8_000]


async def test_a_person_is_called_once_comes_and_is_named(site: Site, open_page: OpenPage) -> None:
    page = await open_page()
    await page.get_by_role("button", name="Talk to a person").click()
    called = page.get_by_role("button", name="You have asked for a person")
    await expect(called).to_have_attribute("aria-disabled", "true")
    await expect(page.locator("[data-part=person-note]")).to_contain_text("will answer here")
    await called.dblclick(force=True)
    await page.reload()
    await expect(called).to_be_visible()
    cid = await site.take_over()
    await expect(page.locator("[data-part=status]")).to_have_text("You are talking with Mina")
    await expect(page.locator("[data-part=person]")).to_be_hidden()
    site.world.conversations.signal(Signal(conversation_id=cid, kind="typing", text="agent"))
    await expect(page.locator("[data-part=typing]")).to_have_text("A person is writing")
    await site.office.service.reply(MINA, cid, "Hello, **Mina** here.")
    await expect(page.locator(".from-agent .body")).to_have_text("Hello, Mina here.")
    await expect(page.locator("[data-part=typing]")).to_be_hidden()
    await site.office.service.resolve(MINA, cid)
    await expect(page.locator("[data-part=status]")).to_have_text("Closed – write to reopen")
    await ask(page)
    await expect(page.locator("[data-part=status]")).to_have_text("The assistant answers")
    await expect(page.locator(".from-ai")).to_have_count(1)
    kinds = await site.world.kinds(cid)
    assert kinds.count("person_requested") == 1


async def test_the_customer_is_seen_typing_at_most_every_two_seconds(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page()
    await ask(page)
    await expect(page.locator(".from-ai")).to_have_count(1)
    calls: list[str] = []
    page.on("request", lambda r: calls.append(r.url) if r.url.endswith("/typing") else None)
    await page.get_by_role("textbox").press_sequentially("a longer thought", delay=40)
    await asyncio.sleep(0.1)
    assert len(calls) == 1


async def test_a_rating_is_given_changed_and_commented(site: Site, open_page: OpenPage) -> None:
    page = await open_page()
    await expect(page.locator("[data-part=rating]")).to_be_hidden()
    await ask(page)
    rating = page.locator("[data-part=rating]")
    async with page.expect_response("**/rating"):
        await rating.locator("label").nth(4).click()
    await expect(rating).to_contain_text("You gave 5 of 5")
    await page.reload()
    await expect(rating).to_contain_text("You gave 5 of 5")
    await rating.get_by_role("button", name="Change").click()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Enter")
    await expect(rating).to_contain_text("You gave 3 of 5")
    await rating.get_by_role("textbox").fill("Too short")
    await rating.get_by_role("button", name="Send comment").click()
    await expect(rating).to_contain_text("Thank you for your comment")
    c = await site.only_conversation()
    kinds = await site.world.kinds(c.id)
    assert kinds.count("rated") == 3
    assert await site.customer_texts() == [QUESTION]


async def test_a_lone_emoji_promises_no_answer(site: Site, open_page: OpenPage) -> None:
    page = await open_page()
    await ask(page)
    await expect(page.locator("[data-part=rating]")).to_be_visible()
    await page.fill("#message", "👍")
    await page.keyboard.press("Enter")
    await expect(page.locator(".from-customer")).to_have_count(2)
    # Well before the twelve seconds after which the sign would have gone by itself.
    await expect(page.locator("[data-part=typing]")).to_be_hidden(timeout=6_000)
    await expect(page.locator("[data-part=rating]")).to_be_visible()
    await page.reload()
    await expect(page.locator(".from-customer")).to_have_count(2)
    await expect(page.locator("[data-part=rating]")).to_be_visible()


async def test_a_new_conversation_starts_empty(site: Site, open_page: OpenPage) -> None:
    page = await open_page()
    await ask(page)
    await expect(page.locator(".from-ai")).to_have_count(1)
    await page.get_by_role("button", name="New conversation").click()
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".from-ai")).to_have_count(1)
    await page.get_by_role("button", name="New conversation").click()
    await page.get_by_role("button", name="Start new").click()
    await expect(page.get_by_role("heading", name="How can we help?")).to_be_visible()
    await expect(page.locator(".message")).to_have_count(0)
    await expect(page.get_by_role("textbox")).to_be_focused()
    await ask(page, "Another matter")
    await expect(page.locator(".from-ai")).to_have_count(1)


async def test_two_tabs_share_one_conversation_and_one_stream(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page()
    await ask(page)
    await expect(page.locator(".from-ai")).to_have_count(1)
    streams: list[str] = []
    second = await page.context.new_page()
    second.on("request", lambda r: streams.append(r.url) if r.url.endswith("/events") else None)
    await second.goto(site.url)
    await expect(second.locator(".from-ai")).to_have_count(1)
    await ask(second, "From the second tab")
    await expect(page.locator(".from-customer")).to_have_count(2)
    await expect(page.locator(".from-ai")).to_have_count(2)
    await expect(second.locator(".from-ai")).to_have_count(2)
    assert streams == []
    await page.close()
    await ask(second, "Alone now")
    await expect(second.locator(".from-ai")).to_have_count(3)
    assert len(streams) == 1


async def test_a_late_sign_of_an_answer_shows_no_second_one(
    site: Site, open_page: OpenPage
) -> None:
    page = await open_page()
    await ask(page)
    await expect(page.locator(".from-ai")).to_have_count(1)
    cid = (await site.only_conversation()).id
    for kind, text in (("typing", "ai"), ("delta", "Open Set"), ("typing", "agent")):
        site.world.conversations.signal(Signal(conversation_id=cid, kind=kind, text=text))
    await expect(page.locator("[data-part=typing]")).to_have_text("A person is writing")
    await expect(page.locator(".from-ai")).to_have_count(1)
