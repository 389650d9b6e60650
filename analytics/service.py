"""What supervisors may ask of the facts."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from analytics.columns import Rows, day_of, millis, moment
from analytics.facts import Kind
from analytics.measures import (
    BEHIND,
    METRICS,
    Counting,
    Filter,
    agents,
    selected,
    summary,
    weekly_hours,
    within,
)
from analytics.periods import Interval, Period, period_of
from analytics.store import FactStore
from core.accounts.rules import Action, User
from core.clock import Clock
from core.errors import BadInput
from core.web.answers import iso

SHOWN = 200  #: conversations behind a number

QueueLength = Callable[[], Awaitable[int]]
Drain = Callable[[], Awaitable[None]]
"""Returns once all that has happened has become facts."""
FRESH_SECONDS = 1.0  #: that the newest events are waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A conversation behind a number, and when it last counted."""

    conversation_id: str
    at: str
    times: int


class Analytics:
    """Answers questions about what happened; each method checks the user's right."""

    def __init__(
        self,
        store: FactStore,
        *,
        clock: Clock,
        zone: ZoneInfo,
        queue_length: QueueLength,
        drain: Drain | None = None,
    ) -> None:
        self.zone = zone
        self._store = store
        self._clock = clock
        self._queue_length = queue_length
        self._drain = drain

    def period(self, start: str | None, end: str | None, *, days: int = 7) -> Period:
        """The period a request names. Raises BadInput."""
        return period_of(start, end, zone=self.zone, now=self._clock.now(), days=days)

    async def summary(self, user: User, period: Period, chosen: Filter) -> dict[str, Any]:
        """All measures, with those of the period before beside them."""
        user.require(Action.DASHBOARD_READ)
        now, before = await self._both(period, chosen)

        def counted() -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
            return summary(now), agents(now), summary(before)

        # Counting a quarter takes long enough for a customer to notice, so it leaves the loop.
        these, people, those = await asyncio.to_thread(counted)
        return {
            "from": iso(period.start),
            "to": iso(period.end),
            "zone": str(self.zone),
            "filter": {
                "channel": chosen.channel,
                "agent": chosen.agent,
                "topic": chosen.topic,
            },
            **these,
            "agents": people,
            "queue": {"waiting": await self._queue_length()},
            "previous": {
                "from": iso(period.before.start),
                "to": iso(period.before.end),
                **those,
            },
        }

    async def timeseries(
        self, user: User, metric: str, interval: Interval, period: Period, chosen: Filter
    ) -> dict[str, Any]:
        """One metric, point by point. Raises BadInput for a metric nobody knows."""
        user.require(Action.DASHBOARD_READ)
        if metric not in METRICS:
            raise BadInput(f"There is no metric {metric[:40]!r}; there are: {', '.join(METRICS)}.")
        edges = period.buckets(interval)
        rows = await self._rows(period)

        def counted() -> list[dict[str, Any]]:
            parts = self._parts(selected(rows, chosen, self._store.names), edges)
            return [
                {"at": iso(edge), "value": METRICS[metric](part)}
                for edge, part in zip(edges, parts, strict=False)
            ]

        return {
            "metric": metric,
            "interval": interval.value,
            "zone": str(self.zone),
            "from": iso(period.start),
            "to": iso(period.end),
            "points": await asyncio.to_thread(counted),
        }

    async def board(
        self, user: User, period: Period, interval: Interval, chosen: Filter
    ) -> dict[str, Any]:
        """The summary and all that the dashboard's charts show."""
        found = await self.summary(user, period, chosen)
        edges = period.buckets(interval)
        all_rows = await self._rows(period)
        drawn = await asyncio.to_thread(self._drawn, all_rows, edges, period, chosen)
        return {**found, "interval": interval.value, **drawn}

    def _drawn(
        self, all_rows: Rows, edges: list[Any], period: Period, chosen: Filter
    ) -> dict[str, Any]:
        """What the charts show; pure counting."""
        rows = selected(all_rows, chosen, self._store.names)
        every = Counting(rows, self._store.names)
        series = []
        for edge, part in zip(edges, self._parts(rows, edges), strict=False):
            point: dict[str, Any] = {"at": iso(edge)}
            for name in SERIES:
                point[name] = METRICS[name](part)
            series.append(point)
        waits = every.of(Kind.FIRST_ANSWER)["value"]
        counts = np.histogram(waits, bins=[*WAITS, np.inf])[0]
        choices = Counting(all_rows, self._store.names)
        return {
            "series": series,
            "heat": weekly_hours(every, period),
            "waits": [{"from": low, "count": int(n)} for low, n in zip(WAITS, counts, strict=True)],
            "choices": {
                "channel": sorted(filter(None, choices.by("channel", Kind.STARTED))),
                "agent": [a["agent"] for a in agents(choices)],
                "topic": sorted(filter(None, choices.by("topic", Kind.DRAFTED))),
            },
        }

    async def behind(
        self, user: User, metric: str, period: Period, chosen: Filter
    ) -> tuple[list[Behind], int]:
        """The conversations a number counts, latest first, and how many there are."""
        user.require(Action.DASHBOARD_READ)
        if metric not in BEHIND:
            raise BadInput(f"There is no list for {metric[:40]!r}.")
        kind, label = BEHIND[metric]
        rows = selected(await self._rows(period), chosen, self._store.names)
        found = Counting(rows, self._store.names).of(kind, label)
        order, first, counts = np.unique(
            found["conversation"][::-1], return_index=True, return_counts=True
        )
        latest = np.argsort(first)[:SHOWN]
        last_at = found["at"][::-1]
        ids = await self._store.conversation_ids(
            day_of(period.start), day_of(period.end), order[latest].tolist()
        )
        shown = [
            Behind(
                conversation_id=ids[int(order[i])],
                at=iso(moment(last_at[first[i]])),
                times=int(counts[i]),
            )
            for i in latest
            if int(order[i]) in ids
        ]
        return shown, len(order)

    async def counting(self, period: Period, chosen: Filter | None = None) -> Counting:
        """The facts of a period, for those who count by themselves (reports, gaps)."""
        rows = selected(await self._rows(period), chosen or Filter(), self._store.names)
        return Counting(rows, self._store.names)

    async def ids(self, period: Period, digests: list[int]) -> dict[int, str]:
        """The conversations that these digests stand for."""
        return await self._store.conversation_ids(day_of(period.start), day_of(period.end), digests)

    async def waiting(self) -> int:
        """How many drafts wait for a person now."""
        return await self._queue_length()

    def _parts(self, rows: Rows, edges: list[Any]) -> list[Counting]:
        cuts = np.searchsorted(rows["at"], [millis(edge) for edge in edges])
        return [Counting(rows[a:b], self._store.names) for a, b in itertools.pairwise(cuts)]

    async def _both(self, period: Period, chosen: Filter) -> tuple[Counting, Counting]:
        await self._settled(period)
        before, names = period.before, self._store.names
        rows = await self._store.rows(day_of(before.start), day_of(period.end))

        def chosen_of(part: Period) -> Counting:
            return Counting(selected(within(rows, part), chosen, names), names)

        return await asyncio.to_thread(lambda: (chosen_of(period), chosen_of(before)))

    async def _rows(self, period: Period) -> Rows:
        await self._settled(period)
        rows = await self._store.rows(day_of(period.start), day_of(period.end))
        return within(rows, period)

    async def _settled(self, period: Period) -> None:
        if self._drain is None or period.end < self._clock.now() - timedelta(minutes=1):
            return
        try:
            async with asyncio.timeout(FRESH_SECONDS):
                await self._drain()
        except TimeoutError:
            pass  # under load the newest second is missing, for a second


SERIES = (
    "conversations",
    "answers_alone",
    "answers_reviewed",
    "answers_person",
    "first_answer_p50",
    "first_answer_p90",
    "approval_p50",
    "approved",
    "edited",
    "rejected",
    "expired",
    "rating_mean",
    "missing",
)
"""The metrics that the dashboard draws over time."""

WAITS = (0, 1, 3, 10, 30, 60, 300, 900, 3600, 14400)
"""Where the bars of the distribution of first answers begin, in seconds."""
