"""The figures that alerts watch, and the pure rule by which each is told once, and when over."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

CALM_LOOKS = 5  #: looks without trouble, a minute apart, before an alert counts as over
MOST_TOLD = 50  #: of the newest alerts that are kept for the page


class Watched(enum.StrEnum):
    """A figure that is watched; alerts are told where it is above its limit."""

    QUEUE = "queue"  #: drafts that wait for a person
    WAIT = "wait"  #: minutes for which the one that waits longest has waited
    BOUNCES = "bounces"  #: messages that were not delivered, in the last hour
    RATINGS = "ratings"  #: ratings of 1 or 2, in the last 24 hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The supervisors' limits and where alerts go; what has no limit is not watched."""

    limits: Mapping[Watched, float] = field(default_factory=dict)
    slack: bool = True
    mail: bool = True
    changed_by: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """An alert that lasts."""

    since: datetime
    value: float  #: the worst so far
    calm: int = 0  #: looks without trouble since the last one with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One message: that something is above its limit, or that it is over."""

    name: Watched
    over: bool  #: whether it says that all is well again
    value: float  #: now, or the worst while it lasted
    limit: float
    since: datetime
    at: datetime

    @property
    def id(self) -> str:
        """The same at every attempt to tell it."""
        return f"{self.name.value}/{'over' if self.over else 'on'}/{self.since.isoformat()}"


def look(
    limits: Mapping[Watched, float],
    known: Mapping[Watched, Over],
    values: Mapping[Watched, float],
    now: datetime,
) -> tuple[dict[Watched, Over], list[Telling]]:
    """The alerts that last after this look, and what has to be told.

    A figure at its limit is well. A figure that is not in `values` is not known now, and changes
    nothing. What is watched no more ends without a word.
    """
    lasting: dict[Watched, Over] = {}
    told: list[Telling] = []
    for name, limit in limits.items():
        over, value = known.get(name), values.get(name)
        if value is None:
            if over is not None:
                lasting[name] = over
        elif value > limit:
            if over is None:
                over = Over(since=now, value=value)
                told.append(_telling(name, over, limit, now, is_over=False))
            lasting[name] = replace(over, value=max(over.value, value), calm=0)
        elif over is not None:
            calm = replace(over, calm=over.calm + 1)
            if calm.calm >= CALM_LOOKS:
                told.append(_telling(name, over, limit, now, is_over=True))
            else:
                lasting[name] = calm
    return lasting, told


def newest(told: Sequence[Telling]) -> list[Telling]:
    """Those that the page shows, the newest first."""
    return sorted(told, key=lambda one: one.at, reverse=True)[:MOST_TOLD]


def _telling(name: Watched, over: Over, limit: float, now: datetime, *, is_over: bool) -> Telling:
    return Telling(name=name, over=is_over, value=over.value, limit=limit, since=over.since, at=now)
