"""What one web is told holds at every other one within a moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from app import App
from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.cluster.model import Role as Part
from core.storage.client import Database
from tests.support.many_apps import many_apps

pytestmark = [pytest.mark.apart, pytest.mark.long]

MOST = 10  #: conversations from one network in ten minutes
SECONDS = 60.0  #: for anything, on a machine that does much else


@pytest.fixture
async def webs(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[Sequence[App]]:
    few = {"CONVERSATIONS_PER_ADDRESS": str(MOST)}
    async with many_apps(db, mongo_uri, tmp_path, Part.WEB, Part.WEB, settings=few) as made:
        yield made


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as made:
        yield made


def url(web: App, path: str) -> str:
    return f"http://127.0.0.1:{web.web.port}{path}"


@asynccontextmanager
async def listening(
    session: aiohttp.ClientSession, web: App, user: User
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The console's stream, open at this web."""
    cookie = await web.access.open(user, address="192.0.2.1", browser="b")
    async with session.get(
        url(web, "/console/events"), headers={"Cookie": f"session={cookie}"}
    ) as stream:
        assert stream.status == 200
        await stream.content.readline()
        yield stream


async def test_who_loses_a_right_at_one_web_loses_the_streams_at_the_other(
    webs: Sequence[App], session: aiohttp.ClientSession
) -> None:
    accounts = webs[0].core.accounts
    chief = await accounts.add(OPERATOR, "chief@example.com", role=Role.SUPERVISOR)
    other = await accounts.add(OPERATOR, "other@example.com", role=Role.SUPERVISOR)
    async with (
        listening(session, webs[1], chief) as stream,
        listening(session, webs[1], other) as untouched,
    ):
        await accounts.set_role(OPERATOR, chief.email, Role.AGENT)
        async with asyncio.timeout(SECONDS):
            assert b"event: signed_out" in await stream.content.read()
        assert not untouched.content.at_eof()
    async with listening(session, webs[1], other) as stream:
        webs[0].access.ended(user_id=other.id)  # as after signing out everywhere
        async with asyncio.timeout(SECONDS):
            assert b"event: signed_out" in await stream.content.read()


async def test_conversations_opened_from_one_network_are_counted_at_both(
    webs: Sequence[App], session: aiohttp.ClientSession
) -> None:
    statuses = []
    for number in range(MOST + 4):
        async with session.post(
            url(webs[number % 2], "/api/conversations"), json={"text": f"Question {number}"}
        ) as answer:
            statuses.append(answer.status)
    # One more is let in for each minute that it takes.
    assert statuses[:MOST] == [201] * MOST
    assert 429 in statuses[MOST:]


async def test_a_web_without_workers_refuses_more_questions_than_may_wait(
    db: Database, mongo_uri: str, tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    few = {"DRAFTS_PER_ADDRESS": "2"}
    async with many_apps(db, mongo_uri, tmp_path, Part.WEB, settings=few) as (web,):
        statuses = []
        for _ in range(3):
            async with session.post(
                url(web, "/api/conversations"), json={"text": "How do I reset it?"}
            ) as answer:
                statuses.append(answer.status)
                said = await answer.json(content_type=None)
        assert statuses == [201, 201, 429]
        assert said["limit"] == "drafts"
