"""The dashboard's charts as rows, and as tables with links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from analytics.charts.cards import BEHIND, Text, day_name, number
from analytics.facts.periods import Interval

STACKS: Mapping[str, Sequence[tuple[str, str]]] = {
    "volume": (("conversations", ""),),
    "answers": (
        ("answers_alone", "alone"),
        ("answers_reviewed", "reviewed"),
        ("answers_person", "person"),
    ),
    "speed": (("first_answer_p50", "p50"), ("first_answer_p90", "p90")),
    "decisions": (
        ("approved", "approved"),
        ("edited", "edited"),
        ("rejected", "rejected"),
        ("expired", "expired"),
    ),
}

LISTS: Mapping[str, str] = {"first_answer_p50": "first_answer", "first_answer_p90": "first_answer"}
"""The lists behind a series that bears another name."""

Query = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A number in a table, as it is read, as it is, and the conversations behind it."""

    text: str
    value: float | None
    href: str  #: "" when there is nobody behind it


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a table."""

    label: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart: rows for drawing, and the same as a table."""

    name: str
    title: str
    rows: list[dict[str, Any]]
    head: list[str]
    table: list[Line]
    empty: bool
    csv: str


def charts(found: Mapping[str, Any], query: Query, zone: ZoneInfo, t: Text) -> list[Chart]:
    """Every chart of the page, in order."""
    times = labels([p["at"] for p in found["series"]], Interval(found["interval"]), zone, t)
    made = [_over_time(name, found, times, query, t) for name in STACKS]
    return [*made, _waits(found, query, t), _heat(found, query, t)]


def labels(moments: Sequence[str], interval: Interval, zone: ZoneInfo, t: Text) -> list[str]:
    """What stands under each point; no two are the same, or they would be drawn as one."""
    local = [datetime.fromisoformat(at).astimezone(zone) for at in moments]
    one_day = len({at.date() for at in local}) == 1
    names = [_label(at, interval, t, one_day=one_day) for at in local]
    if len({at.year for at in local}) > 1 and interval is not Interval.MONTH:
        names = [
            t("analytics.year_format", day=name, year=at.year)
            for name, at in zip(names, local, strict=True)
        ]
    often = Counter(names)
    # The hour that comes twice when clocks go back.
    return [
        f"{name} ({at:%Z})" if often[name] > 1 else name
        for name, at in zip(names, local, strict=True)
    ]


def _label(local: datetime, interval: Interval, t: Text, *, one_day: bool) -> str:
    match interval:
        case Interval.HOUR:
            hour = f"{local:%H:%M}"
            return hour if one_day else f"{day_name(local.date(), t)} {hour}"
        case Interval.MONTH:
            return t(
                "analytics.month_format",
                month_name=t(f"analytics.months.{local.month}"),
                month=local.month,
                year=local.year,
            )
        case _:
            return day_name(local.date(), t)


def _over_time(
    name: str, found: Mapping[str, Any], times: Sequence[str], query: Query, t: Text
) -> Chart:
    series = found["series"]
    titles = {
        metric: t(f"analytics.series.{title}") if title else t("analytics.charts.volume")
        for metric, title in STACKS[name]
    }
    rows = [
        # A line breaks where nothing was measured; a bar is simply not there.
        {"label": text, "value": point[metric], "series": title, "order": order}
        for order, (metric, title) in enumerate(titles.items())
        for text, point in zip(times, series, strict=True)
    ]
    ends = [*(point["at"] for point in series[1:]), found["to"]]
    table = []
    for text, point, end in zip(times, series, ends, strict=True):
        stretch = {"since": point["at"], "until": end}
        cells = [
            _cell(point[metric], query, metric=LISTS.get(metric, metric), **stretch)
            for metric in titles
        ]
        table.append(Line(label=text, cells=cells))
    return _chart(name, rows, [t("analytics.columns.time"), *titles.values()], table, query, t)


def _waits(found: Mapping[str, Any], query: Query, t: Text) -> Chart:
    names = [_wait_label(w["from"], t) for w in found["waits"]]
    rows = [
        {"label": name, "value": w["count"]} for name, w in zip(names, found["waits"], strict=True)
    ]
    table = []
    for n, (name, wait) in enumerate(zip(names, found["waits"], strict=True)):
        span = {"metric": "first_answer", "least": str(wait["from"])}
        if n + 1 < len(names):
            span["below"] = str(found["waits"][n + 1]["from"])
        table.append(Line(label=name, cells=[_cell(wait["count"], query, **span)]))
    head = [t("analytics.columns.seconds"), t("analytics.columns.count")]
    return _chart("waits", rows, head, table, query, t)


def _heat(found: Mapping[str, Any], query: Query, t: Text) -> Chart:
    days = [t(f"analytics.weekdays.{n}") for n in range(7)]
    hours = [f"{h:02}" for h in range(24)]
    rows = [
        {"day": day, "hour": hour, "value": found["heat"][d][h]}
        for d, day in enumerate(days)
        for h, hour in enumerate(hours)
    ]
    table = [
        Line(
            label=day,
            cells=[
                _cell(count, query, metric="messages", weekday=str(d), hour=str(h))
                for h, count in enumerate(found["heat"][d])
            ],
        )
        for d, day in enumerate(days)
    ]
    return _chart("heat", rows, [t("analytics.columns.day"), *hours], table, query, t)


def _cell(value: float | None, query: Query, **which: str) -> Cell:
    href = BEHIND + urlencode({**query, **which}) if value else ""
    return Cell(text=number(value), value=value, href=href)


def _chart(
    name: str,
    rows: list[dict[str, Any]],
    head: list[str],
    table: list[Line],
    query: Query,
    t: Text,
) -> Chart:
    return Chart(
        name=name,
        title=t(f"analytics.charts.{name}"),
        rows=rows,
        head=head,
        table=table,
        empty=not any(row["value"] for row in rows),
        csv=f"/console/dashboard/{name}.csv?" + urlencode(query),
    )


def _wait_label(seconds: int, t: Text) -> str:
    if not seconds:
        return "<" + t("analytics.seconds", n="1")
    if seconds < 60:
        return "≥" + t("analytics.seconds", n=str(seconds))
    if seconds < 3600:
        return "≥" + t("analytics.minutes", n=str(seconds // 60))
    return "≥" + t("analytics.hours", n=str(seconds // 3600))
