"""Sources that contradict each other are found behind an ingestion, and gone with either side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.rag.domain.model import Article
from core.rag.groundedness.disagreements import Disagreements
from core.rag.knowledge.origins import Origins
from core.rag.knowledge.readings import Readings
from core.rag.knowledge.store import MongoArticles
from core.rag.knowledge_base.service import Knowledge
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder
from core.rag.vectors.qdrant_edge import EdgeIndex
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

FOURTEEN = Article(
    id="a", title="How long can I return an item?", text="You can return items within 14 days."
)
THIRTY = Article(id="b", title="Returns", text="Items can be returned within 30 days of delivery.")
HOURS = Article(id="c", title="When are you open?", text="We are open from nine to five.")
KOREAN = (
    Article(id="k1", title="배송비는 얼마인가요?", text="배송비는 3,000원입니다.", locale="ko"),
    Article(id="k2", title="배송 안내", text="배송비 4천 원을 받습니다.", locale="ko"),
)


@dataclass(kw_only=True)
class World:
    """A knowledge base, and what watches it."""

    knowledge: Knowledge
    disagreements: Disagreements

    async def add(self, *articles: Article) -> None:
        for article in articles:
            await self.knowledge.add_article(article)

    async def found(self) -> list[set[str]]:
        """The ids of the articles of each pair, once nothing is left to compare."""
        await self.disagreements.catch_up()
        pairs = await self.disagreements.current()
        return [{p.one.article_id, p.other.article_id} for p in pairs]


@pytest.fixture
async def world(
    db: Database,
    tmp_path: Path,
    computing: ThreadPoolExecutor,
    remembering: ThreadEmbedder,
    clock: ManualClock,
) -> AsyncIterator[World]:
    index = EdgeIndex(tmp_path / "vectors", computing, size=lambda: remembering.size)
    await index.start()
    retriever = HybridRetriever(remembering, index)
    articles = MongoArticles(db["articles"])
    knowledge = Knowledge(
        articles=articles, embedder=remembering, index=index, retriever=retriever, clock=clock,
        origins=Origins(db["origins"]), readings=Readings(db["readings"]),
    )  # fmt: skip
    disagreements = Disagreements(compared=db["compared"], articles=articles, index=index)
    yield World(knowledge=knowledge, disagreements=disagreements)
    await disagreements.stop()
    await retriever.stop()
    await index.stop()


async def test_a_pair_is_found_once_with_both_sentences(world: World) -> None:
    await world.add(HOURS, FOURTEEN, THIRTY, *KOREAN)
    assert sorted(map(sorted, await world.found())) == [["a", "b"], ["k1", "k2"]]
    (pair, _) = await world.disagreements.current()
    assert {pair.said.one, pair.said.other} == {FOURTEEN.text, THIRTY.text}


async def test_only_what_was_touched_is_compared(world: World) -> None:
    await world.add(HOURS, FOURTEEN)
    assert await world.disagreements.catch_up() == 2
    assert await world.disagreements.catch_up() == 0
    await world.add(THIRTY)
    assert await world.disagreements.catch_up() == 1
    assert await world.found() == [{"a", "b"}]


async def test_it_is_gone_when_one_of_them_says_the_same(world: World) -> None:
    await world.add(FOURTEEN, THIRTY)
    assert await world.found() == [{"a", "b"}]
    await world.add(replace(THIRTY, text="Items can be returned within two weeks of delivery."))
    # At once, before anything has been compared again.
    assert await world.disagreements.current() == []
    assert await world.found() == []


async def test_it_is_gone_when_one_of_them_is_removed(world: World) -> None:
    await world.add(FOURTEEN, THIRTY)
    assert await world.found() == [{"a", "b"}]
    await world.knowledge.remove("a")
    assert await world.disagreements.current() == []
    assert await world.found() == []


async def test_it_comes_by_itself_after_a_change(world: World) -> None:
    world.knowledge.on_changed(world.disagreements.changed)
    await world.add(FOURTEEN, THIRTY)
    assert world.disagreements._task is not None
    await world.disagreements._task
    (pair,) = await world.disagreements.current()
    assert {pair.one.article_id, pair.other.article_id} == {"a", "b"}
