"""The demonstration shop comes wholly, mixes with nothing, and goes wholly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.console.start.story import read_story
from core.rag.domain.model import Article
from core.runtime.data_dir import DataDir
from core.runtime.shipped import DEMONSTRATION
from core.storage.client import Database

pytestmark = pytest.mark.apart

BOOTS = "How long does delivery take?"


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[App]:
    """The whole application with its guide, and nothing of the company's."""
    uri = mongo_uri.replace("/?", f"/{db.name}?")
    settings = read_settings({"MONGODB_URI": uri, "DATA_DIR": str(tmp_path), "PORT": "0"})
    async with serving(settings, DataDir(tmp_path), store=None) as live:
        yield live


class Admin:
    """An admin who calls the API."""

    def __init__(self, desk: App, http: aiohttp.ClientSession, token: str) -> None:
        self.desk = desk
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._http.request(method, path, json=body, headers=self._headers) as answer:
            return answer.status, await answer.json()

    async def steps(self) -> dict[str, bool]:
        _, seen = await self.call("GET", "/api/start")
        return {step["name"]: step["done"] for step in seen["steps"]}


@pytest.fixture
async def admin(desk: App) -> AsyncIterator[Admin]:
    user = await desk.core.accounts.first_admin()
    token = await desk.core.accounts.issue_token(user, actor=OPERATOR)
    async with aiohttp.ClientSession(desk.core.site.url()) as http:
        yield Admin(desk, http, token)


async def conversations(admin: Admin) -> list[str]:
    """Whom the inbox shows, once the projections have caught up."""
    await admin.desk.core.projector.drain()
    _, seen = await admin.call("GET", "/api/conversations")
    return [item["customer"] for item in seen["items"]]


async def test_it_comes_marked_and_goes_without_a_trace(admin: Admin) -> None:
    desk = admin.desk
    assert await conversations(admin) == []
    status, view = await admin.call("POST", "/api/demonstration", {})
    assert (status, view) == (200, {"here": True, "conversations": 6, "people": 2})
    assert (await admin.call("POST", "/api/demonstration", {}))[1] == view  # twice is once

    shown = await conversations(admin)
    assert len(shown) == 6
    assert all("(demonstration)" in name for name in shown)
    _, queue = await admin.call("GET", "/api/approvals/pending")
    assert len(queue["items"]) == 3
    people = [account.user.name for account in await desk.core.account_store.accounts()]
    assert sum("(demonstration)" in name for name in people) == 2
    found = await desk.rag.knowledge.customers.search(BOOTS, locale="en")
    assert found.demonstration
    assert found.hits[0].passage.article_id == "demo-en-delivery"
    assert await desk.rag.knowledge.count() == 0

    # No figure, no evidence and no lesson knows of it, whatever is decided about it.
    first = queue["items"][0]
    body = {"decision": "edit", "text": "Only unworn boots, sorry.", "version": first["version"]}
    assert (await admin.call("POST", f"/api/approvals/{first['id']}/decision", body))[0] == 200
    await desk.core.projector.drain()
    await desk.desk.trust.learning.caught_up()
    _, summary = await admin.call("GET", "/api/dashboard/summary")
    assert summary["conversations"] == 0
    assert await desk.db["evidence"].count_documents({}) == 0
    assert await desk.db["articles"].count_documents({}) == 0

    status, view = await admin.call("DELETE", "/api/demonstration")
    assert (status, view["here"]) == (200, False)
    assert await conversations(admin) == []
    assert (await admin.call("GET", "/api/approvals/pending"))[1]["items"] == []
    assert len(await desk.core.account_store.accounts()) == 1
    again = await desk.rag.knowledge.customers.search(BOOTS, locale="en")
    assert not any(hit.passage.article_id.startswith("demo-") for hit in again.hits)
    kept = [desk.db[name] for name in ("log", "conversations", "approvals")]
    left = [str(document) for one in kept for document in await one.find({}).to_list()]
    assert not any("demonstration" in one or "boot" in one for one in left)


async def test_knowledge_of_its_own_is_never_answered_over(admin: Admin) -> None:
    desk = admin.desk
    own = Article(id="own", title="Delivery", text="Our delivery takes nine weeks.")
    await desk.rag.knowledge.add_article(own)
    status, refused = await admin.call("POST", "/api/demonstration", {})
    assert (status, refused["needs"]) == (409, "anyway")
    assert await conversations(admin) == []
    assert (await admin.call("POST", "/api/demonstration", {"anyway": True}))[0] == 200
    found = await desk.rag.knowledge.customers.search(BOOTS, locale="en")
    assert {hit.passage.article_id for hit in found.hits} == {"own"}
    assert not found.demonstration
    assert (await admin.call("DELETE", "/api/demonstration"))[0] == 200
    assert await desk.rag.knowledge.count() == 1


async def test_what_was_broken_off_half_way_can_be_taken_away(admin: Admin) -> None:
    desk = admin.desk
    await admin.call("POST", "/api/demonstration", {})
    await desk.core.accounts.remove(OPERATOR, "robin@demonstration.invalid")
    document = {"$set": {"conversations": ["never-begun"]}}
    await desk.db["company"].update_one({"_id": "demonstration"}, document)
    assert (await admin.call("DELETE", "/api/demonstration"))[1]["here"] is False
    assert (await admin.call("GET", "/api/start"))[1]["demonstration"]["here"] is False


async def test_the_steps_are_true(admin: Admin) -> None:
    desk = admin.desk
    assert await admin.steps() == dict.fromkeys(
        ("knowledge", "try", "people", "channel", "live"), False
    )
    await admin.call("POST", "/api/demonstration", {})
    await desk.core.projector.drain()
    assert not any((await admin.steps()).values())  # a demonstration is nobody's work
    await desk.rag.knowledge.add_article(
        Article(id="own", title="Hours", text="From nine to five.")
    )
    await desk.core.accounts.add(OPERATOR, "mina@example.com", role=Role.AGENT)
    async with (
        aiohttp.ClientSession(desk.core.site.url()) as http,
        http.post("/api/conversations", json={"text": "When are you open?"}) as answer,
    ):
        assert answer.status == 201
    async with asyncio.timeout(20):
        while not (steps := await admin.steps())["try"]:
            await asyncio.sleep(0.1)
    assert (steps["knowledge"], steps["people"], steps["live"]) == (True, True, False)


async def test_only_admins(desk: App) -> None:
    sara = await desk.core.accounts.add(OPERATOR, "sara@example.com", role=Role.SUPERVISOR)
    token = await desk.core.accounts.issue_token(sara, actor=OPERATOR)
    async with aiohttp.ClientSession(desk.core.site.url()) as http:
        caller = Admin(desk, http, token)
        for method in ("POST", "DELETE"):
            assert (await caller.call(method, "/api/demonstration", {}))[0] == 403


@pytest.mark.parametrize("locale", ["en", "ko", "xx"])
def test_the_story_quotes_what_its_articles_say(locale: str) -> None:
    story = read_story(DEMONSTRATION, locale)
    papers = {
        path.parent.name + "-" + path.stem: path.read_text(encoding="utf-8")
        for path in DEMONSTRATION.glob("*/*.md")
    }
    for talk in story.conversations:
        if talk.article:
            assert talk.answer in papers[talk.article.removeprefix("demo-")]
    assert {one.role for one in story.people} == {Role.AGENT, Role.SUPERVISOR}
