"""In-process rate limits: a token bucket per key, kept as one number (GCRA)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from core.clock import Clock

CAPACITY = 50_000  #: keys remembered; those at rest are forgotten first


def network_of(address: str) -> str:
    """What one person has of addresses: the address itself, or its /64 where it is IPv6."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A bucket's size and refill rate."""

    burst: float
    per_second: float


class TokenBuckets:
    """A bucket for each key; of each only the moment is known at which it is full again."""

    def __init__(self, clock: Clock, *, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._full_at: dict[str, float] = {}

    def wait(self, key: str, pace: Pace, *, worth: int = 1) -> float:
        """Seconds until so many tokens are there; 0.0 when they are."""
        now = self._clock.monotonic()
        missing = max(pace.burst - 1, 0.0) - (worth - 1)  # of a full bucket, when they are enough
        wait = max(self._full_at.get(key, now), now) - now - missing / pace.per_second
        return wait if wait > 1e-9 else 0.0  # what rounding leaves over is not a wait

    def take(self, key: str, pace: Pace, *, worth: int = 1) -> None:
        """Take so many tokens, there or not: whoever comes later waits for the debt, too."""
        now = self._clock.monotonic()
        if len(self._full_at) >= self._capacity and key not in self._full_at:
            self._forget(now)
        self._full_at[key] = max(self._full_at.get(key, now), now) + worth / pace.per_second

    def _forget(self, now: float) -> None:
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        # A flood of keys that are all busy: the oldest half starts anew rather than growing.
        if len(self._full_at) >= self._capacity:
            newest = list(self._full_at.items())[self._capacity // 2 :]
            self._full_at = dict(newest)


class RateLimit:
    """Lets `rate` a second pass per key, and `burst` at once."""

    def __init__(self, *, rate: float, burst: int, clock: Clock) -> None:
        self._pace = Pace(burst=burst, per_second=rate)
        self._buckets = TokenBuckets(clock)

    def take(self, key: str, *, worth: int = 1) -> float:
        """0.0 when this one may pass, else the seconds until it may; `worth` is how many it is."""
        wait = self._buckets.wait(key, self._pace, worth=worth)
        if not wait:
            self._buckets.take(key, self._pace, worth=worth)
        return wait
