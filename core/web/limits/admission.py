"""Limits new conversations and questions in progress, per address and in all."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from core.clock import Clock
from core.runtime.token_bucket import Pace, RateLimit, network_of
from core.sdk.rate_limit import Rates
from core.web.http.problems import TooMuch
from core.web.http.settings import Limits

OPENINGS_SECONDS = 600.0  #: the time in which `openings_per_address` counts
BUSY_SECONDS = 5.0  #: until a place among the drafts may be free
CAPACITY = 10_000  #: networks remembered before those at rest are forgotten


class Admission:
    """Refuses what would cost an answer when too many are under way already.

    Every question may ask a model and end as a card before people, so neither may be had without
    end by asking faster. `under_way` are the conversations that are being worked on, of every
    channel: what a vendor brings is never refused, but it counts.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        under_way: Collection[str],
        clock: Clock,
        shared: Rates | None = None,
    ) -> None:
        """`shared` counts what is opened at any web; None: there is one process."""
        self._limits = limits
        self._shared = shared
        self._under_way = under_way
        self._pace = Pace(
            burst=limits.openings_per_address,
            per_second=limits.openings_per_address / OPENINGS_SECONDS,
        )
        self._openings = RateLimit(
            rate=self._pace.per_second, burst=limits.openings_per_address, clock=clock
        )
        self._asked: dict[str, set[str]] = {}  # by network; who has been answered goes later
        self._storing: set[str] = set()

    async def opening(self, address: str) -> None:
        """One more conversation is opened from there. Raises TooMuch."""
        network = network_of(address)
        wait = self._openings.take(network)
        if not wait and self._shared is not None:
            wait = await self._shared.reserve([(f"opening\0{network}", self._pace)], patience=0.0)
        if wait:
            raise TooMuch(
                "Too many conversations were opened from your network",
                limit="openings",
                scope="address",
                wait=wait,
            )

    @contextmanager
    def question(self, conversation_id: str, address: str) -> Iterator[None]:
        """Entered while a message that wants an answer is stored. Raises TooMuch before.

        What comes while an answer is being made becomes part of the same question.
        """
        network = network_of(address)
        is_under_way = conversation_id in self._under_way
        if is_under_way and conversation_id in self._asked.get(network, ()):
            yield
            return
        if not is_under_way and len(self._under_way) + len(self._storing) >= self._limits.drafts:
            raise TooMuch(
                "Too many questions are being answered",
                limit="drafts",
                scope="everybody",
                wait=BUSY_SECONDS,
                status=503,
            )
        if self._of(network) >= self._limits.drafts_per_address:
            raise TooMuch(
                "Too many questions from your network are being answered",
                limit="drafts",
                scope="address",
                wait=BUSY_SECONDS,
            )
        self._asked.setdefault(network, set()).add(conversation_id)
        self._storing.add(conversation_id)
        try:
            yield  # once it is stored, it is under way
        finally:
            self._storing.discard(conversation_id)

    def _of(self, network: str) -> int:
        """How many questions of this network are under way."""
        asked = self._asked.get(network, set())
        if len(asked) >= self._limits.drafts_per_address:
            asked = self._asked[network] = {name for name in asked if self._counts(name)}
        if not asked and len(self._asked) >= CAPACITY:
            self._asked = {
                name: kept
                for name, ids in self._asked.items()
                if (kept := {one for one in ids if self._counts(one)})
            }
        return len(asked)

    def _counts(self, conversation_id: str) -> bool:
        return conversation_id in self._under_way or conversation_id in self._storing
