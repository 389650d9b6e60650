"""People at the desk work the queue in a real browser while a customer waits in another."""

from __future__ import annotations

import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Route, expect

from core.domain.conversation import Status
from core.domain.drafts import Draft
from core.storage.client import Database
from tests.approvals.office import QUESTION
from tests.browser.console.site import ConsoleSite
from tests.support.world import sure, unsure

pytestmark = pytest.mark.browser

Opens = Callable[..., Awaitable[Page]]


@pytest.fixture
async def console(db: Database) -> AsyncIterator[ConsoleSite]:
    """Console and chat, serving; the assistant is unsure."""
    started = ConsoleSite(db)
    await started.start()
    started.world.responder.always(unsure("Perhaps in **Settings**."))
    yield started
    await started.stop()


@pytest.fixture
def complaints() -> list[str]:
    """Errors and violations seen in any page; a test that provokes some clears the list."""
    return []


@pytest.fixture
async def visit(
    chromium: Browser, console: ConsoleSite, complaints: list[str]
) -> AsyncIterator[Opens]:
    """Opens a page in a profile of its own, as this member of staff (or as a customer)."""

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    async def opened(path: str = "/console/approvals", *, who: str = "", **context: Any) -> Page:
        page = await console.page(chromium, who=who, **context)
        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(console.url + path)
        if path == "/console/approvals":
            await expect(page.locator("#live")).to_have_text(re.compile("Live|실시간"))
        return page

    yield opened
    assert complaints == []


async def ask(page: Page, text: str = QUESTION) -> None:
    """The customer writes."""
    await page.get_by_role("textbox").fill(text)
    await page.get_by_role("textbox").press("Enter")


@pytest.mark.timed
async def test_an_approved_draft_reaches_the_open_chat_within_a_second(visit: Opens) -> None:
    desk = await visit(who="mina")
    await expect(desk.get_by_text("Nothing waits for you")).to_be_visible()
    chat = await visit("/")
    await ask(chat)
    card = desk.locator(".ticket")
    await expect(card).to_contain_text(QUESTION)
    await expect(card.locator(".drawn strong")).to_have_text("Settings")
    await desk.keyboard.press("j")
    await expect(card.get_by_role("link", name="Guide")).to_have_attribute(
        "href", "https://example.com/guide"
    )
    await expect(chat.locator("body")).not_to_contain_text("Perhaps")
    started = time.monotonic()
    await desk.keyboard.press("a")
    await expect(chat.locator("[data-part=log] .from-ai")).to_contain_text("Perhaps in Settings.")
    assert time.monotonic() - started < 1.0
    await expect(card).to_contain_text("Approved by you after")
    await expect(desk.get_by_text("Nothing waits for you")).to_be_visible()


async def test_a_colleague_sees_who_was_first(
    visit: Opens, console: ConsoleSite, complaints: list[str]
) -> None:
    mina, joon = await visit(who="mina"), await visit(who="joon")
    await console.world.write(QUESTION)
    await expect(joon.locator(".ticket")).to_have_count(1)
    await expect(mina.locator(".ticket")).to_have_count(1)
    await joon.route("**/console/approvals/cards*", lambda route: route.abort())
    await mina.get_by_role("button", name="Approve").click()
    await expect(mina.locator(".ticket")).to_contain_text("Approved by you")
    await joon.get_by_role("button", name="Approve").click()
    await expect(joon.locator(".toast.bad")).to_have_text("mina@example.com was first.")
    await joon.unroute("**/console/approvals/cards*")
    await expect(joon.locator(".ticket")).to_contain_text("Approved by mina@example.com")
    await expect(joon.locator("#trouble")).to_be_hidden()
    said = await console.world.said(await only(console))
    assert [author for author, _ in said] == ["system", "ai"]
    complaints.clear()


async def only(console: ConsoleSite) -> str:
    """The one conversation's id."""
    found = await console.world.db["log"].find({}, {"c": 1}).to_list()
    [cid] = {d["c"] for d in found}
    assert isinstance(cid, str)
    return cid


async def test_an_edit_by_keyboard_arrives_as_written(visit: Opens, console: ConsoleSite) -> None:
    desk = await visit(who="mina")
    chat = await visit("/")
    await ask(chat)
    await expect(desk.locator(".ticket")).to_have_count(1)
    await desk.keyboard.press("j")
    await desk.keyboard.press("e")
    field = desk.get_by_label("Your answer. The customer gets it exactly")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("Perhaps in **Settings**.")
    await field.fill("In Settings, under Security. a e r t j k")
    await desk.keyboard.press("Control+Enter")
    await expect(chat.locator("[data-part=log]")).to_contain_text("under Security. a e r t j k")
    await expect(desk.locator(".ticket")).to_contain_text("Edited and sent by you")


async def test_what_somebody_writes_is_never_lost(visit: Opens, console: ConsoleSite) -> None:
    desk = await visit(who="mina")
    await console.world.write(QUESTION)
    await expect(desk.locator(".ticket")).to_have_count(1)
    await desk.get_by_role("button", name="Edit").click()
    await desk.get_by_label("Your answer").first.fill("My long and careful answer")
    await console.world.write("Or rather: how do I close my account?")
    await expect(desk.locator(".ticket")).to_have_count(2)
    first = desk.locator(".ticket").first
    await expect(first.locator("[data-conflict]")).to_contain_text("More has been said meanwhile")
    await expect(first.get_by_label("Your answer").first).to_have_value(
        "My long and careful answer"
    )
    await first.get_by_role("button", name="Send").click()
    await expect(first).to_contain_text("Edited and sent by you")
    said = await console.world.said(await only(console))
    assert [text for _, text in said].count("My long and careful answer") == 1


async def test_a_rejection_with_a_hint_brings_another_draft(
    visit: Opens, console: ConsoleSite
) -> None:
    desk = await visit(who="mina")
    await console.world.write(QUESTION)
    await expect(desk.locator(".ticket")).to_have_count(1)
    console.world.responder.always(sure("Press Reset."))
    await desk.keyboard.press("j")
    await desk.keyboard.press("r")
    await desk.get_by_label("The assistant tries again").check()
    await desk.get_by_label("What should it do better?").fill("Name the button.")
    await desk.locator(".ticket").get_by_role("button", name="Reject", exact=True).last.click()
    await expect(desk.locator('.ticket[data-state="pending"]')).to_contain_text("Press Reset.")
    assert console.world.responder.asked[-1].hint == "Name the button."


async def test_a_person_takes_over_speaks_and_hands_back(
    visit: Opens, console: ConsoleSite
) -> None:
    desk = await visit(who="mina")
    chat = await visit("/")
    await ask(chat)
    await expect(desk.locator(".ticket")).to_have_count(1)
    await desk.keyboard.press("j")
    await desk.keyboard.press("t")
    await expect(desk.get_by_text("You speak with the customer")).to_be_visible()
    await desk.get_by_label("Reply to the customer").fill("Hello, Mina here.")
    await desk.keyboard.press("Control+Enter")
    await expect(chat.locator("[data-part=log]")).to_contain_text("Hello, Mina here.")
    # What has gone out leaves an empty field, not one that is marked as forgotten.
    await expect(desk.get_by_label("Reply to the customer")).to_have_value("")
    assert await desk.locator("#reply textarea:user-invalid").count() == 0
    await ask(chat, "Thank you!")
    await expect(desk.locator("#thread")).to_contain_text("Thank you!")
    await desk.get_by_label("Note for colleagues").fill("A kind customer")
    await desk.get_by_role("button", name="Add note").click()
    await expect(desk.locator(".entry.note")).to_contain_text("A kind customer")
    await expect(chat.locator("body")).not_to_contain_text("A kind customer")
    await desk.get_by_role("button", name="Hand back").click()
    await expect(desk.locator("#reply")).to_be_hidden()
    state = await console.world.conversations.load(await only(console))
    assert state.status is Status.AI


async def test_the_page_says_when_it_is_cut_off_and_comes_back(
    visit: Opens, console: ConsoleSite, complaints: list[str]
) -> None:
    desk = await visit(who="mina")
    await console.world.write(QUESTION)
    await expect(desk.locator(".ticket")).to_have_count(1)
    await console.stop()
    await expect(desk.locator("#live")).to_have_text("Reconnecting…")
    await desk.get_by_role("button", name="Approve").click()
    await expect(desk.locator("#trouble")).to_be_visible()
    await console.start()
    await expect(desk.locator("#live")).to_have_text("Live", timeout=10_000)
    await expect(desk.locator("#trouble")).to_be_hidden()
    await desk.get_by_role("button", name="Approve").click()
    await expect(desk.locator(".ticket")).to_contain_text("Approved by you")
    complaints.clear()


async def test_a_draft_overtaken_while_somebody_wrote_leaves_no_dead_buttons(
    visit: Opens, console: ConsoleSite
) -> None:
    desk, other = await visit(who="mina"), await visit(who="joon")
    await console.world.write(QUESTION)
    await desk.get_by_role("button", name="Edit").click()
    card = desk.locator(".ticket")
    await card.locator('[data-form="edit"] textarea').fill("Half written")
    # Whoever begins to write has claimed it; a colleague who sees that may decide all the same.
    await expect(other.locator(".ticket")).to_contain_text("mina@example.com is working on this")
    await other.get_by_role("button", name="Take over").click()
    await expect(card.locator("[data-conflict]")).to_contain_text("joon")
    await expect(card.locator('[data-form="edit"] textarea')).to_have_value("Half written")
    await card.locator('[data-form="edit"] [data-act="cancel"]').click()
    await expect(card.locator('[data-act="approve"]')).to_have_count(0)
    await expect(card).to_contain_text("Taken over by")


async def test_a_decision_pressed_into_the_void_says_so_and_then_that_it_did_not_arrive(
    visit: Opens, console: ConsoleSite, complaints: list[str]
) -> None:
    desk = await visit(who="mina")
    await console.world.write(QUESTION)
    line = desk.locator(".ticket [data-conflict]")
    await expect(line).to_have_count(1)
    await console.stop()
    await desk.get_by_role("button", name="Approve").click()
    await expect(line).to_contain_text("The server does not answer")
    await expect(line).not_to_contain_text("Your text is still here")
    await expect(desk.locator(".toast")).to_contain_text("The server does not answer")
    await console.start()
    await expect(line).to_contain_text("had not arrived: please do it again", timeout=10_000)
    await desk.get_by_role("button", name="Edit").click()
    await desk.locator('[data-form="edit"] textarea').fill("Mine.")
    await console.stop()
    await desk.get_by_role("button", name="Send").click()
    await expect(line).to_contain_text("Your text is still here")
    await console.start()
    await expect(line).to_contain_text("had not arrived", timeout=10_000)
    await desk.get_by_role("button", name="Send").click()
    await expect(desk.locator(".ticket")).to_contain_text("by you")
    said = await console.world.said(await only(console))
    assert [text for _, text in said].count("Mine.") == 1
    complaints.clear()


async def test_an_open_conversation_says_when_it_is_cut_off_and_replies_arrive_once(
    visit: Opens, console: ConsoleSite, complaints: list[str]
) -> None:
    await console.world.write(QUESTION)
    talk = await visit(f"/console/conversations/{await only(console)}", who="mina", locale="ko-KR")
    await expect(talk.locator("#live")).to_have_text("실시간")
    await talk.get_by_role("button", name="직접 상담", exact=True).click()
    field = talk.locator("#reply textarea")
    send = talk.locator('#reply [type="submit"]')

    async def stored_but_unanswered(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await talk.route("**/reply", stored_but_unanswered)
    await field.fill("한 번만")
    await send.click()
    said = talk.locator("#reply [data-conflict]")
    await expect(said).to_contain_text("한 번만 전달됩니다")
    await talk.unroute("**/reply")
    await talk.reload()
    await expect(field).to_have_value("한 번만")
    await send.click()
    await expect(field).to_have_value("")
    await talk.route("**/reply", stored_but_unanswered)
    await field.fill("다른 말")
    await send.click()
    await expect(said).to_be_visible()
    await talk.unroute("**/reply")
    await field.fill("다른 말씀")
    await send.click()
    await expect(field).to_have_value("")
    texts = [text for _, text in await console.world.said(await only(console))]
    assert [texts.count(t) for t in ("한 번만", "다른 말", "다른 말씀")] == [1, 1, 1]
    await console.stop()
    await expect(talk.locator("#live")).to_have_text("다시 연결하는 중…")
    await talk.get_by_role("button", name="상담 종료").click()
    await expect(talk.locator(".toast")).to_contain_text("서버가 응답하지 않아")
    await console.start()
    await expect(talk.locator("#live")).to_have_text("실시간", timeout=10_000)
    complaints.clear()


async def test_letters_work_on_a_korean_keyboard(visit: Opens, console: ConsoleSite) -> None:
    desk = await visit(who="mina", locale="ko-KR")
    await console.world.write(QUESTION)
    await expect(desk.locator(".ticket")).to_have_count(1)
    for key, code in (("ㅓ", "KeyJ"), ("ㅊ", "KeyC")):
        await desk.evaluate(
            "([key, code]) => (document.activeElement ?? document.body).dispatchEvent("
            "new KeyboardEvent('keydown', {key, code, bubbles: true}))",
            [key, code],
        )
    await expect(desk.locator(".ticket")).to_contain_text("내가 처리하고 있습니다")


@pytest.mark.parametrize(
    "path",
    ["/console/approvals", "/console/approvals/decided", "/console/conversations", "one"],
)
async def test_nothing_overflows_on_a_phone(visit: Opens, console: ConsoleSite, path: str) -> None:
    draft = Draft(text="https://example.com/" + "long" * 60, confidence=0.2)
    console.world.responder.always(draft)
    await console.world.write("W" * 300)
    cid = await only(console)
    await console.world.until(cid, lambda c: c.review is not None)
    await console.world.projector.drain()
    page = await visit(
        f"/console/conversations/{cid}" if path == "one" else path,
        who="mina",
        viewport={"width": 360, "height": 740},
    )
    await expect(page.locator("h1")).to_be_visible()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360


async def test_decisions_are_listed_with_who_and_how_long(
    visit: Opens, console: ConsoleSite
) -> None:
    desk = await visit(who="mina")
    await console.world.write(QUESTION)
    await expect(desk.locator(".ticket")).to_have_count(1)
    await desk.get_by_role("button", name="Approve").click()
    await expect(desk.locator(".ticket")).to_contain_text("Approved by you")
    await desk.get_by_role("link", name="Decisions").click()
    row = desk.locator("#decided tbody tr")
    await expect(row).to_contain_text(QUESTION)
    await expect(row).to_contain_text("Approved")
    await expect(row.locator("td").last).to_have_text(re.compile(r"^0:\d\d$"))


async def test_who_is_not_signed_in_is_led_to_the_door(console: ConsoleSite, visit: Opens) -> None:
    page = await visit("/")
    answer = await page.request.get(console.url + "/console/approvals", max_redirects=0)
    assert answer.status == 303
    assert answer.headers["location"] == "/login?next=%2Fconsole%2Fapprovals"


async def ask_at_length(console: ConsoleSite) -> None:
    """A question of 7,000 characters waits in the queue."""
    await console.world.write("please " * 1_000)
    cid = await only(console)
    await console.world.until(cid, lambda c: c.review is not None)
    await console.world.projector.drain()


async def test_a_long_question_leaves_the_draft_in_sight(
    visit: Opens, console: ConsoleSite
) -> None:
    await ask_at_length(console)
    page = await visit(who="mina", viewport={"width": 1280, "height": 800})
    await expect(page.locator(".draft")).to_be_in_viewport()
    await expect(page.locator('[data-act="approve"]')).to_be_in_viewport()


async def test_the_list_of_conversations_fits_a_small_desktop(
    visit: Opens, console: ConsoleSite
) -> None:
    await ask_at_length(console)
    page = await visit(who="mina", viewport={"width": 1280, "height": 800})
    await page.locator('[data-act="take_over"]').click()
    await page.wait_for_url("**/console/conversations/*")
    await page.goto(console.url + "/console/conversations")
    await expect(page.locator(".inbox-row .with")).to_have_text("you")
    hidden = "e => e.scrollWidth - e.clientWidth"
    assert await page.locator("html").evaluate(hidden) <= 0


async def chosen(page: Page) -> str:
    """The question on the chosen card, or "" where none is chosen."""
    text = await page.evaluate(
        "() => document.querySelector('.ticket[aria-current=true] .said')?.innerText.trim() ?? ''"
    )
    return str(text)


@pytest.mark.parametrize("seed", range(3))
async def test_fifteen_drafts_by_keyboard_and_no_press_decides_on_a_card_that_was_passed_over(
    visit: Opens, console: ConsoleSite, seed: int
) -> None:
    """Some are put off, colleagues decide on others, new ones come: "next" stays the next."""
    dice = random.Random(seed)
    world = console.world
    for number in range(15):
        await world.write(f"Question {number:02}: where is my parcel?", chat=f"k{number}")
    desk = await visit(who="mina")
    await expect(desk.locator(".ticket")).to_have_count(15)
    shown = [await t.inner_text() for t in await desk.locator(".ticket .said").all()]
    left = [found[0] for text in shown if (found := re.search(r"Question \d\d", text))]
    assert len(left) == 15
    passed_over: list[str] = []
    approved: list[str] = []
    late = 15
    await desk.keyboard.press("j")
    for turn in range(15):
        now = await chosen(desk)
        assert left[turn] in now, f"after {approved[-1:]} comes {left[turn]}, not {now}"
        if dice.random() < 0.3:
            passed_over.append(left[turn])
            await desk.keyboard.press("j")
            continue
        if dice.random() < 0.4:
            await world.write(f"Question {late}: and mine?", chat=f"k{late}")
            late += 1
        approved.append(left[turn])
        await desk.keyboard.press("a")
        if turn < 14:
            await expect(desk.locator(".ticket[aria-current=true] .said")).not_to_contain_text(
                left[turn]
            )
    await expect(desk.locator('.ticket[data-state="pending"]')).to_have_count(late - len(approved))
    still = " ".join(
        [await t.inner_text() for t in await desk.locator('.ticket[data-state="pending"]').all()]
    )
    assert all(question in still for question in passed_over)
    assert not any(question in still for question in approved)
