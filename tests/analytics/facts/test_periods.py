"""A period that is not over is compared with as much of the one before, across clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.facts.periods import Period

BERLIN = ZoneInfo("Europe/Berlin")


def test_today_until_now_is_compared_with_yesterday_until_the_same_time() -> None:
    now = datetime(2026, 11, 10, 13, 30, tzinfo=UTC)
    today = Period.of_days(date(2026, 11, 10), date(2026, 11, 10), BERLIN, now=now)
    assert today.end - today.start == timedelta(hours=24)
    assert today.before.start == today.start - timedelta(days=1)
    assert today.before.end == now - timedelta(days=1)


def test_the_day_of_the_change_of_clocks_is_compared_by_what_clocks_show() -> None:
    # On the 25th clocks went back at 3; 10:00 there was 8:00 UTC the day before, 9:00 that day.
    now = datetime(2026, 10, 25, 9, tzinfo=UTC)
    that = Period.of_days(date(2026, 10, 25), date(2026, 10, 25), BERLIN, now=now)
    assert that.before.end == datetime(2026, 10, 24, 8, tzinfo=UTC)


def test_a_period_that_is_over_is_compared_with_the_whole_before() -> None:
    now = datetime(2026, 11, 11, tzinfo=UTC)
    week = Period.of_days(date(2026, 11, 2), date(2026, 11, 8), BERLIN, now=now)
    assert week.now is None
    assert week.before.end == week.start
    assert week.before.start == week.start - timedelta(days=7)


def test_seven_days_with_today_are_compared_with_seven_that_ended_a_week_ago() -> None:
    now = datetime(2026, 11, 10, 13, 30, tzinfo=UTC)
    week = Period.of_days(date(2026, 11, 4), date(2026, 11, 10), BERLIN, now=now)
    assert week.before.start == week.start - timedelta(days=7)
    assert week.before.end == now - timedelta(days=7)
