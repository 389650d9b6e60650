"""The knowledge API over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.accounts.roles import Role
from core.clock import SystemClock
from core.rag.confidence.model import Confidence
from core.rag.console.api import KnowledgeRoutes
from core.rag.knowledge.origins import Origins
from core.rag.knowledge.readings import Readings
from core.rag.knowledge.store import MongoArticles
from core.rag.knowledge_base.service import Knowledge
from core.rag.retrieval.retriever import HybridRetriever
from core.rag.vectors.embeddings import ThreadEmbedder
from core.rag.vectors.qdrant_edge import EdgeIndex
from core.storage.client import Database
from tests.support.site import Site, site


@dataclass(kw_only=True)
class Desk:
    """The API with an admin's token."""

    knowledge: Knowledge
    web: Site
    index: EdgeIndex
    admin: str
    agent: str


@pytest.fixture
async def desk(
    db: Database, tmp_path: Path, computing: ThreadPoolExecutor, embedder: ThreadEmbedder
) -> AsyncIterator[Desk]:
    index = EdgeIndex(tmp_path / "vectors", computing, size=lambda: embedder.size)
    await index.start()
    retriever = HybridRetriever(embedder, index)
    knowledge = Knowledge(
        articles=MongoArticles(db["articles"]), embedder=embedder, index=index,
        retriever=retriever, clock=SystemClock(), origins=Origins(db["origins"]),
        readings=Readings(db["readings"]),
    )  # fmt: skip
    routes = KnowledgeRoutes(
        knowledge=knowledge, confidence=Confidence.load(), clock=SystemClock()
    ).routes()
    async with site(db, more=routes) as web:
        _, admin = await web.staff("admin@example.com", Role.ADMIN)
        _, agent = await web.staff("agent@example.com", Role.AGENT)
        yield Desk(knowledge=knowledge, web=web, index=index, admin=admin, agent=agent)
    await retriever.stop()
    await index.stop()


async def test_an_article_is_added_found_listed_and_removed(desk: Desk) -> None:
    call = desk.web.call
    status, made = await call(
        "POST", "/api/knowledge", token=desk.admin,
        json={
            "title": "주차는 어디에 하나요?",
            "text": "건물 뒤에 하세요.",
            "questions": ["차 세울 곳"],
        },
    )  # fmt: skip
    assert (status, made["lang"], made["ready"], made["questions"]) == (
        201,
        "ko",
        True,
        ["차 세울 곳"],
    )
    status, found = await call(
        "GET", "/api/knowledge/search?q=차는+어디에+세워요", token=desk.admin
    )
    assert (status, found["items"][0]["text"]) == (200, "건물 뒤에 하세요.")
    assert 0 <= found["confidence"] <= 1
    status, page = await call("GET", "/api/knowledge?limit=1", token=desk.admin)
    assert ([item["id"] for item in page["items"]], page["next"]) == ([made["id"]], None)
    one = f"/api/knowledge/{made['id']}"
    assert (await call("GET", one, token=desk.admin))[1]["text"] == "건물 뒤에 하세요."
    assert (await call("DELETE", one, token=desk.admin))[0] == 204
    assert (await call("DELETE", one, token=desk.admin))[0] == 404
    assert (await call("GET", one, token=desk.admin))[0] == 404


async def test_the_list_pages_by_cursor(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        body = {"id": name, "title": name, "text": "x"}
        await desk.web.call("POST", "/api/knowledge", token=desk.admin, json=body)
    _, first = await desk.web.call("GET", "/api/knowledge?limit=2", token=desk.admin)
    path = f"/api/knowledge?limit=2&cursor={first['next']}"
    _, second = await desk.web.call("GET", path, token=desk.admin)
    assert [item["id"] for item in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


async def test_knowledge_is_for_admins(desk: Desk) -> None:
    assert (await desk.web.call("GET", "/api/knowledge"))[0] == 401
    assert (await desk.web.call("GET", "/api/knowledge", token=desk.agent))[0] == 403
    body = {"title": "x", "text": "y"}
    assert (await desk.web.call("POST", "/api/knowledge", token=desk.agent, json=body))[0] == 403


async def test_while_the_vectors_are_down_it_says_so_and_nothing_is_lost(desk: Desk) -> None:
    await desk.index.stop()
    body = {"id": "a", "title": "x", "text": "y"}
    assert (await desk.web.call("POST", "/api/knowledge", token=desk.admin, json=body))[0] == 503
    assert (await desk.web.call("GET", "/api/knowledge/search?q=x", token=desk.admin))[0] == 503
    _, stored = await desk.web.call("GET", "/api/knowledge/a", token=desk.admin)
    assert stored["ready"] is False


async def test_what_was_left_out_of_a_file_is_listed(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Parking\n\nBehind the house.")
    (tmp_path / "faq.csv").write_text("question,answer\nWhen?,At nine.\nOnly a question?,\n")
    await desk.knowledge.add_paths([tmp_path / "good.md", tmp_path / "faq.csv"])
    status, first = await desk.web.call("GET", "/api/knowledge/files?limit=1", token=desk.admin)
    [row] = first["items"]
    assert (status, row["file"]) == (200, str(tmp_path / "faq.csv"))
    assert row["warnings"] == ["3: left out, as it has no answer"]
    assert row["characters"] - row["kept"] == sum(w["characters"] for w in row["left_out"]) > 0
    _, rest = await desk.web.call(
        "GET", f"/api/knowledge/files?cursor={first['next']}", token=desk.admin
    )
    assert [one["file"] for one in rest["items"]] == [str(tmp_path / "good.md")]
    assert rest["next"] is None
    assert (await desk.web.call("GET", "/api/knowledge/files", token=desk.agent))[0] == 403


async def test_index_and_articles_are_compared(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("# Parking\n\nBehind the house.")
    taken = await desk.knowledge.add_paths([tmp_path / "good.md"])
    status, found = await desk.web.call("GET", "/api/knowledge/check", token=desk.admin)
    assert (status, found["articles"], found["missing"]) == (200, 1, [])
    await desk.index.clear()
    _, found = await desk.web.call("GET", "/api/knowledge/check", token=desk.admin)
    assert found["missing"] == list(taken.added)
    await desk.index.stop()
    assert (await desk.web.call("GET", "/api/knowledge/check", token=desk.admin))[0] == 503
    await desk.index.start()
