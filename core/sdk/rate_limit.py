"""Client-side rate limits for a vendor's API: token buckets, by account and by chat."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from core.clock import Clock
from core.errors import DeliveryDeferred
from core.runtime.token_bucket import Pace, TokenBuckets

__all__ = ["Pace", "Pacer", "Rates"]


class Rates(Protocol):
    """The port to buckets that all processes of an installation share."""

    async def reserve(self, keys: Sequence[tuple[str, Pace]], *, patience: float) -> float:
        """Seconds until there is room under every key; a token of each is ours if that is within
        our patience, and nothing is taken otherwise."""
        ...

    def close(self, key: str, seconds: float) -> None:
        """Nobody has room under this key for so long; returns at once."""
        ...


class Pacer:
    """Buckets by key; `wait` takes a token from each of several."""

    def __init__(self, clock: Clock, *, patience: float = 5.0, shared: Rates | None = None) -> None:
        """`shared` is the context's `rates`: an account's rate is the same for all processes."""
        self._clock = clock
        self._shared = shared
        self._patience = patience
        self._buckets = TokenBuckets(clock)
        self._closed_until: dict[str, float] = {}

    async def wait(self, *keys: tuple[str, Pace], parts_done: int = 0) -> None:
        """Return when there is room under every key.

        Raises DeliveryDeferred when that would take longer than our patience.
        """
        delay = max(self._delay(key, pace) for key, pace in keys)
        if self._shared is not None and delay <= self._patience:
            delay = max(delay, await self._shared.reserve(keys, patience=self._patience))
        if delay > self._patience:
            raise DeliveryDeferred(
                "Too many messages just now; this one waits for its turn.",
                retry_after=delay,
                parts_done=parts_done,
            )
        # Taken before the wait, so that those who come meanwhile queue up behind.
        for key, pace in keys:
            self._buckets.take(key, pace)  # also where they are shared: our own part is no more
        if delay > 0:
            await self._clock.sleep(delay)

    def room(self, key: str, pace: Pace) -> bool:
        """Whether one may be sent at once; takes the token if so."""
        if self._delay(key, pace) > 0:
            return False
        self._buckets.take(key, pace)
        return True

    def close(self, key: str, seconds: float) -> None:
        """Nothing goes out under this key for so long: the vendor has said so."""
        until = self._clock.monotonic() + seconds
        self._closed_until[key] = max(until, self._closed_until.get(key, 0.0))
        if self._shared is not None:
            self._shared.close(key, seconds)

    def _delay(self, key: str, pace: Pace) -> float:
        closed = self._closed_until.get(key, 0.0) - self._clock.monotonic()
        if closed <= 0:
            self._closed_until.pop(key, None)
        return max(self._buckets.wait(key, pace), closed)
