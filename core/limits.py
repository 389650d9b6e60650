"""Rate limits of one process: a bucket per key, kept as a single number."""

from __future__ import annotations

import ipaddress

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


class RateLimit:
    """Lets `rate` a second pass per key, and `burst` at once (the generic cell rate algorithm)."""

    def __init__(self, *, rate: float, burst: int, clock: Clock) -> None:
        self._interval = 1.0 / rate
        self._span = self._interval * max(burst - 1, 0)
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def take(self, key: str) -> float:
        """0.0 when this one may pass, else the seconds until one may."""
        now = self._clock.monotonic()
        full_at = self._full_at.get(key, now)
        if full_at < now:
            full_at = now
        wait = full_at - now - self._span
        if wait > 1e-9:  # what rounding leaves over is not a wait
            return wait
        if len(self._full_at) >= CAPACITY and key not in self._full_at:
            self._forget(now)
        self._full_at[key] = full_at + self._interval
        return 0.0

    def _forget(self, now: float) -> None:
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        # A flood of keys that are all busy: the oldest half starts anew rather than growing.
        if len(self._full_at) >= CAPACITY:
            newest = list(self._full_at.items())[CAPACITY // 2 :]
            self._full_at = dict(newest)
