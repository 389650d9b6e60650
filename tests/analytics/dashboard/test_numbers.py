"""Every measure under every filter equals an independent count of the same events."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from analytics.facts.columns import day_of
from analytics.facts.counting import Filter
from analytics.facts.extractor import edit_distance
from analytics.facts.periods import Interval, Period, period_of
from analytics.facts.projection import rebuild
from analytics.facts.store import FactStore
from analytics.queries.series import METRICS
from core.accounts.roles import Role, User
from core.errors import BadInput, Forbidden
from tests.analytics.conftest import END, SUPERVISOR, Past
from tests.analytics.independent import chosen, distance, frame, measures, said

FILTERS = (
    Filter(),
    Filter(channel="web"),
    Filter(channel="sms"),
    Filter(agent="mina@example.com"),
    Filter(topic="billing"),
    Filter(channel="telegram", topic="returns"),
    Filter(channel="web", agent="leo@example.com", topic="shipping"),
    Filter(channel="pigeon"),
)


def a_period(zone: str = "UTC") -> Period:
    """Nine days and some hours, which begin and end in the middle of an hour."""
    start = datetime(2026, 10, 24, 7, 23, 11, tzinfo=UTC)
    return Period(start=start, end=start + timedelta(days=9, hours=5.3), zone=ZoneInfo(zone))


def top(counts: dict[str, int]) -> list[int]:
    """The ten highest counts; names with the same count may stand in any order."""
    return sorted(counts.values(), reverse=True)[:10]


async def test_numbers_equal_an_independent_count(past: Past) -> None:
    analytics, table, period = past.analytics(), frame(past.commits), a_period()
    for wish in FILTERS:
        part = chosen(
            table,
            period.start,
            period.end,
            channel=wish.channel,
            agent=wish.agent,
            topic=wish.topic,
        )
        found = await analytics.summary(SUPERVISOR, period, wish)
        ours, theirs = said(found), measures(part)
        assert top(ours.pop("used")) == top(theirs.pop("used")), wish
        for name, value in theirs.items():
            assert ours[name] == pytest.approx(value), (wish, name)
        before = chosen(
            table,
            period.before.start,
            period.before.end,
            channel=wish.channel,
            agent=wish.agent,
            topic=wish.topic,
        )
        previous, expected = said(found["previous"]), measures(before)
        assert previous["conversations"] == expected["conversations"]
        assert previous["decisions"] == expected["decisions"]
    assert (await analytics.summary(SUPERVISOR, period, Filter()))["conversations"] > 100


async def test_agents_add_up(past: Past) -> None:
    analytics, period = past.analytics(), a_period()
    found = await analytics.summary(SUPERVISOR, period, Filter())
    part = chosen(frame(past.commits), period.start, period.end)
    decided = part[part.kind == "review_decided"]
    assert {a["agent"]: a["decisions"] for a in found["agents"]} == (
        decided.groupby("agent").size().to_dict()
    )
    assert found["queue"] == {"waiting": 7}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Seoul", "Asia/Kolkata"])
async def test_days_are_those_of_the_zone(past: Past, zone: str) -> None:
    analytics, where = past.analytics(zone), ZoneInfo(zone)
    period = Period.of_days(date(2026, 10, 22), date(2026, 10, 30), where)
    found = await analytics.timeseries(
        SUPERVISOR, "messages", Interval.DAY, period, Filter(channel="web")
    )
    part = chosen(frame(past.commits), period.start, period.end, channel="web")
    asked = part[part.kind == "received"]
    by_day = pd.DatetimeIndex(asked["at"]).tz_convert(zone).strftime("%Y-%m-%d").value_counts()
    points = {
        datetime.fromisoformat(p["at"]).astimezone(where).date().isoformat(): p["value"]
        for p in found["points"]
    }
    assert {day: n for day, n in points.items() if n} == by_day.to_dict()
    assert len(points) == 9


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
async def test_the_week_is_read_from_clocks_on_the_wall(past: Past, zone: str) -> None:
    analytics = past.analytics(zone)
    period = Period.of_days(date(2026, 10, 20), date(2026, 11, 7), ZoneInfo(zone))
    board = await analytics.board(SUPERVISOR, period, Interval.DAY, Filter())
    part = chosen(frame(past.commits), period.start, period.end)
    local = pd.DatetimeIndex(part[part.kind == "received"]["at"]).tz_convert(zone)
    expected = pd.crosstab(local.day_of_week, local.hour)
    for (day, hour), count in expected.stack().items():  # type: ignore[misc]
        assert board["heat"][day][hour] == count
    assert sum(map(sum, board["heat"])) == len(local)


def test_the_day_when_clocks_go_back_has_25_hours() -> None:
    zone = ZoneInfo("Europe/Berlin")
    day = date(2026, 10, 25)
    autumn = Period.of_days(day, day, zone)
    assert autumn.end - autumn.start == timedelta(hours=25)
    assert len(autumn.buckets(Interval.HOUR)) == 26
    spring = Period.of_days(date(2026, 3, 29), date(2026, 3, 29), zone)
    assert len(spring.buckets(Interval.HOUR)) == 24
    assert autumn.before.end - autumn.before.start == timedelta(hours=24)


def test_periods_are_checked() -> None:
    zone = ZoneInfo("Asia/Seoul")
    now = datetime(2026, 11, 22, 18, tzinfo=UTC)
    week = period_of(None, None, zone=zone, now=now)
    assert week.start == datetime(2026, 11, 16, 15, tzinfo=UTC)
    assert period_of("2026-11-20", "2026-11-21", zone=zone, now=now).start == datetime(
        2026, 11, 19, 15, tzinfo=UTC
    )
    for start, end in (("x", None), ("2026-11-23", "2026-11-22"), ("1970-01-01", None)):
        with pytest.raises(BadInput):
            period_of(start, end, zone=zone, now=now)


async def test_every_metric_over_time(past: Past) -> None:
    analytics, period = past.analytics(), a_period()
    found = await analytics.summary(SUPERVISOR, period, Filter())
    for metric in METRICS:
        series = await analytics.timeseries(SUPERVISOR, metric, Interval.DAY, period, Filter())
        assert len(series["points"]) == 10
        if metric == "answers_alone":
            assert sum(p["value"] for p in series["points"]) == found["answers"]["alone"]
    with pytest.raises(BadInput):
        await analytics.timeseries(SUPERVISOR, "x", Interval.DAY, period, Filter())
    agent = User(id="u2", email="mina@example.com", role=Role.AGENT)
    with pytest.raises(Forbidden):
        await analytics.summary(agent, period, Filter())


async def test_a_rebuild_gives_the_same_numbers(past: Past) -> None:
    analytics, period = past.analytics(), a_period()
    before = await analytics.summary(SUPERVISOR, period, Filter())
    conversations, _ = await rebuild(past.db, past.store, clock=past.clock)
    assert conversations == 400
    assert await analytics.summary(SUPERVISOR, period, Filter()) == before
    fresh = FactStore(past.db, clock=past.clock)
    rows = await fresh.facts(day_of(END - timedelta(days=21)), day_of(END))
    again = await past.store.facts(day_of(END - timedelta(days=21)), day_of(END))
    assert len(rows) == len(again)


async def test_taking_commits_in_twice_and_rolling_up_change_nothing(past: Past) -> None:
    analytics, period = past.analytics(), a_period()
    before = await analytics.summary(SUPERVISOR, period, Filter())
    await past.projection.apply(past.commits[50:400])
    assert await analytics.summary(SUPERVISOR, period, Filter()) == before
    assert await past.store.roll_up() > 15
    assert await past.db["analytics_pages"].count_documents({}) < 20
    assert await analytics.summary(SUPERVISOR, period, Filter()) == before
    await past.projection.apply(past.commits[:100])
    await past.store.roll_up(everything=True)
    other = FactStore(past.db, clock=past.clock)
    first, last = day_of(period.before.start), day_of(period.end)
    assert len(await other.facts(first, last)) == len(await past.store.facts(first, last))
    assert await analytics.summary(SUPERVISOR, period, Filter()) == before


async def test_the_conversations_behind_a_number(past: Past) -> None:
    analytics, period = past.analytics(), a_period()
    wish = Filter(channel="telegram")
    found = await analytics.summary(SUPERVISOR, period, wish)
    shown, total = await analytics.behind(SUPERVISOR, "conversations", period, wish)
    assert total == found["conversations"] == len(shown)
    known = {c.conversation_id for c in past.commits}
    assert {b.conversation_id for b in shown} <= known
    assert [b.at for b in shown] == sorted((b.at for b in shown), reverse=True)
    await past.store.roll_up(everything=True)
    assert (await analytics.behind(SUPERVISOR, "conversations", period, wish))[0] == shown


@pytest.mark.parametrize(
    ("a", "b"), [("", ""), ("a", ""), ("kitten", "sitting"), ("안녕하세요", "안녕히 가세요")]
)
def test_edit_distance(a: str, b: str) -> None:
    expected = distance(a, b) if a or b else 0.0
    assert edit_distance(a, b) == pytest.approx(expected)
