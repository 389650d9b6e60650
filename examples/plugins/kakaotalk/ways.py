"""The one-time callbacks that are open now: each customer's, the oldest first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from core.clock import Clock

LIFETIME = 55.0  #: seconds; Kakao says one minute, and the way to Kakao takes a while
REMEMBERED = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One address to which one answer may go."""

    customer: str
    url: str
    locale: str
    opened_at: float  #: by the clock's monotonic


class Ways:
    """Kept in memory only: after a restart the minute is all but over anyway."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, list[Way]] = {}
        self._known: OrderedDict[str, None] = OrderedDict()
        self._answered: OrderedDict[str, float] = OrderedDict()

    def add(self, customer: str, url: str, *, locale: str) -> Way | None:
        """Open it; None for one that was here before, which may be used up."""
        if url in self._known:
            return None
        self._known[url] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        way = Way(customer=customer, url=url, locale=locale, opened_at=self._clock.monotonic())
        self._open.setdefault(customer, []).append(way)
        return way

    def take(self, customer: str) -> Way | None:
        """The oldest that still holds; from now on nobody else gets it."""
        latest = self._clock.monotonic() - LIFETIME
        while (waiting := self._open.get(customer)) is not None:
            way = waiting.pop(0)
            if not waiting:
                del self._open[customer]
            if way.opened_at > latest:
                return way
        return None

    def take_idle(self, way: Way) -> bool:
        """Whether this way was open and its customer has had no answer since; takes it then."""
        waiting = self._open.get(way.customer, [])
        answered = self._answered.get(way.customer, -1.0) >= way.opened_at
        if way not in waiting or answered:
            return False
        waiting.remove(way)
        if not waiting:
            del self._open[way.customer]
        return True

    def give_back(self, way: Way) -> None:
        """It was certainly not used."""
        self._open.setdefault(way.customer, []).insert(0, way)

    def forget(self, way: Way) -> None:
        """Its message was not stored: the vendor will bring both again."""
        self.take_idle(way)
        self._known.pop(way.url, None)

    def answered(self, customer: str) -> None:
        """Something of ours has reached the customer."""
        self._answered[customer] = self._clock.monotonic()
        self._answered.move_to_end(customer)
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)

    def clear(self) -> None:
        """Close all of them."""
        self._open.clear()
