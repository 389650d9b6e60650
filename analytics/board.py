"""The dashboard as its template shows it: cards, charts with their rows, tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from analytics.periods import Interval

Text = Callable[..., str]
"""`t(name, **values)` of one language."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One number with its change against the period before."""

    name: str
    label: str
    value: str
    before: str
    change: str  #: "+12 %", "" when there is nothing to compare with
    mood: str  #: "good", "bad" or ""
    direction: str  #: "up", "down" or ""
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart: rows for drawing, and the same as a table."""

    name: str
    title: str
    rows: list[dict[str, Any]]
    head: list[str]
    table: list[list[str]]
    empty: bool
    csv: str


def duration(seconds: float | None, t: Text) -> str:
    """So that people read it at a glance: 2.3 s, 14 min, 3.5 h."""
    if seconds is None:
        return "–"
    if seconds < 90:
        return t("analytics.seconds", n=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")
    if seconds < 5400:
        return t("analytics.minutes", n=f"{seconds / 60:.0f}")
    return t("analytics.hours", n=f"{seconds / 3600:.1f}")


def percent(share: float | None) -> str:
    """A share in percent."""
    return "–" if share is None else f"{share * 100:.1f} %"


def number(value: float | None) -> str:
    """A count, or a mean."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def cards(found: Mapping[str, Any], query: Mapping[str, str], t: Text) -> list[Card]:
    """The numbers at the top."""
    before = found["previous"]

    def seconds(value: float | None) -> str:
        return duration(value, t)

    # name, how to read it, how to write it, what more of it means, the list behind it
    wanted: tuple[tuple[str, Callable[[Mapping[str, Any]], Any], Callable[..., str], int, str], ...]
    wanted = (
        ("conversations", lambda s: s["conversations"], number, 0, "conversations"),
        ("alone", lambda s: s["answers"]["alone_share"], percent, 1, "answers_alone"),
        ("first_answer", lambda s: s["first_answer_seconds"]["p50"], seconds, -1, "first_answer"),
        ("approval", lambda s: s["approval_seconds"]["p50"], seconds, -1, "decisions"),
        ("unchanged", lambda s: s["approvals"]["unchanged_share"], percent, 1, "approved"),
        ("precision", lambda s: s["precision"]["estimate"], percent, 1, "precision"),
        ("satisfied", lambda s: s["ratings"]["satisfied_share"], percent, 1, "ratings"),
        ("resolution", lambda s: s["resolution_seconds"]["p50"], seconds, -1, "resolved"),
        ("handovers", lambda s: s["handovers"], number, 0, "handovers"),
        ("reopened", lambda s: s["reopened"], number, -1, "reopened"),
        ("expired", lambda s: s["approvals"]["expired"], number, -1, "expired"),
        ("missing", lambda s: s["knowledge"]["missing"], number, -1, "missing"),
    )
    shown = []
    write: Callable[..., str]
    for name, read, write, good, behind in wanted:
        now, then = read(found), read(before)
        change, direction, mood = "", "", ""
        if now is not None and then is not None and then:
            difference = (now - then) / then
            change = f"{difference * 100:+.0f} %".replace("-", "\u2212")
            if round(difference, 2):
                direction = "up" if difference > 0 else "down"
                mood = "" if not good else "good" if (difference > 0) == (good > 0) else "bad"
        shown.append(
            Card(
                name=name,
                label=t(f"analytics.cards.{name}"),
                value=write(now),
                before=t("analytics.before", value=write(then))
                if then is not None and then
                else t("analytics.no_before"),
                change=change,
                mood=mood,
                direction=direction,
                href="/console/dashboard/conversations?" + urlencode({**query, "metric": behind}),
            )
        )
    return shown


def charts(
    found: Mapping[str, Any], query: Mapping[str, str], zone: ZoneInfo, t: Text
) -> list[Chart]:
    """Every chart of the page, in order."""
    interval = Interval(found["interval"])
    labels = [label(p["at"], interval, zone, t) for p in found["series"]]
    made = [_over_time(name, found["series"], labels, query, t) for name in STACKS]
    waits = [{"label": _wait_label(w["from"], t), "value": w["count"]} for w in found["waits"]]
    made.append(
        _chart(
            "waits",
            waits,
            [t("analytics.columns.seconds"), t("analytics.columns.count")],
            [[w["label"], number(w["value"])] for w in waits],
            query,
            t,
        )
    )
    days = [t(f"analytics.weekdays.{n}") for n in range(7)]
    heat = [
        {"day": days[d], "hour": f"{h:02}", "value": found["heat"][d][h]}
        for d in range(7)
        for h in range(24)
    ]
    hours = [f"{h:02}" for h in range(24)]
    table = [[days[d], *map(number, found["heat"][d])] for d in range(7)]
    made.append(_chart("heat", heat, [t("analytics.columns.day"), *hours], table, query, t))
    return made


def label(at: str, interval: Interval, zone: ZoneInfo, t: Text) -> str:
    """A point of time as it stands under a chart."""
    local = datetime.fromisoformat(at).astimezone(zone)
    match interval:
        case Interval.HOUR:
            return f"{day_name(local.date(), t)} {local:%H:%M}"
        case Interval.MONTH:
            return t(
                "analytics.month_format",
                month_name=t(f"analytics.months.{local.month}"),
                month=local.month,
                year=local.year,
            )
        case _:
            return day_name(local.date(), t)


def day_name(day: date, t: Text) -> str:
    """Nov 22, 11월 22일."""
    return t(
        "analytics.day_format",
        month_name=t(f"analytics.months.{day.month}"),
        month=day.month,
        day=day.day,
    )


def _over_time(
    name: str,
    series: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    query: Mapping[str, str],
    t: Text,
) -> Chart:
    rows, table, heads = [], [], []
    for order, (metric, title) in enumerate(STACKS[name]):
        words = t(f"analytics.series.{title}") if title else t("analytics.charts.volume")
        heads.append(words)
        for text, point in zip(labels, series, strict=True):
            # A line breaks where nothing was measured; a bar is simply not there.
            row = {"label": text, "value": point[metric], "series": words, "order": order}
            rows.append(row)
    for text, point in zip(labels, series, strict=True):
        table.append([text, *(number(point[metric]) for metric, _ in STACKS[name])])
    return _chart(name, rows, [t("analytics.columns.time"), *heads], table, query, t)


def _chart(
    name: str,
    rows: list[dict[str, Any]],
    head: list[str],
    table: list[list[str]],
    query: Mapping[str, str],
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
    return "≥ " + duration(float(seconds), t) if seconds else "< " + duration(1.0, t)
