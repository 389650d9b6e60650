"""Keeps to a vendor's pace: token buckets, by account and by chat."""

from __future__ import annotations

from dataclasses import dataclass

from core.clock import Clock
from core.errors import DeliveryDeferred

KEPT = 10_000  #: buckets remembered; a full one may be forgotten, for it says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much at once, and how much a second afterwards."""

    burst: float
    per_second: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Pacer:
    """Buckets by key; `wait` takes a token from each of several."""

    def __init__(self, clock: Clock, *, patience: float = 5.0) -> None:
        self._clock = clock
        self._patience = patience
        self._buckets: dict[str, _Bucket] = {}
        self._closed_until: dict[str, float] = {}

    async def wait(self, *keys: tuple[str, Pace], parts_done: int = 0) -> None:
        """Return when there is room under every key.

        Raises DeliveryDeferred when that would take longer than our patience.
        """
        delay = max(self._delay(key, pace) for key, pace in keys)
        if delay > self._patience:
            raise DeliveryDeferred(
                "Too many messages just now; this one waits for its turn.",
                retry_after=delay,
                parts_done=parts_done,
            )
        # Taken before the wait, so that those who come meanwhile queue up behind.
        for key, pace in keys:
            self._bucket(key, pace).tokens -= 1
        if delay > 0:
            await self._clock.sleep(delay)

    def room(self, key: str, pace: Pace) -> bool:
        """Whether one may be sent at once; takes the token if so."""
        if self._delay(key, pace) > 0:
            return False
        self._bucket(key, pace).tokens -= 1
        return True

    def close(self, key: str, seconds: float) -> None:
        """Nothing goes out under this key for so long: the vendor has said so."""
        until = self._clock.monotonic() + seconds
        self._closed_until[key] = max(until, self._closed_until.get(key, 0.0))

    def _delay(self, key: str, pace: Pace) -> float:
        bucket = self._bucket(key, pace)
        delay = max(0.0, (1 - bucket.tokens) / pace.per_second)
        closed = self._closed_until.get(key, 0.0) - self._clock.monotonic()
        if closed <= 0:
            self._closed_until.pop(key, None)
        return max(delay, closed)

    def _bucket(self, key: str, pace: Pace) -> _Bucket:
        now = self._clock.monotonic()
        bucket = self._buckets.pop(key, None) or _Bucket(tokens=pace.burst, at=now)
        bucket.tokens = min(pace.burst, bucket.tokens + (now - bucket.at) * pace.per_second)
        bucket.at = now
        # Put back as the newest; the oldest is the one that has surely filled up again.
        self._buckets[key] = bucket
        if len(self._buckets) > KEPT:
            self._buckets.pop(next(iter(self._buckets)))
        return bucket
