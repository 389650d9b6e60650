"""Counts attempts to prove who one is, in all processes of an installation together."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from core.clock import Clock
from core.runtime.token_bucket import Pace, RateLimit
from core.storage.client import MongoCollection
from core.storage.errors import KeyTaken, store_errors

TRIES = 20  #: at a counter that others change at the same moment
BUSY_SECONDS = 1.0  #: until one whose counter was never free may try again
PAUSE_SECONDS = 0.02  #: at most, between two of our tries


class Attempts:
    """The counters, by who tries; a process alone keeps them in memory.

    Of many processes each would give the same number of guesses, so there they are in the store,
    and in no cache that may forget them. While the store is away nobody signs in anyhow.
    """

    def __init__(
        self, collection: MongoCollection | None, *, secret_key: str, clock: Clock
    ) -> None:
        """`collection` is where processes share them; None: there is one process."""
        self._collection = collection
        self._key = hashlib.sha256(b"attempts\0" + secret_key.encode()).digest()
        self._clock = clock

    def limit(self, name: str, *, rate: float, burst: int) -> AttemptLimit:
        """So many at once, and `rate` a second from then on, for each key under this name."""
        own = RateLimit(rate=rate, burst=burst, clock=self._clock)
        return AttemptLimit(self, name, Pace(burst=burst, per_second=rate), own)

    async def take(self, name: str, key: str, pace: Pace) -> float:
        """0.0 when one more may be made, else seconds until it may. Raises StoreUnavailable."""
        if self._collection is None:
            return 0.0
        # Whose attempts they are stays between us and the caller: it is an address, or an e-mail.
        counter = hmac.digest(self._key, f"{name}\0{key}".encode(), "sha256").hex()
        for _ in range(TRIES):
            with store_errors():
                found = await self._collection.find_one({"_id": counter})
            now = self._clock.now()
            seen: datetime | None = found["full_at"] if found else None
            full_at = max(seen, now) if seen is not None else now
            wait = (full_at - now).total_seconds() - (pace.burst - 1) / pace.per_second
            if wait > 0.0:
                return wait
            if await self._set(counter, seen, full_at + timedelta(seconds=1 / pace.per_second)):
                return 0.0
            await asyncio.sleep(secrets.randbelow(1000) / 1000 * PAUSE_SECONDS)
        return BUSY_SECONDS

    async def _set(self, counter: str, seen: datetime | None, full_at: datetime) -> bool:
        """Whether nobody else has counted since it was `seen`."""
        assert self._collection is not None
        with store_errors():
            if seen is not None:
                done = await self._collection.update_one(
                    {"_id": counter, "full_at": seen}, {"$set": {"full_at": full_at}}
                )
                return done.matched_count == 1
        try:
            with store_errors():
                await self._collection.insert_one({"_id": counter, "full_at": full_at})
        except KeyTaken:
            return False
        return True

    async def sweep(self) -> None:
        """Forget the counters of those who have all their attempts again."""
        if self._collection is not None:
            with store_errors():
                await self._collection.delete_many({"full_at": {"$lt": self._clock.now()}})


class AttemptLimit:
    """One limit of `Attempts`."""

    def __init__(self, attempts: Attempts, name: str, pace: Pace, own: RateLimit) -> None:
        self._attempts = attempts
        self._name = name
        self._pace = pace
        self._own = own

    async def take(self, key: str) -> float:
        """0.0 when one more may be made, else seconds until it may. Raises StoreUnavailable."""
        # What is too much for us alone need not be asked of the store: a flood ends here.
        return self._own.take(key) or await self._attempts.take(self._name, key, self._pace)
