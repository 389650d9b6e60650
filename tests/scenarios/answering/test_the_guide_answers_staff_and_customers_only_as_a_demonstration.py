"""Customers get the product's guide until the company knows anything itself, and never after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from app import App, serving
from config.settings import Settings, read_settings
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.domain.drafts import Draft, Question
from core.rag.domain.model import Article
from core.rag.knowledge.store import MARKS
from core.rag.reading.readers import read_file
from core.runtime.data_dir import DataDir
from core.runtime.shipped import GUIDE
from core.storage.client import Database
from tests.support.control import heard

OF_THE_GUIDE = "How do I enable Telegram?"
OF_THE_GUIDE_KO = "텔레그램은 어떻게 연결하나요?"
OURS = Article(
    id="mill",
    title="What colours does the grinder come in?",
    text="The grinder comes in black and in white.",
    url="https://shop.example/grinder",
)


@pytest.fixture
def settings(db: Database, mongo_uri: str, tmp_path: Path) -> Settings:
    uri = mongo_uri.replace("/?", f"/{db.name}?")
    return read_settings({"MONGODB_URI": uri, "DATA_DIR": str(tmp_path), "PORT": "0"})


@pytest.fixture
async def shop(settings: Settings, tmp_path: Path) -> AsyncIterator[App]:
    async with serving(settings, DataDir(tmp_path), store=None, guide=GUIDE) as live:
        yield live


async def drafted(shop: App, text: str, locale: str = "en") -> Draft:
    asked = Question(conversation_id="c", text=text, locale=locale, channel="web")
    return await shop.answers.draft(asked)


def cites_the_guide(draft: Draft) -> bool:
    return any(citation.id.startswith("guide-") for citation in draft.citations)


async def chat(shop: App) -> tuple[bool, str]:
    """What the chat page says of itself, by its API and in its own words."""
    async with aiohttp.ClientSession(shop.core.site.url()) as web:
        async with web.get("/api/chat") as answer:
            told = (await answer.json())["demonstration"]
        async with web.get("/", headers={"Accept-Language": "ko"}) as answer:
            return bool(told), await answer.text()


async def test_before_anything_is_known_the_guide_demonstrates_and_the_chat_says_so(
    shop: App,
) -> None:
    for text, locale in ((OF_THE_GUIDE, "en"), (OF_THE_GUIDE_KO, "ko")):
        draft = await drafted(shop, text, locale)
        assert cites_the_guide(draft)
        assert draft.demonstration
        assert shop.desk.trust.autonomy.would_send(draft)
    told, page = await chat(shop)
    assert told
    assert 'data-i18n="demonstration">이 채팅은 데모입니다.' in page
    assert await shop.rag.knowledge.list() == []
    assert await shop.rag.index.count() == 0
    lines = await heard(shop, "kb.search", question=OF_THE_GUIDE, limit=3)
    assert "From the product's own guide" in lines
    assert "demonstration" in await heard(shop, "kb.list")
    assert "demonstration" in await heard(shop, "doctor")


async def test_the_first_article_of_their_own_ends_it(shop: App) -> None:
    assert cites_the_guide(await drafted(shop, OF_THE_GUIDE))
    await shop.rag.knowledge.add_article(OURS)
    await shop.rag.retriever.refresh()
    # Asked again in the same words: what was remembered of the guide is forgotten.
    assert not cites_the_guide(await drafted(shop, OF_THE_GUIDE))
    assert not cites_the_guide(await drafted(shop, OF_THE_GUIDE_KO, "ko"))
    assert (await drafted(shop, OURS.title)).text == OURS.text
    told, page = await chat(shop)
    assert not told
    assert 'data-i18n="demonstration" hidden>' in page
    assert "guide" not in await heard(shop, "kb.search", question=OF_THE_GUIDE, limit=3)


async def test_a_company_that_removes_its_last_article_still_has_customers_who_run_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    for start in range(2):
        async with serving(settings, DataDir(tmp_path), store=None, guide=GUIDE) as shop:
            if start == 0:
                await shop.rag.knowledge.add_article(OURS)
                await shop.rag.knowledge.remove(OURS.id)
            assert (await drafted(shop, OF_THE_GUIDE)).citations == ()
            assert not (await chat(shop))[0]
            assert "waits for people" in await heard(shop, "kb.list")
            assert "demonstration" not in await heard(shop, "doctor")


async def test_what_was_learned_from_people_is_knowledge_of_their_own(shop: App) -> None:
    learned = Article(id="learned-1", title="Do you ship abroad?", text="No.", source="learned")
    await shop.rag.knowledge.add_article(learned)
    assert not cites_the_guide(await drafted(shop, OF_THE_GUIDE))


async def test_staff_ask_the_guide_before_and_after(shop: App) -> None:
    agent = await shop.core.accounts.add(OPERATOR, "ann@example.com", role=Role.AGENT)
    token = await shop.core.accounts.issue_token(agent, actor=OPERATOR)
    for own in (False, True):
        if own:
            await shop.rag.knowledge.add_article(OURS)
        async with aiohttp.ClientSession(shop.core.site.url()) as web:
            for path in ("/console/help", "/guide"):
                headers = {"Authorization": f"Bearer {token}"}
                async with web.get(path, params={"q": OF_THE_GUIDE}, headers=headers) as answer:
                    page = await answer.text()
                assert answer.status == 200
                assert "plugins enable telegram" in page
                assert "/guide/en/channels" in page
                # Nobody else gets an answer there.
                async with web.get(path, params={"q": "x"}, allow_redirects=False) as answer:
                    assert answer.status == 303
                    assert answer.headers["Location"].startswith("/login")


async def test_a_guide_among_the_articles_of_an_earlier_version_is_taken_out(
    db: Database, settings: Settings, tmp_path: Path
) -> None:
    async with serving(settings, DataDir(tmp_path), store=None, guide=None) as old:
        articles = old.rag.knowledge._articles
        for file in sorted(GUIDE.glob("*/*.md")):
            name = str(file.relative_to(GUIDE))
            await articles.put(read_file(file), file=name, at=old.core.clock.now())
        await old.rag.knowledge.start()
        assert len(await old.rag.knowledge.list()) >= 16
    await db[MARKS].drop()  # which earlier versions had not
    async with serving(settings, DataDir(tmp_path), store=None, guide=GUIDE) as live:
        assert await live.rag.knowledge.list() == []
        assert await live.rag.index.count() == 0
        assert await live.rag.knowledge.demonstrates()
        assert cites_the_guide(await drafted(live, OF_THE_GUIDE))
