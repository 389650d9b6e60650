"""One conversation, question or stream too many is refused honestly, and hurts nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from core.accounts.roles import Role
from core.domain import events as ev
from core.engine.processing.worker import LocalLease
from core.storage.client import Database
from core.web.http.settings import Limits, WebSettings
from tests.support.site import SECRET, Site, site

BEHIND_PROXY = WebSettings(secret_key=SECRET, trusted_proxies=("127.0.0.1",))
HERE, THERE = "192.0.2.1", "198.51.100.9"


def limited(**limits: int) -> WebSettings:
    """A site behind a proxy with these limits."""
    return replace(BEHIND_PROXY, limits=replace(Limits(), **limits))


async def opened(web: Site, *, at: str = HERE, text: str = "") -> aiohttp.ClientResponse:
    """The answer to somebody who opens a conversation from there."""
    body = {"text": text} if text else {}
    return await web.http.post("/api/conversations", json=body, headers={"X-Forwarded-For": at})


async def write(web: Site, chat: Mapping[str, str], number: int, *, at: str = HERE) -> int:
    """The status of one more message."""
    status, _ = await web.call(
        "POST", f"/api/conversations/{chat['id']}/messages", token=chat["token"],
        json={"text": "And what now?", "client_id": str(number)}, headers={"X-Forwarded-For": at},
    )  # fmt: skip
    return status


async def is_refusal(
    answer: aiohttp.ClientResponse, *, limit: str, scope: str, status: int
) -> None:
    """Problem+json that says of what there is too much, of whose, and when to come again."""
    assert answer.status == status
    assert answer.content_type == "application/problem+json"
    problem = await answer.json(content_type=None)
    assert (problem["limit"], problem["scope"], problem["status"]) == (limit, scope, status)
    assert int(answer.headers["Retry-After"]) >= 1
    assert f"again in {answer.headers['Retry-After']} s." in problem["detail"]


class Held:
    """A lease that keeps every conversation under way until it is let go."""

    def __init__(self, web: Site) -> None:
        self.go = asyncio.Event()
        web.world.worker._lease = self

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:
        """See `core.sdk.plugin.Lease`."""
        del conversation_id
        await self.go.wait()
        yield True


async def test_an_address_opens_so_many_conversations_and_then_waits(db: Database) -> None:
    async with site(db, settings=limited(openings_per_address=60)) as web:
        # A burst of a shop's opening hour passes, and fifty a second with it.
        assert [(await opened(web)).status for _ in range(60)] == [201] * 60
        await is_refusal(
            await opened(web, text="hello"), limit="openings", scope="address", status=429
        )
        assert await db["log"].count_documents({}) == 60
        assert (await opened(web, at=THERE)).status == 201
        # What was opened goes on.
        assert (await web.call("GET", "/healthz"))[0] == 200


async def test_the_addresses_of_one_host_open_as_one(db: Database) -> None:
    async with site(db, settings=limited(openings_per_address=3)) as web:
        statuses = [(await opened(web, at=f"2001:db8:1:2::{n:x}")).status for n in range(1, 9)]
        assert statuses == [201] * 3 + [429] * 5
        assert (await opened(web, at="2001:db8:1:3::1")).status == 201


async def test_so_many_questions_of_an_address_are_answered_at_a_time(db: Database) -> None:
    async with site(db, settings=limited(drafts_per_address=5)) as web:
        held = Held(web)
        answers = await asyncio.gather(*(opened(web, text="What now?") for _ in range(40)))
        taken = [await answer.json() for answer in answers if answer.status == 201]
        assert len(taken) == 5
        await is_refusal(
            next(a for a in answers if a.status != 201), limit="drafts", scope="address", status=429
        )
        assert await db["log"].count_documents({}) == 5
        # A conversation under way goes on: that is the same question.
        assert await write(web, taken[0], 1) == 202
        # An empty conversation costs no answer; its first question waits like the others.
        empty = await (await opened(web)).json()
        assert await write(web, empty, 1) == 429
        # Nobody else is kept waiting.
        assert (await opened(web, at=THERE, text="What now?")).status == 201
        held.go.set()
        async with asyncio.timeout(10):
            while await write(web, empty, 1) != 202:
                await asyncio.sleep(0.02)


async def test_so_many_questions_of_everybody_are_answered_at_a_time(db: Database) -> None:
    async with site(db, settings=limited(drafts=5)) as web:
        held = Held(web)
        statuses = [
            (await opened(web, at=f"192.0.2.{n}", text="What now?")).status for n in range(5)
        ]
        assert statuses == [201] * 5
        await is_refusal(
            await opened(web, at=THERE, text="And I?"),
            limit="drafts",
            scope="everybody",
            status=503,
        )
        held.go.set()


async def test_whoever_writes_to_a_person_is_never_told_to_wait(db: Database) -> None:
    async with site(db, settings=limited(drafts=1, drafts_per_address=1)) as web:
        mine = await (await opened(web)).json()
        user, _ = await web.staff("mina@example.com", Role.AGENT)
        await web.world.append(mine["id"], ev.TakenOver(by=user.email))
        await web.world.until(mine["id"], lambda c: c.id not in web.world.worker.under_way)
        held = Held(web)
        assert (await opened(web, text="What now?")).status == 201
        assert (await opened(web, text="What now?")).status in (429, 503)
        # Each of these finds the conversation at rest: it is a person who answers.
        web.world.worker._lease = LocalLease()
        assert [await write(web, mine, n) for n in range(10)] == [202] * 10
        held.go.set()


async def stream(
    stack: AsyncExitStack, web: Site, chat: Mapping[str, str], *, at: str = HERE, token: str = ""
) -> aiohttp.ClientResponse:
    """The stream of a conversation, held until the stack ends."""
    headers = {"Authorization": f"Bearer {token or chat['token']}", "X-Forwarded-For": at}
    return await stack.enter_async_context(
        web.http.get(f"/api/conversations/{chat['id']}/events", headers=headers)
    )


async def test_streams_have_limits_by_conversation_by_address_and_in_all(db: Database) -> None:
    settings = limited(streams_per_conversation=2, streams_per_address=3, streams=4)
    async with site(db, settings=settings) as web, AsyncExitStack() as stack:
        mine, yours = await (await opened(web)).json(), await (await opened(web)).json()
        assert (await stream(stack, web, mine)).status == 200
        assert (await stream(stack, web, yours)).status == 200
        assert (await stream(stack, web, yours)).status == 200
        # By conversation, from wherever it is opened.
        await is_refusal(
            await stream(stack, web, yours), limit="streams", scope="conversation", status=429
        )
        # By address: whoever has one already gets no second one at another's cost.
        await is_refusal(
            await stream(stack, web, mine), limit="streams", scope="address", status=429
        )
        # In all: a place goes to whoever has fewer, and when nobody has more, there is none.
        others = [await (await opened(web, at=f"203.0.113.{n}")).json() for n in range(4)]
        answers = [
            await stream(stack, web, other, at=f"203.0.113.{n}") for n, other in enumerate(others)
        ]
        assert [answer.status for answer in answers[:3]] == [200] * 3
        await is_refusal(answers[3], limit="streams", scope="everybody", status=503)
        # A colleague is none of them.
        _, token = await web.staff("mina@example.com", Role.AGENT)
        for _ in range(4):
            assert (await stream(stack, web, mine, token=token)).status == 200
        # A place that becomes free is taken again, at once.
        answers[0].close()
        async with asyncio.timeout(5):
            while (await stream(stack, web, others[3], at="203.0.113.3")).status != 200:
                await asyncio.sleep(0.02)


async def test_whoever_holds_many_streams_gives_way_to_whoever_has_none(db: Database) -> None:
    settings = limited(streams_per_conversation=6, streams_per_address=6, streams=8)
    async with site(db, settings=settings) as web, AsyncExitStack() as stack:
        mine, yours = await (await opened(web)).json(), await (await opened(web)).json()
        held = [await stream(stack, web, mine) for _ in range(6)]
        assert [answer.status for answer in held] == [200] * 6
        # A neighbour of the flood's.
        assert (await stream(stack, web, yours)).status == 200
        # Others, when all are taken.
        others = [await (await opened(web, at=f"203.0.113.{n}")).json() for n in range(4)]
        for number, other in enumerate(others):
            assert (await stream(stack, web, other, at=f"203.0.113.{number}")).status == 200
        async with asyncio.timeout(5):
            for answer in held[:3]:
                await answer.content.read()  # the oldest of the largest ended
        assert not held[5].content.at_eof()
        assert await still_open(web) == 8


async def still_open(web: Site) -> int:
    """How many streams the gate counts."""
    return len(web.server._gate._streams._streams)


async def test_a_colleague_has_a_limit_too(db: Database) -> None:
    async with (
        site(db, settings=limited(streams_per_colleague=2)) as web,
        AsyncExitStack() as stack,
    ):
        chat = await (await opened(web)).json()
        _, token = await web.staff("mina@example.com", Role.AGENT)
        assert (await stream(stack, web, chat, token=token)).status == 200
        assert (await stream(stack, web, chat, token=token)).status == 200
        refused = await stream(stack, web, chat, token=token)
        await is_refusal(refused, limit="streams", scope="colleague", status=429)


@pytest.mark.parametrize("count", [3_000])
async def test_three_thousand_streams_on_one_token_cost_what_twenty_cost(
    db: Database, count: int
) -> None:
    async with site(db) as web, AsyncExitStack() as stack:
        chat = await (await opened(web)).json()
        statuses: list[int] = []
        for start in range(0, count, 100):
            answers = await asyncio.gather(
                *(stream(stack, web, chat) for _ in range(min(100, count - start)))
            )
            statuses += [answer.status for answer in answers]
            for answer in answers:
                if answer.status != 200:
                    answer.release()
        assert statuses.count(200) == Limits().streams_per_conversation
        assert set(statuses) == {200, 429}
