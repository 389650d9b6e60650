"""Limits how often staff may read what is expensive to compute."""

from __future__ import annotations

from core.clock import Clock
from core.runtime.token_bucket import RateLimit, network_of
from core.web.http.problems import TooMuch
from core.web.http.routing import Call, Route
from core.web.http.settings import Limits
from core.web.identity.authentication import SAFE_METHODS

BURST_SECONDS = 10.0  #: of reading that may be done at once
DEAR = 10  #: what a route that counts, draws or collects is worth of plain pages


class Reading:
    """Two buckets for what staff read: the colleague's, whatever token or session it comes by,
    and the address's, whoever comes from it. A person never gets near; a script that asks without
    end, with a token that leaked or was forgotten in a loop, is told to wait.
    """

    def __init__(self, limits: Limits, *, clock: Clock) -> None:
        self._colleagues = _bucket(limits.reads_per_colleague, clock)
        self._addresses = _bucket(limits.reads_per_address, clock)

    def count(self, call: Call, route: Route) -> None:
        """One more reading of this route by the call's colleague. Raises TooMuch."""
        reads = route.dear or route.method in SAFE_METHODS
        if call.user is None or route.stream or not reads:
            return
        worth = DEAR if route.dear else 1
        for bucket, key, scope in (
            (self._colleagues, call.user.id, "colleague"),
            (self._addresses, network_of(call.address), "address"),
        ):
            wait = bucket.take(key, worth=worth)
            if wait:
                raise TooMuch(
                    "Too many pages or lists were read", limit="reads", scope=scope, wait=wait
                )


def _bucket(rate: float, clock: Clock) -> RateLimit:
    return RateLimit(rate=rate, burst=int(rate * BURST_SECONDS), clock=clock)
