"""Rates through a real Redis: kept together, and each a share where it does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis as Client

from core.clock import SystemClock
from core.cluster.rates import RedisRates
from core.errors import DeliveryDeferred
from core.runtime.token_bucket import Pace
from core.sdk.rate_limit import Pacer
from tests.support.cluster import Redis

pytestmark = pytest.mark.apart

SLOW = Pace(burst=6, per_second=0.001)  #: nothing is refilled while a test runs


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[Redis]:
    server = Redis(tmp_path)
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
async def rates(redis: Redis) -> AsyncIterator[Callable[..., RedisRates]]:
    made: list[RedisRates] = []

    def another(url: str = "") -> RedisRates:
        made.append(
            RedisRates(
                url or redis.url,
                installation="i",
                secret_key="k" * 16,
                clock=SystemClock(),
                shares=lambda: 2,
            )
        )
        return made[-1]

    yield another
    for one in made:
        await one.stop()


async def passed(*tries: Awaitable[float]) -> int:
    return sum(wait == 0.0 for wait in await asyncio.gather(*tries))


async def test_two_processes_have_one_burst(rates: Callable[..., RedisRates]) -> None:
    both = rates(), rates()
    tries = (both[n % 2].reserve([("bot", SLOW)], patience=0.0) for n in range(30))
    assert await passed(*tries) == 6
    assert await passed(both[0].reserve([("another", SLOW)], patience=0.0)) == 1
    # Nothing is taken from a bucket where another one has no room.
    for _ in range(10):
        assert await both[1].reserve([("bot", SLOW), ("third", SLOW)], patience=1.0) > 1.0
    tries = (both[n % 2].reserve([("third", SLOW)], patience=0.0) for n in range(30))
    assert await passed(*tries) == 6


async def test_who_has_patience_queues_up_behind_the_other(
    rates: Callable[..., RedisRates],
) -> None:
    both, pace = (rates(), rates()), Pace(burst=1, per_second=0.1)
    waits = [await both[n % 2].reserve([("chat", pace)], patience=60.0) for n in range(4)]
    for number, wait in enumerate(waits):
        assert 10 * number - 9 < wait <= 10 * number


async def test_what_a_vendor_closed_is_closed_for_all(rates: Callable[..., RedisRates]) -> None:
    one, two = (Pacer(SystemClock(), shared=rates()) for _ in range(2))
    await one.wait(("bot", SLOW))
    one.close("bot", 300.0)

    async def until_closed() -> None:
        while True:
            await two.wait(("bot", Pace(burst=1000, per_second=1000)))
            await asyncio.sleep(0.01)

    async with asyncio.timeout(20):
        with pytest.raises(DeliveryDeferred) as error:
            await until_closed()
    assert (error.value.retry_after or 0.0) > 200


async def test_redis_keeps_no_name_and_nothing_for_ever(
    redis: Redis, rates: Callable[..., RedisRates]
) -> None:
    await rates().reserve([("chat:+491701234567", Pace(burst=3, per_second=1))], patience=0.0)
    client = Client.from_url(redis.url)
    [key] = await client.keys("*")
    assert b"4917" not in key
    assert 0 < await client.pttl(key) <= 5_000
    await client.aclose()


async def test_without_redis_each_has_its_share(
    redis: Redis, rates: Callable[..., RedisRates], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.cluster.rates.AWAY_SECONDS", 0.2)
    both = rates(), rates()
    assert await passed(*(one.reserve([("a", SLOW)], patience=0.0) for one in both)) == 2
    await redis.kill()
    tries = (both[n % 2].reserve([("bot", SLOW)], patience=0.0) for n in range(30))
    assert await passed(*tries) == 6  # half of it each
    # It comes back, and has forgotten everything: once more a burst, and not more.
    await redis.start()
    async with asyncio.timeout(30):
        while both[0]._client is None or both[1]._client is None:
            await asyncio.gather(*(one.reserve([("x", SLOW)], patience=0.0) for one in both))
            await asyncio.sleep(0.05)
    tries = (both[n % 2].reserve([("fresh", SLOW)], patience=0.0) for n in range(30))
    assert await passed(*tries) == 6
