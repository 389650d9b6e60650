"""Two webs and two workers over one store and one Redis, as real processes that are killed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.cluster.partitions import lease_of
from core.storage.client import Database, open_database
from tests.support.cluster import Customer, Installation, installation
from tests.support.many_kills import no_marks, still_open, taken, unmarked_doubles
from tests.support.process import Program
from tests.support.servers.openai import OpenAIServer, Scene, openai_server
from tests.support.servers.vendors import OnSms, OnTelegram, stubbornly, until, vendors_up
from tests.support.slow_models import FAQ, teach

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(400)]

QUESTION = "How do I talk to a person?"  #: the product's own guide answers it
TAKEN_OVER = 15.0  #: seconds within which another worker answers
BUSY = 5.0  #: times as long on a machine that does much else


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as made:
        yield made


@asynccontextmanager
async def running(folder: Path, **settings: str) -> AsyncIterator[Installation]:
    async with installation(folder, env=settings) as many:
        try:
            yield many
        except BaseException:
            print(many.said()[-30_000:])
            raise


@asynccontextmanager
async def database(many: Installation) -> AsyncIterator[Database]:
    db = await open_database(many.uri)
    try:
        yield db
    finally:
        await db.client.close()


async def owner_of(db: Database, many: Installation, conversation_id: str) -> Program:
    """The worker whose the conversation is."""
    async with asyncio.timeout(30):
        while True:
            lease = await db["leases"].find_one({"_id": lease_of(conversation_id)})
            member = await db["members"].find_one({"_id": (lease or {}).get("owner", "")})
            for worker in many.workers:
                if member is not None and member["pid"] == worker.pid:
                    return worker
            await asyncio.sleep(0.1)


async def first_message(session: aiohttp.ClientSession, web: Program, customer: Customer) -> None:
    """Return once somebody who listens at this web has been shown an answer."""
    url = f"{web.url}/api/conversations/{customer.id}/events"
    async with session.get(url, headers=customer.headers) as stream:
        async for line in stream.content:
            if line.startswith(b"data: ") and json.loads(line[6:]).get("author") == "ai":
                return


async def test_what_is_asked_at_one_web_is_shown_and_answered_at_the_other(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with running(tmp_path) as many:
        one, two = many.webs
        customer = await Customer.opens(session, one, QUESTION)
        async with asyncio.timeout(20):
            await first_message(session, two, customer)
        assert await customer.reads(one) == await customer.reads(two)
        # A stream that is open already is told by a hint, and reads the log.
        shown: asyncio.Queue[tuple[float, Mapping[str, Any]]] = asyncio.Queue()
        url = f"{two.url}/api/conversations/{customer.id}/events"

        async def listen() -> None:
            async with session.get(url, headers=customer.headers) as stream:
                async for line in stream.content:
                    if line.startswith(b"data: "):
                        shown.put_nowait((time.monotonic(), json.loads(line[6:])))

        listening = asyncio.create_task(listen())
        await asyncio.sleep(1.0)
        while not shown.empty():
            shown.get_nowait()
        began = time.monotonic()
        await customer.writes(one, "And on Sundays?")
        async with asyncio.timeout(10):
            while (await shown.get())[1].get("text") != "And on Sundays?":
                pass
        print(f"shown at the other web after {1000 * (time.monotonic() - began):.0f} ms")
        listening.cancel()
        # Each process says who is there.
        said = await two.command("members")
        assert said.count("alive") == 4, said


async def test_a_worker_killed_in_a_draft_is_followed_by_the_other(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with openai_server() as model:
        settings = {
            "LLM_MODEL": "openai:gpt-test",
            "OPENAI_API_KEY": "k",
            "OPENAI_BASE_URL": model.url,
        }
        slow = Scene(text="You reach a person by the button. [1]", delay=8.0)
        model.reply = lambda _: slow
        async with running(tmp_path, **settings) as many, database(many) as db:
            # By a command beside them: every worker follows what it has changed.
            await teach(many.webs[0], tmp_path)
            await asyncio.sleep(3.0)
            customer = await Customer.opens(session, many.webs[0], next(iter(FAQ)))
            owner = await owner_of(db, many, customer.id)
            await until(lambda: _asked(model), seconds=20 * BUSY)
            slow.delay = 0.0
            await owner.kill()
            killed = time.monotonic()
            await customer.is_answered(many.webs[1], seconds=TAKEN_OVER * BUSY)
            print(f"answered {time.monotonic() - killed:.1f} s after the kill")
            await no_marks(db)


def _asked(model: OpenAIServer) -> bool:
    return bool(model.requests)


async def test_redis_may_be_away_and_come_back_empty(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with running(tmp_path) as many, database(many) as db:
        await (await Customer.opens(session, many.webs[0], QUESTION)).is_answered(
            many.webs[1], seconds=30
        )
        took: dict[str, float] = {}
        for when in ("with", "without", "again"):
            if when == "without":
                await many.redis.kill()
            elif when == "again":
                await many.redis.start()
                await asyncio.sleep(5.0)
            times = []
            for web, other in (many.webs, reversed(many.webs)):
                began = time.monotonic()
                customer = await Customer.opens(session, web, QUESTION)
                await customer.is_answered(other, seconds=20)
                times.append(time.monotonic() - began)
            took[when] = max(times)
        print({when: f"{seconds:.2f} s" for when, seconds in took.items()})
        await no_marks(db)


async def test_a_wave_while_workers_die_loses_nothing_and_keeps_the_order(tmp_path: Path) -> None:
    customers, rounds = range(8_000_000, 8_000_016), 3
    async with (
        vendors_up() as vendors,
        running(tmp_path, **vendors.settings()) as many,
        database(many) as db,
    ):
        media = [kind(vendors, web) for kind in (OnTelegram, OnSms) for web in many.webs]
        await asyncio.gather(
            *(
                stubbornly(lambda m=m: m.deliver(m.event(QUESTION, customer=7_999_999)))  # type: ignore[misc]
                for m in media
            )
        )
        await until(lambda: all(m.texts(7_999_999) for m in media), seconds=60)

        async def writes(number: int) -> None:
            for turn in range(rounds):
                # Now at one web, now at the other.
                medium = media[(number % 2) * 2 + turn % 2]
                event = medium.event(f"{QUESTION} ({number}.{turn})", customer=number)
                await stubbornly(lambda m=medium, e=event: m.deliver(e))  # type: ignore[misc]
                await asyncio.sleep(2.5)

        async def dies() -> None:
            for worker in many.workers:
                await asyncio.sleep(2.0)
                await worker.kill()
                await worker.start(seconds=180)
                await asyncio.sleep(1.0)

        await asyncio.gather(dies(), *(writes(number) for number in customers))
        await no_marks(db, seconds=90)
        found = await taken(db)
        for number in customers:
            assert found[number] == [f"({number}.{turn})" for turn in range(rounds)], number
        assert await still_open(db) == []
        assert await unmarked_doubles(db, vendors) == []


async def test_a_worker_that_starts_under_load_sends_nothing_twice(tmp_path: Path) -> None:
    async with (
        vendors_up() as vendors,
        running(tmp_path, **vendors.settings()) as many,
        database(many) as db,
    ):
        late = many.workers[1]
        await late.stop()
        media = [OnTelegram(vendors, web) for web in many.webs]

        async def writes(number: int) -> None:
            await asyncio.sleep((number % 20) * 0.3)
            medium = media[number % 2]
            event = medium.event(QUESTION, customer=number)
            await stubbornly(lambda: medium.deliver(event))

        starting = asyncio.create_task(late.start(seconds=180))
        customers = range(9_000_000, 9_000_030)
        await asyncio.gather(*(writes(number) for number in customers))
        await starting
        await no_marks(db, seconds=90)
        assert await still_open(db) == []
        for number in customers:
            texts = vendors.telegram.texts(number)
            assert texts
            assert len(texts) == len(set(texts)), texts
        assert await db["deliveries"].count_documents({"doubled": True}) == 0
        async with asyncio.timeout(TAKEN_OVER * BUSY):  # it gets its share by and by
            while (
                len({one["owner"] async for one in db["leases"].find({"owner": {"$ne": ""}})}) < 2
            ):
                await asyncio.sleep(0.2)


async def test_a_worker_that_was_frozen_does_nothing_with_what_is_anothers(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with running(tmp_path) as many, database(many) as db:
        customer = await Customer.opens(session, many.webs[0], QUESTION)
        await customer.is_answered(many.webs[0], seconds=30 * BUSY)
        owner = await owner_of(db, many, customer.id)
        [other] = [worker for worker in many.workers if worker is not owner]
        owner.freeze()
        async with asyncio.timeout(TAKEN_OVER * BUSY):
            while await owner_of(db, many, customer.id) is not other:
                await asyncio.sleep(0.2)
        fence = (await db["leases"].find_one({"_id": lease_of(customer.id)}) or {})["fence"]
        assert fence >= 2
        # Only who owns it settles it; whether by an answer or by a draft that waits for a person.
        await customer.writes(many.webs[1], QUESTION)
        assert await db["unsettled"].count_documents({"_id": customer.id})
        await no_marks(db, seconds=20 * BUSY)
        owner.thaw()
        async with asyncio.timeout(30 * BUSY):
            while "declared dead" not in owner.output.read_text():
                await asyncio.sleep(0.2)
        before = await db["log"].count_documents({"c": customer.id})
        await asyncio.sleep(3.0)
        assert await db["log"].count_documents({"c": customer.id}) == before
        await no_marks(db)
