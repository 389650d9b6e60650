"""The dashboard's and the reports' API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from analytics.facts.counting import Filter
from analytics.facts.periods import Interval
from analytics.queries.service import Analytics
from core.accounts.roles import Action
from core.web.http.responses import json_answer
from core.web.http.routing import Fields, Route, current_user, query_of


class PeriodQuery(Fields):
    """A stretch of time and what to count in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: str | None = Field(default=None, alias="from", max_length=40)
    to: str | None = Field(default=None, max_length=40)
    channel: str = Field(default="", max_length=200)
    agent: str = Field(default="", max_length=200)
    topic: str = Field(default="", max_length=200)

    def chosen(self) -> Filter:
        """The filter it names."""
        return Filter(channel=self.channel, agent=self.agent, topic=self.topic)


class SeriesQuery(PeriodQuery):
    """The query for one measure over time, at steps."""

    metric: str = Field(default="conversations", max_length=60)
    interval: Interval = Interval.DAY


class Summary(BaseModel):
    """All measures of a period; docs/metrics.md defines each."""

    model_config = ConfigDict(extra="allow")

    from_: str = Field(alias="from")
    to: str
    zone: str
    conversations: int
    previous: dict[str, Any]


class Point(BaseModel):
    """One point of a time series; null where nothing was measured."""

    at: str
    value: float | None


class Series(BaseModel):
    """One measure over time."""

    model_config = ConfigDict(extra="allow")

    metric: str
    interval: str
    zone: str
    points: list[Point]


class DashboardRoutes:
    """`/api/dashboard/…`."""

    def __init__(self, analytics: Analytics) -> None:
        self._analytics = analytics

    def routes(self) -> Sequence[Route]:
        """Summary and time series."""
        return (
            Route(
                method="GET",
                path="/api/dashboard/summary",
                dear=True,
                handler=self.summary,
                action=Action.DASHBOARD_READ,
                summary="All measures of a period, with those of the period before",
                query=PeriodQuery,
                responses={200: Summary},
            ),
            Route(
                method="GET",
                path="/api/dashboard/timeseries",
                dear=True,
                handler=self.timeseries,
                action=Action.DASHBOARD_READ,
                summary="One measure over time",
                query=SeriesQuery,
                responses={200: Series},
            ),
        )

    async def summary(self, request: web.Request) -> web.StreamResponse:
        """GET /api/dashboard/summary."""
        query = query_of(request, PeriodQuery)
        period = self._analytics.period(query.from_, query.to)
        return json_answer(
            await self._analytics.summary(current_user(request), period, query.chosen())
        )

    async def timeseries(self, request: web.Request) -> web.StreamResponse:
        """GET /api/dashboard/timeseries."""
        query = query_of(request, SeriesQuery)
        period = self._analytics.period(query.from_, query.to)
        return json_answer(
            await self._analytics.timeseries(
                current_user(request), query.metric, query.interval, period, query.chosen()
            )
        )
