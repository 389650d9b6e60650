"""The dashboard's charts and links: no two points alike, every number leads to who is behind it."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest

from analytics.charts.cards import cards
from analytics.charts.rows import Chart, charts, labels
from analytics.dashboard.pages import BehindQuery
from analytics.facts.counting import Filter
from analytics.facts.model import Fact, Kind
from analytics.facts.periods import Interval, Period
from analytics.queries.series import BEHIND
from core.i18n import Words
from tests.analytics.conftest import END, SUPERVISOR, Past
from tests.support.world import LOCALES

WORDS = Words.load(LOCALES)


def t(name: str, /, **values: object) -> str:
    return WORDS.text(name, "en", **values)


def at(*edges: datetime) -> list[str]:
    return [edge.isoformat() for edge in edges]


def test_the_hour_that_comes_twice_is_drawn_twice() -> None:
    zone = ZoneInfo("Europe/Berlin")
    day = date(2026, 10, 25)
    edges = Period.of_days(day, day, zone).buckets(Interval.HOUR)[:-1]
    names = labels(at(*edges), Interval.HOUR, zone, t)
    assert len(names) == 25
    assert len(set(names)) == 25
    assert "02:00 (CEST)" in names
    assert "02:00 (CET)" in names
    assert names[0] == "00:00"


def test_the_same_week_of_two_years_is_two_points() -> None:
    zone = ZoneInfo("Asia/Seoul")
    edges = Period.of_days(date(2024, 11, 1), date(2026, 11, 20), zone).buckets(Interval.DAY)[:-1]
    names = labels(at(*edges), Interval.DAY, zone, t)
    assert len(set(names)) == len(edges)
    assert names[0] == "Nov 1, 2024"


async def plotted(past: Past, period: Period, interval: Interval) -> list[Chart]:
    board = await past.analytics().board(SUPERVISOR, period, interval, Filter(channel="web"))
    return charts(board, {"channel": "web"}, ZoneInfo("UTC"), functools.partial(t))


@pytest.mark.parametrize("interval", list(Interval))
async def test_every_number_in_a_table_leads_to_as_many(past: Past, interval: Interval) -> None:
    analytics = past.analytics()
    period = Period.of_days(date(2026, 10, 30), date(2026, 10, 31), ZoneInfo("UTC"))
    seen = 0
    for chart in await plotted(past, period, interval):
        for line in chart.table:
            for cell in line.cells:
                assert bool(cell.href) == bool(cell.value)
                if not cell.href or (chart.name == "heat" and seen > 60):
                    continue
                query = BehindQuery.model_validate(dict(parse_qsl(urlsplit(cell.href).query)))
                assert query.channel == "web"
                span = period
                if query.since:
                    span = analytics.period(query.since, query.until)
                shown, total = await analytics.behind(
                    SUPERVISOR, query.metric, span, query.chosen(), query.part()
                )
                assert total == len(shown) > 0
                if chart.name in ("volume", "waits"):
                    assert total == cell.value
                elif chart.name != "speed":
                    assert sum(b.times for b in shown) == cell.value, (chart.name, line.label)
                seen += 1
    assert seen > 20


async def test_what_has_just_happened_counts_before_it_is_written(past: Past) -> None:
    analytics = past.analytics()
    period = Period.of_days(date(2026, 11, 7), date(2026, 11, 7), ZoneInfo("UTC"))
    before = await analytics.summary(SUPERVISOR, period, Filter())
    late = datetime(2026, 11, 7, 23, 59, tzinfo=UTC)
    fact = Fact(kind=Kind.ASKED, at=late, conversation_id="new", seq=2, channel="web", locale="ko")
    past.store.gather([fact])
    now = await analytics.summary(SUPERVISOR, period, Filter())
    assert now["conversations"] == before["conversations"] + 1
    shown, _ = await analytics.behind(SUPERVISOR, "conversations", period, Filter())
    assert shown[0].conversation_id == "new"
    await past.store.flush()
    past.store.gather([fact])  # the same again, as after a crash
    await past.store.flush()
    assert await analytics.summary(SUPERVISOR, period, Filter()) == now
    assert END.date() == date(2026, 11, 8)


async def test_days_written_as_rows_before_are_still_read(past: Past) -> None:
    from analytics.facts.columns import Names, Page, day_of, to_rows
    from analytics.facts.model import RULES
    from analytics.facts.store import FactStore

    when = datetime(2026, 6, 1, 12, tzinfo=UTC)
    names = Names()
    facts = [
        Fact(kind=Kind.ASKED, at=when, conversation_id=f"old-{n}", seq=1, channel="sms", locale="")
        for n in range(3)
    ]
    page = Page.of(to_rows(facts, names), names, [f.conversation_id for f in facts])
    day = day_of(when)
    old: dict[str, Any] = {"_id": day, "v": 1, "rules": RULES, **page.document()}
    await past.db["analytics_days"].insert_one(old)
    await past.db["analytics_days"].update_one(
        {"_id": "catalog"}, {"$set": {f"days.{day}": 1}}, upsert=True
    )
    past.store = FactStore(past.db, clock=past.clock)
    period = Period.of_days(when.date(), when.date(), ZoneInfo("UTC"))
    found = await past.analytics().summary(SUPERVISOR, period, Filter(channel="sms"))
    assert found["conversations"] == 3
    shown, _ = await past.analytics().behind(SUPERVISOR, "conversations", period, Filter())
    assert {b.conversation_id for b in shown} == {"old-0", "old-1", "old-2"}


@pytest.mark.parametrize("locale", ["en", "ko"])
def test_every_list_has_a_name(locale: str) -> None:
    for metric in BEHIND:
        assert WORDS.text(f"analytics.lists.{metric}", locale)


async def test_a_share_alone_says_of_how_many_answers(past: Past) -> None:
    days = Period.of_days(date(2026, 10, 30), date(2026, 10, 31), ZoneInfo("UTC"))
    found = await past.analytics().board(SUPERVISOR, days, Interval.DAY, Filter())
    answers = found["answers"]
    assert answers["total"] > answers["alone"] > 0
    shown = {card.name: card for card in cards(found, {}, t)}
    assert shown["alone"].note == f"{answers['alone']} of the {answers['total']} sent"
    assert shown["conversations"].note == ""


async def test_a_share_of_no_answers_says_nothing(past: Past) -> None:
    days = Period.of_days(date(2020, 1, 1), date(2020, 1, 1), ZoneInfo("UTC"))
    found = await past.analytics().board(SUPERVISOR, days, Interval.DAY, Filter())
    alone = next(card for card in cards(found, {}, t) if card.name == "alone")
    assert (alone.value, alone.note) == ("–", "")


async def test_without_a_period_before_no_card_speaks_of_one(past: Past) -> None:
    first = Period.of_days(date(2026, 1, 1), date(2026, 11, 7), ZoneInfo("UTC"))
    found = await past.analytics().board(SUPERVISOR, first, Interval.MONTH, Filter())
    shown = cards(found, {}, t)
    assert any(card.value not in ("0", "–") for card in shown)
    assert {(card.before, card.change) for card in shown} == {("", "")}
