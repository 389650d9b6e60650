"""The dashboard's pages, and the files by which browsers draw its charts."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from pydantic import Field

from analytics.charts.cards import BEHIND, cards, duration, headline, number
from analytics.charts.renderer import ChartRenderer, NotDrawn
from analytics.charts.rows import Chart, charts
from analytics.dashboard.shift import Shift
from analytics.facts.counting import Filter, Part
from analytics.facts.periods import Interval, Period
from analytics.queries.service import Analytics
from config.languages import LANGUAGES
from core.accounts.roles import Action
from core.clock import Clock
from core.errors import BadInput, NotFound
from core.i18n import Words
from core.runtime.csv_export import rows_as_csv
from core.web.http.assets import FOR_EVER
from core.web.http.routing import Fields, Route, current_user, page_route, query_of
from core.web.pages import Pages

HERE = Path(__file__).parents[1]
STATIC = HERE / "static"
TEMPLATES = HERE / "templates"
PRESETS = (1, 7, 30, 90)
KEPT = ("channel", "agent", "topic")  #: filters that stay when another period is chosen
LONGEST_BACK = 400  #: of the way back that the inbox takes; an address has an end
JUST_NOW_SECONDS = 120.0
HOURLY_DAYS = 2  #: periods up to so many days are shown by the hour, unless one chooses

_page = functools.partial(page_route, action=Action.DASHBOARD_READ, dear=True)


class BoardQuery(Fields):
    """The dashboard's filters, as they stand in its address."""

    days: int | None = Field(default=None, ge=1, le=1000)
    first: str = Field(default="", max_length=10)
    last: str = Field(default="", max_length=10)
    interval: str = Field(default="", max_length=10)
    channel: str = Field(default="", max_length=200)
    agent: str = Field(default="", max_length=200)
    topic: str = Field(default="", max_length=200)

    def chosen(self) -> Filter:
        """The filter it names."""
        return Filter(channel=self.channel, agent=self.agent, topic=self.topic)

    def plain(self) -> dict[str, str]:
        """What was given, for links."""
        given = self.model_dump(include=set(BoardQuery.model_fields), exclude_none=True)
        return {name: str(value) for name, value in given.items() if value != ""}


class BehindQuery(BoardQuery):
    """The number whose conversations are listed."""

    metric: str = Field(default="conversations", max_length=60)
    since: str = Field(default="", max_length=40)
    until: str = Field(default="", max_length=40)
    label: str = Field(default="", max_length=300)
    locale: str = Field(default="", max_length=20)
    least: float | None = Field(default=None, ge=0)
    below: float | None = Field(default=None, ge=0)
    weekday: int | None = Field(default=None, ge=0, le=6)
    hour: int | None = Field(default=None, ge=0, le=23)

    def part(self) -> Part:
        """Which of the conversations behind the number."""
        at = None if self.weekday is None or self.hour is None else self.weekday * 24 + self.hour
        return Part(
            label=self.label,
            locale=self.locale,
            least=self.least,
            below=self.below,
            hour_of_week=at,
        )


class DashboardPages:
    """`/console/dashboard`."""

    def __init__(
        self,
        analytics: Analytics,
        *,
        pages: Pages,
        words: Words,
        studio: ChartRenderer,
        clock: Clock,
        shift: Shift,
    ) -> None:
        self._shift = shift
        self._analytics = analytics
        self._pages = pages
        self._words = words
        self._studio = studio
        self._clock = clock

    def routes(self) -> Sequence[Route]:
        """The page, what keeps it current, the lists behind its numbers, its files."""
        home = "/console/dashboard"
        return (
            _page(home, self.dashboard, "The dashboard", query=BoardQuery).in_menu(
                "analytics.title", 40
            ),
            _page(home + "/board", self.board, "Its numbers", query=BoardQuery, passive=True),
            _page(
                home + "/conversations",
                self.behind,
                "The conversations behind a number",
                query=BehindQuery,
            ),
            Route(
                method="GET",
                path=home + "/{chart}.csv",
                dear=True,
                handler=self.csv,
                action=Action.DASHBOARD_READ,
                summary="A chart's numbers as CSV",
                query=BoardQuery,
                hidden=True,
                media_type="text/csv",
            ),
            Route(
                method="GET",
                path="/console/charts/{version}/{name}",
                handler=self.kit,
                action=Action.DASHBOARD_READ,
                summary="What browsers draw charts by",
                hidden=True,
                media_type="*/*",
                passive=True,
            ),
        )

    async def dashboard(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard."""
        return self._pages.render(request, "analytics/dashboard.html", await self._board(request))

    async def board(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard/board: the part that changes."""
        return self._pages.render(request, "analytics/board.html", await self._board(request))

    async def behind(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard/conversations."""
        query = query_of(request, BehindQuery)
        period = self._period(query)
        if query.since or query.until:
            period = self._analytics.period(query.since, query.until)
        shown, total = await self._analytics.behind(
            current_user(request), query.metric, period, query.chosen(), query.part()
        )
        # The inbox shows who they are and what can be done; it is another slice's, so by its
        # address.
        ids = ",".join(behind.conversation_id for behind in shown)
        back = urlencode(query.plain())
        listed = {
            "ids": ids or "-",
            "about": query.metric,
            "of": str(total),
            "back": back if len(back) <= LONGEST_BACK else "",
        }
        raise web.HTTPSeeOther(f"/console/conversations?{urlencode(listed)}")

    async def csv(self, request: web.Request) -> web.StreamResponse:
        """GET /console/dashboard/{chart}.csv."""
        board = await self._board(request)
        wanted = request.match_info["chart"]
        chart: Chart | None = next((c for c in board["charts"] if c.name == wanted), None)
        if chart is None:
            raise NotFound(f"There is no chart {wanted[:40]}.")
        lines = ([line.label, *(cell.value for cell in line.cells)] for line in chart.table)
        text = rows_as_csv([chart.head, *lines])
        return web.Response(
            # Spreadsheets recognize UTF-8 by its mark.
            body=b"\xef\xbb\xbf" + text.encode(),
            headers={
                "Content-Type": "text/csv; charset=utf-8",
                "Content-Disposition": f'attachment; filename="{chart.name}.csv"',
            },
        )

    async def kit(self, request: web.Request) -> web.StreamResponse:
        """GET /console/charts/{version}/{name}."""
        name = request.match_info["name"]
        try:
            body = await self._studio.file(name)
        except NotDrawn as error:
            raise NotFound("The charts cannot be drawn here.") from error
        if body is None:
            raise NotFound(f"There is no file {name[:40]}.")
        kind = "text/javascript" if name.endswith(".js") else "application/json"
        current = request.match_info["version"] == self._studio.version
        response = web.Response(
            body=body,
            headers={
                "Content-Type": f"{kind}; charset=utf-8",
                "Cache-Control": FOR_EVER.replace("public", "private") if current else "no-cache",
            },
        )
        response.enable_compression()
        return response

    def _period(self, query: BoardQuery) -> Period:
        zone = self._analytics.zone
        now = self._clock.now()
        today = now.astimezone(zone).date()
        try:
            last = date.fromisoformat(query.last) if query.last else today
            first = (
                date.fromisoformat(query.first)
                if query.first
                else last - timedelta(days=(query.days or 7) - 1)
            )
        except (ValueError, OverflowError):
            raise BadInput("Write dates like 2026-11-22.") from None
        if first > last:
            raise BadInput("The first day must not lie after the last.")
        if (last - first).days > 1000 or not 1970 < first.year < 9000 or last.year > 9000:
            raise BadInput("At most a thousand days can be shown at once.")
        return Period.of_days(first, last, zone, now=now)

    async def _board(self, request: web.Request) -> dict[str, Any]:
        query = query_of(request, BoardQuery)
        period, locale = self._period(query), self._pages.locale(request)
        days = round((period.end - period.start) / timedelta(days=1))
        interval = _interval(query.interval, days)
        user, zone = current_user(request), self._analytics.zone
        found = await self._analytics.board(user, period, interval, query.chosen())
        kept = {k: query.plain()[k] for k in KEPT if k in query.plain()}
        t = functools.partial(_text, self._words, locale)
        return {
            "found": found,
            "cards": cards(found, query.plain(), t),
            "charts": charts(found, query.plain(), zone, t),
            "query": query.plain(),
            "kept": kept,
            "presets": PRESETS,
            "intervals": [i.value for i in Interval if not (i is Interval.HOUR and days > 40)],
            "interval": interval.value,
            "days": days,
            "first": period.start.astimezone(zone).date().isoformat(),
            "last": (period.end - timedelta(seconds=1)).astimezone(zone).date().isoformat(),
            "partial": period.end > self._clock.now(),
            "today": self._clock.now().astimezone(zone).date().isoformat(),
            "zone": str(zone),
            "headline": headline(found, t, waits=period.now is not None and not kept),
            "shift": await self._shift.now(user),
            "ago": functools.partial(_ago, t, self._clock.now()),
            "behind": lambda **which: BEHIND + urlencode({**query.plain(), **which}),
            "kit": f"/console/charts/{self._studio.version}",
            "duration": lambda seconds: duration(seconds, t),
            "number": number,
            "reason": lambda name: _reason(self._words, locale, name),
            "named": functools.partial(_named, self._words, locale),
        }


def _interval(wanted: str, days: int) -> Interval:
    if wanted:
        try:
            return Interval(wanted)
        except ValueError:
            raise BadInput("The interval is hour, day, week or month.") from None
    if days <= HOURLY_DAYS:
        return Interval.HOUR
    return Interval.DAY if days <= 62 else Interval.WEEK if days <= 370 else Interval.MONTH


def _ago(t: Callable[..., str], now: datetime, at: datetime) -> str:
    """How long ago, as people say it; under two minutes is now."""
    seconds = (now - at).total_seconds()
    if seconds < JUST_NOW_SECONDS:
        return t("analytics.shift.just_now")
    return t("analytics.shift.ago", time=duration(seconds, t))


def _text(words: Words, locale: str, name: str, /, **values: object) -> str:
    return words.text(name, locale, **values)


def _reason(words: Words, locale: str, name: str) -> str:
    return words.called("approvals.reason", name, locale).replace("_", " ")


def _named(words: Words, locale: str, field: str, name: str) -> str:
    """What people call a channel or a language; the name itself where we have no word."""
    if field == "locale":
        return LANGUAGES[name].name if name in LANGUAGES else name
    return words.called("approvals.channel", name, locale) if field == "channel" else name
