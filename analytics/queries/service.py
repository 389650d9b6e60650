"""The analytics service: supervisors' questions about the facts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from analytics.facts.columns import day_of, moment
from analytics.facts.counting import Counting, Filter, Part, selected
from analytics.facts.model import Kind
from analytics.facts.periods import Interval, Period, period_of
from analytics.facts.store import FactStore
from analytics.facts.tables import Facts, Table
from analytics.queries.measures import agents, hours_of_week, summary, weekly_hours
from analytics.queries.series import BEHIND, METRICS
from core.accounts.roles import Action, User
from core.clock import Clock
from core.errors import BadInput
from core.rag.llm.budget import Spent
from core.web.http.responses import iso

SHOWN = 200  #: conversations behind a number

QueueLength = Callable[[], Awaitable[int]]
ModelCalls = Callable[[], Awaitable[Sequence[Spent]]]
"""How often models were asked today: in all first, then by topic."""
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
        model_calls: ModelCalls | None = None,
    ) -> None:
        self.zone = zone
        self._store = store
        self._clock = clock
        self._queue_length = queue_length
        self._drain = drain
        self._model_calls = model_calls

    def period(self, start: str | None, end: str | None, *, days: int = 7) -> Period:
        """The period a request names. Raises BadInput."""
        return period_of(start, end, zone=self.zone, now=self._clock.now(), days=days)

    def days(self, first: date, last: date) -> Period:
        """These days of the reports' time zone, both included; what is open is known as open."""
        return Period.of_days(first, last, self.zone, now=self._clock.now())

    async def summary(self, user: User, period: Period, chosen: Filter) -> dict[str, Any]:
        """All measures, with those of the period before beside them."""
        user.require(Action.DASHBOARD_READ)
        facts = await self._facts(period, with_before=True)
        # Counting a year takes long enough for a customer to notice, so it leaves the loop.
        counted = await asyncio.to_thread(self._summed, facts, period, chosen)
        return {**counted, **await self._now()}

    async def timeseries(
        self, user: User, metric: str, interval: Interval, period: Period, chosen: Filter
    ) -> dict[str, Any]:
        """One metric, point by point. Raises BadInput for a metric nobody knows."""
        user.require(Action.DASHBOARD_READ)
        if metric not in METRICS:
            raise BadInput(f"There is no metric {metric[:40]!r}; there are: {', '.join(METRICS)}.")
        edges = period.buckets(interval)
        facts = await self._facts(period)

        def counted() -> list[dict[str, Any]]:
            kept = self._selected(facts, period, chosen).facts
            return [
                {"at": iso(edge), "value": METRICS[metric](Counting(part, self._store.names))}
                for edge, part in zip(edges, kept.cut(edges), strict=False)
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
        user.require(Action.DASHBOARD_READ)
        edges = period.buckets(interval)
        facts = await self._facts(period, with_before=True)

        def counted() -> dict[str, Any]:
            return {
                **self._summed(facts, period, chosen),
                "interval": interval.value,
                **self._drawn(facts, edges, period, chosen),
            }

        found = await asyncio.to_thread(counted)
        return {**found, **await self._now()}

    async def _now(self) -> dict[str, Any]:
        """What is so at this moment, whatever the period: who waits, what the model has cost."""
        calls = await self._model_calls() if self._model_calls is not None else ()
        return {
            "queue": {"waiting": await self._queue_length()},
            "model_calls": [
                {
                    "topic": spent.topic,
                    "calls": spent.calls,
                    "quoted": spent.quoted,
                    "held": spent.held,
                    "soft": spent.allowance.soft,
                    "hard": spent.allowance.hard,
                    "next": spent.ruling.name.lower(),
                }
                for spent in calls
            ],
        }

    def _summed(self, facts: Facts, period: Period, chosen: Filter) -> dict[str, Any]:
        """The summary without what is now; pure counting."""
        now = self._selected(facts, period, chosen)
        before = self._selected(facts, period.before, chosen)
        return {
            "from": iso(period.start),
            "to": iso(period.end),
            "zone": str(self.zone),
            "filter": {"channel": chosen.channel, "agent": chosen.agent, "topic": chosen.topic},
            **summary(now),
            "agents": agents(now),
            "previous": {
                "from": iso(period.before.start),
                "to": iso(period.before.end),
                **summary(before),
            },
        }

    def _drawn(
        self, facts: Facts, edges: Sequence[datetime], period: Period, chosen: Filter
    ) -> dict[str, Any]:
        """What the charts show; pure counting."""
        every = self._selected(facts, period, chosen)
        series = []
        for edge, part in zip(edges, every.facts.cut(edges), strict=False):
            counting = Counting(part, self._store.names)
            series.append({"at": iso(edge), **{name: METRICS[name](counting) for name in SERIES}})
        waits = every.of(Kind.FIRST_ANSWER)["value"]
        counts = np.histogram(waits, bins=[*WAITS, np.inf])[0]
        choices = self._selected(facts, period, Filter())
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
        self, user: User, metric: str, period: Period, chosen: Filter, part: Part | None = None
    ) -> tuple[list[Behind], int]:
        """The conversations a number counts, latest first, and how many there are."""
        user.require(Action.DASHBOARD_READ)
        if metric not in BEHIND:
            raise BadInput(f"There is no list for {metric[:40]!r}.")
        kind, label = BEHIND[metric]
        counting = await self.counting(period, chosen)
        found = counting.of(kind, label)
        if part is not None:
            found = await asyncio.to_thread(self._part, found, part, period)
        places, first, counts = np.unique(
            found["conversation"][::-1], return_index=True, return_counts=True
        )
        latest = np.argsort(first)[:SHOWN]
        digests = counting.facts.digests[places[latest]].tolist()
        at = found["at"][::-1][first[latest]].tolist()
        ids = await self.ids(period, digests)
        shown = [
            Behind(conversation_id=ids[digest], at=iso(moment(ms)), times=times)
            for digest, ms, times in zip(digests, at, counts[latest].tolist(), strict=True)
            if digest in ids
        ]
        return shown, len(places)

    async def counting(self, period: Period, chosen: Filter | None = None) -> Counting:
        """The facts of a period, for those who count by themselves (reports, gaps)."""
        facts = await self._facts(period)
        return await asyncio.to_thread(self._selected, facts, period, chosen or Filter())

    async def ids(self, period: Period, digests: Sequence[int]) -> dict[int, str]:
        """The conversations that these digests stand for."""
        return await self._store.conversation_ids(day_of(period.start), day_of(period.end), digests)

    async def waiting(self) -> int:
        """How many drafts wait for a person now."""
        return await self._queue_length()

    def _selected(self, facts: Facts, period: Period, chosen: Filter) -> Counting:
        names = self._store.names
        return Counting(selected(facts.within(period), chosen, names), names)

    def _part(self, table: Table, part: Part, period: Period) -> Table:
        for field, name in (("label", part.label), ("locale", part.locale)):
            if name:
                table = table.only(table[field] == self._store.names.find(name))
        if part.least is not None:
            table = table.only(table["value"] >= part.least)
        if part.below is not None:
            table = table.only(table["value"] < part.below)
        if part.hour_of_week is not None:
            table = table.only(hours_of_week(table["at"], period) == part.hour_of_week)
        return table

    async def _facts(self, period: Period, *, with_before: bool = False) -> Facts:
        await self._settled(period)
        start = period.before.start if with_before else period.start
        return await self._store.facts(day_of(start), day_of(period.end))

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
