"""With a model that takes its time the chat page says that the assistant writes, until it has."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from app import App, serving
from config.settings import read_settings
from core.rag.domain.model import Article
from core.runtime.data_dir import DataDir
from core.storage.client import Database
from tests.support.servers.openai import Scene
from tests.support.slow_models import FAQ, SlowModel, settings_for, slow_model

pytestmark = [pytest.mark.browser, pytest.mark.timed, pytest.mark.timeout(240)]

PASSWORD, DELIVERY, RETURN, SERIAL, BURRS, KETTLES, KOREAN = FAQ
WAITING = ("colleague", "team", "상담원")  #: what a holding notice speaks of
SIGN = 3.0  #: seconds until the page says something true
FRESH = 0.9  #: seconds between two looks, with room for a busy machine


@pytest.fixture
async def model() -> AsyncIterator[SlowModel]:
    async with slow_model() as running:
        yield running


@pytest.fixture
async def shop(
    model: SlowModel,
    db: Database,
    mongo_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[App]:
    """Everything, with the shop's knowledge and the slow model."""
    given = settings_for(model)
    for name, value in given.items():
        monkeypatch.setenv(name, value)  # where the provider's own library looks
    uri = mongo_uri.replace("/?", f"/{db.name}?")
    settings = read_settings({"MONGODB_URI": uri, "DATA_DIR": str(tmp_path), "PORT": "0", **given})
    async with serving(settings, DataDir(tmp_path), store=None, guide=None) as live:
        for number, (question, answer) in enumerate(FAQ.items()):
            locale = "ko" if question == KOREAN else "en"
            article = Article(
                id=f"f{number}",
                title=question,
                text=answer,
                locale=locale,
                questions=(question,),
            )
            await live.rag.knowledge.add_article(article)
        yield live


async def watched(page: Page, question: str, *, within: float) -> tuple[float, float, list[str]]:
    """Ask; the seconds to the first sign and to the answer, and what was seen in between."""
    box = page.get_by_role("textbox")
    await box.fill(question)
    began = time.monotonic()
    await box.press("Enter")
    first = 0.0
    seen: list[str] = []
    while True:
        now = time.monotonic() - began
        assert now < within, seen
        answer = page.locator("[data-part=log] .from-ai")
        if await answer.count():
            return first or now, now, seen
        sign = page.locator("[data-part=typing-text]")
        growing = page.locator("[data-part=live] .from-ai")
        # All at once: what is there now may be gone a moment later, and would be waited for.
        signs = await sign.all_inner_texts() if await sign.is_visible() else []
        shown = "".join(await growing.all_inner_texts() or signs)
        if shown and not first:
            first = now
        if first:
            seen.append(shown)
        log = await page.locator("[data-part=log]").inner_text()
        assert not any(word in log for word in WAITING), log
        await asyncio.sleep(0.2)


async def test_the_page_says_so_until_the_answer_is_there(
    shop: App, model: SlowModel, chromium: Browser
) -> None:
    model.delays = {PASSWORD: 4.0, KOREAN: 8.0, DELIVERY: 15.0}
    model.pause_for(SERIAL, seconds=8.0)
    asked = {question: "ko-KR" if question == KOREAN else "en-US" for question in model.delays}
    asked[SERIAL] = "en-US"
    pages: dict[str, Page] = {}
    for question, locale in asked.items():
        profile = await chromium.new_context(locale=locale)
        pages[question] = await profile.new_page()
        await pages[question].goto(shop.core.site.url())
    found = await asyncio.gather(*(watched(pages[q], q, within=30.0) for q in pages))
    for (question, page), (first, answered, seen) in zip(pages.items(), found, strict=True):
        print(f"{question}: first sign {first:.2f} s, answered {answered:.2f} s")
        wanted = model.delays.get(question, 8.0)
        assert first < SIGN, (question, first)
        assert wanted - 0.6 < answered < wanted + 4.0, (question, answered)
        # Nothing shown for longer than a blink would look as if nobody was there.
        blank = max((len(run) for run in _blank_runs(seen)), default=0)
        assert blank * 0.2 < FRESH, (question, seen)
        words = "입력하고 있습니다" if question == KOREAN else "The assistant is writing"
        assert any(words in shown for shown in seen), (question, seen)
        text = FAQ[question].split(". ")[0].removesuffix(".")
        await expect(page.locator("[data-part=log] .from-ai .body")).to_contain_text(text)
    await expect(pages[PASSWORD].locator("[data-part=typing]")).to_be_hidden()


async def test_a_preview_that_came_to_nothing_gives_way_to_what_is_sent(
    shop: App, model: SlowModel, chromium: Browser
) -> None:
    sentences = FAQ[PASSWORD].replace(". ", ". [1] ")

    def cut(body: dict[str, object]) -> Scene:
        text = f"{sentences} [1] But never before you"
        return Scene(text=text, finish="content_filter", pause=0.3)

    model.server.reply = cut
    page = await (await chromium.new_context(locale="en-US")).new_page()
    await page.goto(shop.core.site.url())
    await page.get_by_role("textbox").fill(PASSWORD)
    await page.get_by_role("textbox").press("Enter")
    growing = page.locator("[data-part=live] .from-ai")
    await expect(growing).to_contain_text("press Reset password", timeout=10_000)
    answer = page.locator("[data-part=log] .from-ai .body")
    await expect(answer).to_have_text(re.compile(re.escape(FAQ[PASSWORD]) + "$"), timeout=15_000)
    await expect(page.locator("[data-part=live] .from-ai")).to_have_count(0)


def _blank_runs(seen: list[str]) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for shown in seen:
        if shown:
            runs.append([])
        else:
            runs[-1].append(shown)
    return runs
