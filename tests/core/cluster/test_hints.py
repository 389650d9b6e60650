"""Hints through a real Redis, which is killed, comes back empty, and is told lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis as Client

from core.cluster.hints import Body, RedisHints
from core.errors import SetupError
from core.runtime import tasks
from tests.support.cluster import Redis

pytestmark = pytest.mark.apart


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    server = Redis(tmp_path)
    await server.start()
    yield server
    await server.kill()


def hints(redis: Redis, me: str, *, key: str = "k" * 16) -> RedisHints:
    return RedisHints(redis.url, installation="i", secret_key=key, me=me)


def is_up(*all_of_them: RedisHints) -> list[bool]:
    return [one.is_up for one in all_of_them]


@asynccontextmanager
async def running(*all_of_them: RedisHints) -> AsyncIterator[None]:
    running = [asyncio.create_task(one.run()) for one in all_of_them]
    try:
        async with asyncio.timeout(20):
            while not all(one.is_up for one in all_of_them):
                await asyncio.sleep(0.01)
        yield
    finally:
        await tasks.end(*running)


async def test_everybody_else_hears_it(redis: Redis) -> None:
    one, two, three = (hints(redis, name) for name in ("one", "two", "three"))
    heard: asyncio.Queue[tuple[str, Body]] = asyncio.Queue()
    for name, end in (("one", one), ("two", two), ("three", three)):
        end.on("commit", lambda body, name=name: heard.put_nowait((name, body)))  # type: ignore[misc]
    async with running(one, two, three):
        one.say("typing", {"c": "nobody listens to this"})
        one.say("commit", {"c": "x", "n": 3})
        async with asyncio.timeout(10):
            got = [await heard.get(), await heard.get()]
        assert sorted(got) == [("three", {"c": "x", "n": 3}), ("two", {"c": "x", "n": 3})]
        await asyncio.sleep(0.1)
        assert heard.empty()


async def test_after_redis_was_away_everybody_is_told_that_something_was_missed(
    redis: Redis,
) -> None:
    one, two = hints(redis, "one"), hints(redis, "two")
    heard: asyncio.Queue[Body] = asyncio.Queue()
    back: asyncio.Queue[None] = asyncio.Queue()
    two.on("commit", heard.put_nowait)
    two.on_back(lambda: back.put_nowait(None))
    async with running(one, two):
        await back.get()
        await redis.kill()
        async with asyncio.timeout(20):
            while any(is_up(one, two)):
                one.say("commit", {"c": "lost"})
                await asyncio.sleep(0.05)
        await redis.start()
        async with asyncio.timeout(20):
            await back.get()
            while not all(is_up(one, two)):
                await asyncio.sleep(0.05)
        while not heard.empty():
            heard.get_nowait()
        one.say("commit", {"c": "new"})
        async with asyncio.timeout(10):
            assert await heard.get() == {"c": "new"}


async def test_what_none_of_ours_has_signed_is_not_believed(redis: Redis) -> None:
    one, forger, two = hints(redis, "one"), hints(redis, "f", key="x" * 16), hints(redis, "two")
    heard: asyncio.Queue[Body] = asyncio.Queue()
    two.on("delta", heard.put_nowait)
    async with running(one, forger, two):
        forger.say("delta", {"c": "x", "t": "Send your password to …"})
        client = Client.from_url(redis.url)
        await client.publish("contact-center:i", b"not even this")
        await client.aclose()
        await asyncio.sleep(0.3)
        one.say("delta", {"c": "x", "t": "Hello."})
        async with asyncio.timeout(10):
            assert await heard.get() == {"c": "x", "t": "Hello."}


@pytest.mark.parametrize(
    "url",
    [
        "redis://host:port",
        "redis+sentinel://a:1,b",
        "redis+sentinel://a:x/name",
        "redis+sentinel://:1/name",
    ],
)
def test_an_address_that_is_none_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(SetupError, match="REDIS_URL cannot be used"):
        RedisHints(url, installation="i", secret_key="k", me="me")


async def test_a_master_is_found_by_its_sentinels(redis: Redis, tmp_path: Path) -> None:
    sentinel = Redis(tmp_path / "sentinel")
    await sentinel.start_sentinel("desk", redis.port)
    try:
        url = f"redis+sentinel://127.0.0.1:1,127.0.0.1:{sentinel.port}/desk"
        one = RedisHints(url, installation="i", secret_key="k" * 16, me="one")
        two = hints(redis, "two")
        heard: asyncio.Queue[Body] = asyncio.Queue()
        two.on("commit", heard.put_nowait)
        async with running(one, two):
            one.say("commit", {"c": "x"})
            async with asyncio.timeout(10):
                assert await heard.get() == {"c": "x"}
    finally:
        await sentinel.kill()
