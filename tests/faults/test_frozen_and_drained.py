"""A worker that is frozen in the middle of its work, or asked to go, harms no conversation."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.cluster.redis_client import closed, connector
from core.storage.client import Database
from tests.faults.test_many_processes import BUSY, TAKEN_OVER, database, owner_of, running
from tests.support.cluster import Customer
from tests.support.many_kills import MANY, no_marks, still_open, unmarked_doubles
from tests.support.process import Program
from tests.support.servers.faults import Fault
from tests.support.servers.openai import OpenAIServer, Scene, openai_server
from tests.support.servers.vendors import OnTelegram, stubbornly, until, vendors_up
from tests.support.slow_models import FAQ, asked_in, teach

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(900)]

QUESTION = "How do I talk to a person?"  #: the product's own guide answers it


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


def by(model: OpenAIServer) -> dict[str, str]:
    """The settings that lead to this model."""
    return {
        "LLM_MODEL": "openai:gpt-test",
        "OPENAI_API_KEY": "k",
        "OPENAI_BASE_URL": model.url,
    }


async def found_out(worker: Program) -> None:
    """Return once it knows that it was taken for dead."""
    async with asyncio.timeout(30 * BUSY):
        while "declared dead" not in worker.output.read_text():
            await asyncio.sleep(0.2)


async def kinds(db: Database, conversation_id: str) -> list[str]:
    """The kinds of all events of a conversation, in order."""
    commits: list[Any] = await db["log"].find({"c": conversation_id}).to_list()
    commits.sort(key=lambda one: one["n"])
    return [event["kind"] for one in commits for event in one["events"]]


async def test_frozen_in_a_draft_it_concludes_nothing_when_it_thaws(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with openai_server() as model:
        slow = Scene(text="You reach a person by the button. [1]", delay=5.0)
        model.reply = lambda _: slow
        async with running(tmp_path, **by(model)) as many, database(many) as db:
            await teach(many.webs[0], tmp_path)
            await asyncio.sleep(3.0)  # every worker follows it
            customer = await Customer.opens(session, many.webs[0], next(iter(FAQ)))
            owner = await owner_of(db, many, customer.id)
            await until(lambda: bool(model.requests), seconds=20 * BUSY)
            owner.freeze()
            slow.delay = 0.0
            await customer.is_answered(many.webs[1], seconds=TAKEN_OVER * BUSY)
            await no_marks(db)
            before = await kinds(db, customer.id)
            owner.thaw()
            await found_out(owner)
            await asyncio.sleep(3.0)
            assert await kinds(db, customer.id) == before
            assert before.count("sent") == 1


async def test_frozen_in_the_vendors_hands_it_is_sent_again_and_says_so(tmp_path: Path) -> None:
    async with (
        vendors_up() as vendors,
        running(tmp_path, **vendors.settings()) as many,
        database(many) as db,
    ):
        medium = OnTelegram(vendors, many.webs[0])
        first = medium.event(QUESTION, customer=7_000_001)
        await stubbornly(lambda: medium.deliver(first), seconds=60 * BUSY)
        await until(lambda: bool(medium.texts(7_000_001)), seconds=60 * BUSY)
        await no_marks(db, seconds=60 * BUSY)
        # The vendor holds the next one for so long that its sender is frozen meanwhile.
        vendors.telegram.script.plan("sendMessage", Fault(seconds=4.0))
        second, calls = medium.event(QUESTION, customer=7_000_002), vendors.telegram.calls
        before = len(calls)
        await stubbornly(lambda: medium.deliver(second), seconds=60 * BUSY)
        await until(
            lambda: any(call.method == "sendMessage" for call in calls[before:]),
            seconds=60 * BUSY,
        )
        mark = await db["unsettled"].find_one({})
        assert mark is not None
        owner = await owner_of(db, many, mark["_id"])
        owner.freeze()
        await until(lambda: len(medium.texts(7_000_002)) == 2, seconds=60 * BUSY)
        await no_marks(db, seconds=60 * BUSY)
        events = await kinds(db, mark["_id"])
        owner.thaw()
        await found_out(owner)
        await asyncio.sleep(3.0)
        assert await kinds(db, mark["_id"]) == events
        assert len(medium.texts(7_000_002)) == 2
        assert await db["deliveries"].count_documents({"doubled": True}) == 1
        assert await unmarked_doubles(db, vendors) == []


async def test_one_that_is_asked_to_go_hands_over_and_nothing_is_drafted_twice(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with openai_server() as model:
        slow = Scene(text="You reach a person by the button. [1]", delay=1.5)
        model.reply = lambda _: slow
        async with running(tmp_path, **by(model), **MANY) as many, database(many) as db:
            await teach(many.webs[0], tmp_path)
            await asyncio.sleep(3.0)  # every worker follows it
            first, *questions, last = FAQ
            alone = await Customer.opens(session, many.webs[0], first)
            await alone.is_answered(many.webs[0], seconds=60 * BUSY)
            one_draft = len(model.requests)
            customers = [
                await Customer.opens(session, many.webs[number % 2], question)
                for number, question in enumerate(questions)
            ]
            leaving = many.workers[0]
            began = time.monotonic()
            await leaving.stop()
            print(f"it left after {time.monotonic() - began:.1f} s")
            late = await Customer.opens(session, many.webs[0], last)
            began = time.monotonic()
            await late.is_answered(many.webs[1], seconds=60 * BUSY)
            print(f"what came then was answered after {time.monotonic() - began:.1f} s")
            for one in customers:
                await one.is_answered(many.webs[0], seconds=60 * BUSY)
            await no_marks(db)
            asked = Counter(asked_in(body) for body in model.requests)
            assert max(asked.values()) == one_draft, asked
            for one in (*customers, late):
                assert (await kinds(db, one.id)).count("sent") == 1


async def test_a_redis_that_forgets_everything_each_second_loses_nothing(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with running(tmp_path, **MANY) as many, database(many) as db:
        redis = connector(many.redis.url)()

        async def forgets() -> None:
            while True:
                await redis.flushdb()
                await asyncio.sleep(1.0)

        forgetting = asyncio.create_task(forgets())
        try:
            for number in range(20):
                web, other = many.webs[number % 2], many.webs[1 - number % 2]
                customer = await Customer.opens(session, web, QUESTION)
                await customer.is_answered(other, seconds=10 * BUSY)
        finally:
            forgetting.cancel()
            await asyncio.gather(forgetting, return_exceptions=True)
            await closed(redis)
        await no_marks(db)
        assert await still_open(db) == []
