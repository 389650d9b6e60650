"""Writes the daily report and the weekly digest."""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from analytics.charts.cards import Text, day_name, duration, headline, number
from analytics.charts.rows import charts
from analytics.facts.counting import Filter
from analytics.facts.periods import Interval, Period
from analytics.queries.gaps import Gap, Gaps
from analytics.queries.service import Analytics
from core.accounts.roles import Role, User
from core.i18n import Words
from core.web.http.responses import iso

REPORTER = User(id="report", email="report", role=Role.SUPERVISOR)
TOP_MISSING = 5
WEEKS_BACK = 4
UNUSUAL = 0.5  #: a number this share above or below its usual, and at least
UNUSUAL_LEAST = 5  #: so far from it, is worth a word
PICTURES = ("answers", "speed", "decisions")


Source = dict[str, Any]
"""Whose question an entry of "missing" holds: its place there, conversation and number."""


class ReportKind(enum.StrEnum):
    """The span of a report: a day or a week."""

    DAILY = "daily"
    WEEKLY = "weekly"


def period_for(kind: ReportKind, day: date, analytics: Analytics) -> Period:
    """The day, or the seven days that end with it."""
    first = day if kind is ReportKind.DAILY else day - timedelta(days=6)
    return analytics.days(first, day)


class ReportWriter:
    """Writes reports: data first, words afterwards, so that each reader has their language."""

    def __init__(self, analytics: Analytics, gaps: Gaps, words: Words) -> None:
        self._analytics = analytics
        self.gaps = gaps
        self._words = words

    async def write(self, kind: ReportKind, day: date) -> dict[str, Any]:
        """The numbers of a day or week as JSON."""
        return (await self.write_sourced(kind, day))[0]

    async def write_sourced(
        self, kind: ReportKind, day: date
    ) -> tuple[dict[str, Any], list[Source]]:
        """The same, and where the customers' words in it come from."""
        missing, sources = await self.missing(kind, day)
        return {**await self.numbers(kind, day), "missing": missing}, sources

    async def numbers(self, kind: ReportKind, day: date) -> dict[str, Any]:
        """What was counted: all of the report but the missing answers, which have to be read."""
        period = period_for(kind, day, self._analytics)
        interval = Interval.HOUR if kind is ReportKind.DAILY else Interval.DAY
        board = await self._analytics.board(REPORTER, period, interval, Filter())
        board.pop("choices")
        found = {"kind": kind.value, "date": day.isoformat(), **board}
        if period.now is not None:
            # Of a day that is not over nobody can say yet whether it was unusual.
            return {**found, "unusual": [], "until": iso(period.now)}
        return {**found, "unusual": await self._unusual(kind, day, board)}

    async def missing(
        self, kind: ReportKind, day: date
    ) -> tuple[list[dict[str, Any]], list[Source]]:
        """The answers that were missing most, and where their questions come from."""
        gaps = await self.gaps.find(period_for(kind, day, self._analytics), limit=TOP_MISSING)
        entries = [
            {"question": gap.question, "count": gap.count, "examples": gap.examples} for gap in gaps
        ]
        sources: list[Source] = [
            {"gap": number, "c": asked.conversation_id, "n": asked.seq}
            for number, gap in enumerate(gaps)
            for asked in gap.asked
        ]
        return entries, sources

    async def without(
        self, report: Mapping[str, Any], sources: Sequence[Source], gone: Sequence[Source]
    ) -> tuple[dict[str, Any], list[Source]]:
        """The report without the questions that came from there, made again from the others.

        What was counted stays counted; an entry of which no question is left goes, and those that
        held none of these stay as they are.
        """
        missing: list[dict[str, Any]] = []
        left: list[Source] = []
        for place, entry in enumerate(report["missing"]):
            own = [s for s in sources if s["gap"] == place and s not in gone]
            if any(s["gap"] == place for s in gone):
                asked = [await self.gaps.again(str(s["c"]), int(s["n"])) for s in own]
                gap = Gap(asked=[one for one in asked if one is not None])
                if not gap.asked:
                    continue
                entry = {**entry, "question": gap.question, "examples": gap.examples}
            left += [{**s, "gap": len(missing)} for s in own]
            missing.append(entry)
        return {**report, "missing": missing}, left

    async def _unusual(
        self, kind: ReportKind, day: date, board: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        if kind is ReportKind.WEEKLY:
            return []
        past = []
        for weeks in range(1, WEEKS_BACK + 1):
            period = period_for(kind, day - timedelta(weeks=weeks), self._analytics)
            past.append(await self._analytics.summary(REPORTER, period, Filter()))
        past = [p for p in past if p["conversations"]]
        if len(past) < 2:
            return []
        found = []
        for name, value, before in (
            ("conversations", board["conversations"], [p["conversations"] for p in past]),
            ("missing", board["knowledge"]["missing"], [p["knowledge"]["missing"] for p in past]),
            ("handovers", board["handovers"], [p["handovers"] for p in past]),
            ("reopened", board["reopened"], [p["reopened"] for p in past]),
            ("expired", board["approvals"]["expired"], [p["approvals"]["expired"] for p in past]),
        ):
            usual = sum(before) / len(before)
            off = abs(value - usual)
            if off >= UNUSUAL_LEAST and off > usual * UNUSUAL:
                found.append({"name": name, "value": value, "usual": round(usual, 1)})
        return found

    def text(self, locale: str) -> Text:
        """`t` of this language."""
        return functools.partial(self._text, locale)

    def _text(self, locale: str, name: str, /, **values: object) -> str:
        return self._words.text(name, locale, **values)

    def title(self, report: Mapping[str, Any], locale: str) -> str:
        """Daily report, Nov 22."""
        t = self.text(locale)
        day = day_name(date.fromisoformat(report["date"]), t)
        return t("analytics.reports.of", kind=t(f"analytics.reports.{report['kind']}"), date=day)

    def headlines(self, report: Mapping[str, Any], locale: str) -> list[str]:
        """The day in plain sentences."""
        t, r = self.text(locale), "analytics.reports."
        if not report["conversations"] and not report["answers"]["total"]:
            return [t(r + ("quiet_so_far" if report.get("until") else "quiet"))]
        before = report["previous"]["conversations"]
        is_open = bool(report.get("until"))
        what = t(r + f"what_{'day' if report['kind'] == 'daily' else 'week'}{'_so_far' * is_open}")
        if not before:
            change = t(r + "first")
        else:
            percent = round((report["conversations"] - before) / before * 100)
            name = "more" if percent > 0 else "less" if percent < 0 else "same"
            change = t(r + name, percent=abs(percent), what=what)
        lines = [t(r + "headline", conversations=number(report["conversations"]), change=change)]
        answers, wait = report["answers"], report["first_answer_seconds"]
        if is_open:
            lines += filter(None, [headline(report, t, waits=True)])
        elif answers["total"]:
            lines.append(
                t(
                    r + "answered",
                    alone=number(answers["alone"]),
                    answers=number(answers["total"]),
                    reviewed=number(answers["reviewed"]),
                    person=number(answers["person"]),
                )
            )
        if wait["count"]:
            p50, p90 = duration(wait["p50"], t), duration(wait["p90"], t)
            lines.append(t(r + "waited", p50=p50, p90=p90))
        approvals = report["approvals"]
        if approvals["decided"] or approvals["expired"]:
            lines.append(
                t(
                    r + "decided",
                    approved=number(approvals["approved"]),
                    decided=number(approvals["decided"]),
                    expired=number(approvals["expired"]),
                )
            )
        ratings = report["ratings"]
        if ratings["count"]:
            mean = f"{ratings['mean']:.1f}"
            lines.append(t(r + "rated", count=number(ratings["count"]), mean=mean))
        return lines

    def unusual(self, report: Mapping[str, Any], locale: str) -> list[str]:
        """What differed from the last four same weekdays."""
        t = self.text(locale)
        return [
            t(
                "analytics.reports.unusual_more",
                name=t(f"analytics.cards.{u['name']}"),
                value=number(u["value"]),
                usual=number(u["usual"]),
            )
            for u in report["unusual"]
        ]

    def drawings(self, report: Mapping[str, Any], locale: str) -> list[dict[str, Any]]:
        """The three charts for the studio; none of a day without anything."""
        made = charts(report, {}, self._analytics.zone, self.text(locale))
        return [
            {"name": c.name, "rows": c.rows} for c in made if c.name in PICTURES and not c.empty
        ]
