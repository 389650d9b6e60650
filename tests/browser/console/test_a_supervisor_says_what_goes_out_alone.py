"""A supervisor gives trust and takes it back; an agent decides a group but for one of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from aiohttp import web
from playwright.async_api import Browser, Locator, Page, expect

from approvals.autonomy.assistant import AssistantPages
from approvals.autonomy.autonomy import Autonomy, Wishes
from approvals.autonomy.pages import TrustPages
from approvals.autonomy.replay import Replayed
from approvals.autonomy.similar import Incidents
from approvals.autonomy.topics import TopicStore
from approvals.learning.evidence import Evidence, EvidenceStore, Kind
from approvals.learning.learning import Learning
from approvals.learning.lessons import Lesson
from core.accounts.audit.log import Audit
from core.accounts.roles import Action, User
from core.i18n import Words
from core.rag.confidence.model import Confidence
from core.rag.confidence.recalibration import RecalibratedConfidence
from core.rag.vectors.encoder import Vector
from core.storage.client import Database
from core.web.http.routing import Route, page_route
from core.web.pages import Pages
from tests.approvals.office import Office
from tests.browser.console.site import ConsoleSite
from tests.browser.shots import shot
from tests.support.world import unsure

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.domain.events import Commit

pytestmark = pytest.mark.browser


class OneMeaning:
    """Every question means the same."""

    async def question(self, text: str) -> Vector:
        del text
        return np.full(4, 0.5, dtype=np.float32)


class NothingLearned:
    """Learning is tested by itself; here it has nothing to show."""

    async def candidates(self, user: User) -> list[Lesson]:
        del user
        return []

    learned = candidates
    taken_back = candidates


def missing_answers() -> Route:
    """The part that another slice brings."""

    async def gaps(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text="<div><p>No gaps.</p></div>", content_type="text/html")

    return page_route(
        "/console/dashboard/gaps/list", gaps, "Missing answers", action=Action.LEARNING_CONFIRM
    )


class Desk:
    """A console with the pages of trust, and one topic that has earned something."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.site = ConsoleSite(db, more=self._routes)
        self.autonomy: Autonomy | None = None

    async def start(self) -> None:
        await self.site.start()
        self.site.world.responder.always(unsure("Perhaps in Settings."))
        assert self.autonomy is not None
        now = self.site.world.clock.now()
        store = EvidenceStore(self.db["evidence"], clock=self.site.world.clock)
        for number in range(90):
            wrong = number in (7, 20)
            await store.put(
                Evidence(
                    id=f"c{number}.4",
                    at=now - timedelta(hours=90 - number),
                    kind=Kind.REVIEW,
                    topic="billing",
                    confidence=0.5 if wrong else 0.8 + number / 1000,
                    right=not wrong,
                    by="mina@example.com",
                )
            )
        await self.autonomy.start()

    def _routes(self, office: Office, pages: Pages, words: Words) -> Sequence[Route]:
        async def recall(draft_id: str) -> None:
            del draft_id

        async def history(conversation_id: str, *, after: int = 0) -> Sequence[Commit]:
            del conversation_id, after
            return ()

        async def replay(
            since: str,
            threshold: float | None,
            prompt: Path | None,
            model: str,
            progress: Callable[[int, int], None],
        ) -> Replayed:
            del since, threshold, prompt, model, progress
            return Replayed()

        clock = office.world.clock
        self.autonomy = Autonomy(
            EvidenceStore(self.db["evidence"], clock=clock),
            TopicStore(self.db["topics"], self.db["drawn"]),
            wishes=Wishes(target=0.95, prior=0.93),
            recall=recall,
            history=history,
            audit=Audit(self.db, clock=clock),
            clock=clock,
            confidence=RecalibratedConfidence(Confidence.load()),
        )
        assistant = AssistantPages(
            autonomy=self.autonomy,
            learning=cast("Learning", NothingLearned()),
            pages=pages,
            clock=clock,
        )
        trust = TrustPages(
            autonomy=self.autonomy,
            incidents=Incidents(OneMeaning(), office.service),
            replay=replay,
            pages=pages,
            words=words,
        )
        return (*assistant.routes(), *trust.routes(), missing_answers())


@pytest.fixture
async def desk(db: Database) -> AsyncIterator[Desk]:
    """Serving."""
    started = Desk(db)
    await started.start()
    yield started
    await started.site.stop()


async def opened(
    chromium: Browser, desk: Desk, path: str, *, who: str = "", locale: str = "en-US", phone: bool
) -> Page:
    look = {"width": 390, "height": 844} if phone else {"width": 1200, "height": 900}
    page = await desk.site.page(
        chromium,
        who=who,
        patience=20_000,
        locale=locale,
        color_scheme="dark" if phone else "light",
        viewport=look,
    )
    await page.goto(desk.site.url + path)
    return page


async def is_narrow(page: Page) -> bool:
    return bool(
        await page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
    )


def topic_of(page: Page) -> Locator:
    return page.locator("section.topic").filter(has_text="billing")


async def test_trust_is_given_taken_back_and_undone_by_buttons(
    chromium: Browser, desk: Desk
) -> None:
    # An old address leads there.
    page = await opened(chromium, desk, "/console/autonomy", who="sara", phone=False)
    assert page.url.endswith("/console/assistant")
    topic = topic_of(page)
    await expect(topic.locator(".badge")).to_have_text("Asks first unless very sure")
    await expect(topic.locator("dd").nth(1)).to_contain_text("Nobody has judged such an answer")
    await expect(topic.locator(".offer")).to_contain_text(
        "It would have been right 88 of 88 times. At worst 96 in 100 are right."
    )
    await expect(page.locator("[data-part]")).to_contain_text("No gaps.")
    assert not re.search(r"\d\.\d", await topic.inner_text())  # no figures to be taught
    await shot(page, "assistant-en")
    await topic.locator("button[value=accept]").click()
    await expect(topic.locator(".badge")).to_have_text("Answers alone")
    await expect(topic.locator("dd").nth(1)).to_contain_text("Right 88 of 88 times.")
    undo = page.locator("#undo")
    await expect(undo).to_contain_text("“billing” was let answer alone more often.")
    await expect(undo).to_contain_text("sara@example.com")
    await undo.get_by_role("button", name="Undo").press("Enter")
    await expect(topic.locator(".badge")).to_have_text("Asks first unless very sure")
    assert desk.autonomy is not None
    assert desk.autonomy.threshold("billing") == 0.93
    await topic.locator("button[value=review]").click()
    await expect(topic.locator(".badge")).to_have_text("Never alone")
    await expect(topic.locator("dd").first).to_contain_text("A supervisor decided so.")
    await topic.locator("button[value=restore]").click()
    await expect(topic.locator(".badge")).to_have_text("Asks first unless very sure")


async def test_whoever_wants_the_numbers_finds_them_one_level_down(
    chromium: Browser, desk: Desk
) -> None:
    page = await opened(chromium, desk, "/console/assistant", who="sara", phone=False)
    await topic_of(page).get_by_role("link", name="The numbers").click()
    topic = page.locator("section.card").filter(has_text="billing")
    await expect(topic.locator("dd").first).to_have_text("0.930")
    # Lines, not areas: without its style a path is filled black.
    fill = "getComputedStyle(document.querySelector('.curve-picture .curve')).fill"
    assert await page.evaluate(fill) == "none"
    await topic.locator("summary").filter(has_text="evidence").click()
    await expect(topic.locator("tbody tr").first).to_contain_text("mina@example.com")
    await shot(page, "assistant-numbers-en")
    await page.get_by_role("link", name="What the assistant may do").last.click()
    await expect(topic_of(page)).to_be_visible()


async def test_one_press_stops_everything_and_one_lets_it_go_on(
    chromium: Browser, desk: Desk
) -> None:
    page = await opened(chromium, desk, "/console/assistant", who="sara", phone=True)
    stop = page.locator("#stop")
    await stop.get_by_role("button").click()
    await expect(stop.locator(".badge")).to_have_text("Stopped")
    assert desk.autonomy is not None
    assert desk.autonomy.is_stopped()
    assert desk.autonomy.standing("billing").threshold == 1.0
    assert await is_narrow(page)
    await stop.get_by_role("button", name="Let answers go out alone again").click()
    await expect(stop.locator(".badge")).to_have_count(0)
    assert desk.autonomy.threshold("billing") == 0.93
    assert not desk.autonomy.is_stopped()


async def test_it_reads_in_korean_on_a_phone_in_the_dark(chromium: Browser, desk: Desk) -> None:
    page = await opened(
        chromium, desk, "/console/assistant", who="sara", locale="ko-KR", phone=True
    )
    topic = topic_of(page)
    await expect(topic.locator(".badge")).to_have_text("아주 확실할 때만 혼자 답함")
    await topic.locator("button[value=review]").click()
    await expect(topic.locator(".badge")).to_have_text("혼자 답하지 않음")
    await expect(topic.locator("dd").first).to_contain_text("슈퍼바이저가 그렇게 정했습니다.")
    await expect(page.locator("#undo")).to_contain_text("언제나 묻도록 했습니다")
    assert await is_narrow(page)
    await shot(page, "assistant-ko-phone")


async def test_an_agent_may_not_see_it(chromium: Browser, desk: Desk) -> None:
    for path in ("/console/assistant", "/console/autonomy", "/console/assistant/numbers"):
        page = await opened(chromium, desk, path, who="mina", phone=False)
        await expect(page.locator("body")).not_to_contain_text("billing")


async def test_a_group_is_decided_but_for_the_one_unticked(chromium: Browser, desk: Desk) -> None:
    chats = [await opened(chromium, desk, "/", phone=False) for _ in range(3)]
    for chat in chats:
        await chat.get_by_role("textbox").fill("Is the zeppelin down today?")
        await chat.get_by_role("textbox").press("Enter")
        await expect(chat.locator("[data-part=log]")).to_contain_text("zeppelin")
    page = await opened(chromium, desk, "/console/alike", who="mina", phone=True)
    for _ in range(20):
        if await page.locator("input[name=items]").count() == 3:
            break
        await page.wait_for_timeout(500)
        await page.reload()
    ticks = page.locator("input[name=items]")
    await expect(ticks).to_have_count(3)
    await shot(page, "alike-en-phone")
    assert await is_narrow(page)
    await ticks.nth(1).uncheck()
    await page.locator("textarea[name=text_en]").fill("Back at noon.")
    await page.locator("button[value=edit]").click()
    await expect(page.locator("[role=status] li")).to_have_count(2)
    await expect(page.locator("input[name=items]")).to_have_count(0)
    told = 0
    for chat in chats:
        log = chat.locator("[data-part=log]")
        told += await log.get_by_text("Back at noon.").count() or await _later(chat)
    assert told == 2


async def _later(chat: Page) -> int:
    await chat.wait_for_timeout(2000)
    return await chat.locator("[data-part=log]").get_by_text("Back at noon.").count()
