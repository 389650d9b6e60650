"""Rates that all processes keep together: token buckets in Redis, by its own clock."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Callable, Sequence
from typing import Any

from config.settings import Settings
from core.clock import Clock
from core.cluster.model import Role
from core.cluster.node import Node
from core.cluster.redis_client import closed, connector, failures
from core.cluster.settings import digest_of
from core.runtime.tasks import BackgroundTasks
from core.runtime.token_bucket import Pace, TokenBuckets

log = logging.getLogger(__name__)

SECONDS = 0.5  #: for an answer; after it we keep our own share of the rate
AWAY_SECONDS = 2.0  #: for which Redis is not asked again once it has not answered

# For each key: when its bucket is full again, and until when the other end has closed it. All
# wait for the slowest; nothing is taken where that is longer than the caller has patience.
RESERVE = """\
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local longest, full, shut = 0, {}, {}
for i, key in ipairs(KEYS) do
  local burst, rate = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local known = redis.call('HMGET', key, 'full', 'shut')
  full[i] = math.max(tonumber(known[1] or now), now)
  shut[i] = math.max(tonumber(known[2] or now), now)
  longest = math.max(longest, full[i] - now - math.max(burst - 1, 0) / rate, shut[i] - now)
  full[i] = full[i] + 1 / rate
end
if longest <= tonumber(ARGV[1]) + 0.000001 then
  for i, key in ipairs(KEYS) do
    redis.call('HSET', key, 'full', string.format('%.6f', full[i]))
    redis.call('PEXPIRE', key, math.ceil(1000 * (math.max(full[i], shut[i]) - now)) + 1000)
  end
end
return string.format('%.6f', longest)
"""
CLOSE = """\
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local known = redis.call('HMGET', KEYS[1], 'full', 'shut')
local shut = math.max(tonumber(known[2] or now), now + tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'shut', string.format('%.6f', shut))
local last = math.max(shut, tonumber(known[1] or now))
redis.call('PEXPIRE', KEYS[1], math.ceil(1000 * (last - now)) + 1000)
"""


class RedisRates:
    """`core.sdk.rate_limit.Rates` for the processes of one installation.

    Redis may forget everything: then one burst more is let through. While it does not answer, each
    process keeps its own buckets, with its share of the rate.
    """

    def __init__(
        self,
        url: str,
        *,
        installation: str,
        secret_key: str,
        clock: Clock,
        shares: Callable[[], int] = lambda: 1,
    ) -> None:
        """`shares` is among how many processes a rate is divided when they cannot share it.

        Raises SetupError when the URL cannot be understood.
        """
        self._away = failures()
        self._connect = connector(url)
        self._prefix = f"contact-center:{installation}:rate:"
        self._key = hashlib.sha256(b"rates\0" + secret_key.encode()).digest()
        self._clock = clock
        self._shares = shares
        self._client: Any = None
        self._own = TokenBuckets(clock)
        self._away_until = float("-inf")
        self._telling = BackgroundTasks()

    @classmethod
    def of(cls, settings: Settings, node: Node, *, secret_key: str, clock: Clock) -> RedisRates:
        """Those of the installation that the settings describe. Raises SetupError."""

        def shares() -> int:
            ours = node.role
            return 1 + sum(
                Role.ALL in (ours, one.role) or one.role is ours for one in node.others()
            )

        return cls(
            settings.store.redis_url or "",
            installation=digest_of(secret_key),
            secret_key=secret_key,
            clock=clock,
            shares=shares,
        )

    async def reserve(self, keys: Sequence[tuple[str, Pace]], *, patience: float) -> float:
        """See `core.sdk.rate_limit.Rates.reserve`."""
        arguments: list[Any] = [patience]
        for _, pace in keys:
            arguments += [pace.burst, pace.per_second]
        said = await self._ask(RESERVE, [self._named(key) for key, _ in keys], arguments)
        return self._alone(keys, patience) if said is None else float(said)

    def close(self, key: str, seconds: float) -> None:
        """See `core.sdk.rate_limit.Rates.close`."""

        async def tell() -> None:
            await self._ask(CLOSE, [self._named(key)], [seconds])

        self._telling.start(tell(), name="closing a rate")

    async def stop(self) -> None:
        """Let go of Redis."""
        await self._telling.end()
        await self._drop()

    async def _ask(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """What the script gives; None while Redis does not answer."""
        now = self._clock.monotonic()
        if now < self._away_until:
            return None
        if self._client is None:
            self._client = self._connect()
        try:
            async with asyncio.timeout(SECONDS):
                return await self._client.eval(script, len(keys), *keys, *arguments)
        except self._away as error:
            log.info("no shared rates (%s): each process keeps its share for itself", error)
            self._away_until = self._clock.monotonic() + AWAY_SECONDS
            await self._drop()  # another server may be the master by now
            return None

    def _alone(self, keys: Sequence[tuple[str, Pace]], patience: float) -> float:
        shares = max(self._shares(), 1)
        ours = [
            (key, Pace(burst=max(pace.burst / shares, 1.0), per_second=pace.per_second / shares))
            for key, pace in keys
        ]
        longest = max(self._own.wait(key, pace) for key, pace in ours)
        if longest <= patience:
            for key, pace in ours:
                self._own.take(key, pace)
        return longest

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await closed(client)

    def _named(self, key: str) -> str:
        """Who it is about (an address, a chat) is nobody's business who looks into Redis."""
        return self._prefix + hmac.digest(self._key, key.encode(), "sha256").hex()
