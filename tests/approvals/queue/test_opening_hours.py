"""Opening hours: nights, holidays, lunch, and the two odd nights of the year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from approvals.queue.opening_hours import Hours
from core.errors import SetupError

OFFICE = "mon-fri 09:00-18:00"


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_hours_people_are_always_there() -> None:
    hours = Hours.parse("")
    now = at("2026-03-01T03:00")
    assert hours.is_open(now)
    assert hours.opens_at(now) == now
    assert hours.closes_at(now) is None
    assert hours.deadline(now, 90) == now + timedelta(seconds=90)
    assert hours.worked(now, now + timedelta(days=2)) == 172_800


def test_the_clock_stands_still_over_night() -> None:
    hours = Hours.parse(OFFICE)
    assert hours.deadline(at("2026-03-02T17:50"), 1200) == at("2026-03-03T09:10")
    assert hours.worked(at("2026-03-02T17:50"), at("2026-03-03T09:10")) == 1200


def test_the_clock_stands_still_over_the_weekend_and_a_holiday() -> None:
    hours = Hours.parse(OFFICE, holidays="2026-03-09")
    friday = at("2026-03-06T17:55")
    assert hours.deadline(friday, 600) == at("2026-03-10T09:05")
    assert not hours.is_open(at("2026-03-09T10:00"))
    assert hours.opens_at(at("2026-03-06T18:00")) == at("2026-03-10T09:00")


def test_the_first_second_is_open_and_the_last_is_closed() -> None:
    hours = Hours.parse(OFFICE)
    assert hours.is_open(at("2026-03-02T09:00"))
    assert not hours.is_open(at("2026-03-02T18:00"))
    assert hours.closes_at(at("2026-03-02T12:00")) == at("2026-03-02T18:00")


def test_lunch_is_closed() -> None:
    hours = Hours.parse("mon-fri 09:00-12:00, 13:00-18:00; sat 10:00-14:00")
    assert not hours.is_open(at("2026-03-02T12:30"))
    assert hours.deadline(at("2026-03-02T11:50"), 1200) == at("2026-03-02T13:10")
    assert hours.is_open(at("2026-03-07T13:59"))


def test_a_night_shift_runs_into_the_next_day() -> None:
    hours = Hours.parse("fri 22:00-06:00")
    assert hours.is_open(at("2026-03-07T05:59"))
    assert not hours.is_open(at("2026-03-07T06:00"))
    assert hours.closes_at(at("2026-03-06T23:00")) == at("2026-03-07T06:00")


def test_days_that_touch_at_midnight_are_one_span() -> None:
    hours = Hours.parse("mon-tue 00:00-24:00")
    assert hours.closes_at(at("2026-03-02T10:00")) == at("2026-03-04T00:00")


def test_a_span_may_go_over_the_end_of_the_week() -> None:
    assert Hours.parse("fri-mon 09:00-10:00").weekly.keys() == {4, 5, 6, 0}


def test_opening_hours_are_local_in_summer_and_in_winter() -> None:
    hours = Hours.parse(OFFICE, zone="Europe/Berlin")
    assert hours.opens_at(at("2026-01-12T00:00")) == at("2026-01-12T08:00")
    assert hours.opens_at(at("2026-07-13T00:00")) == at("2026-07-13T07:00")


def test_the_night_that_loses_an_hour_is_an_hour_shorter() -> None:
    hours = Hours.parse("sun 00:00-24:00", zone="Europe/Berlin")
    # In the night to 29 March 2026 clocks jump from 02:00 to 03:00.
    assert hours.worked(at("2026-03-28T12:00"), at("2026-03-30T12:00")) == 23 * 3600
    assert hours.worked(at("2026-10-24T12:00"), at("2026-10-26T12:00")) == 25 * 3600


def test_a_deadline_over_the_change_of_clocks_counts_real_seconds() -> None:
    hours = Hours.parse("sat-mon 09:00-17:00", zone="Europe/Berlin")
    assert hours.deadline(at("2026-03-28T15:30"), 3600) == at("2026-03-29T07:30")


def test_a_desk_that_never_opens_still_gives_an_answer() -> None:
    hours = Hours.parse("mon 09:00-10:00", holidays="")
    closed = Hours(zone=hours.zone, weekly={9: ((0, 1),)})
    now = at("2026-03-02T09:00")
    assert closed.opens_at(now) > now + timedelta(days=300)
    assert closed.deadline(now, 60) > now + timedelta(days=300)
    assert closed.closes_at(now) is None


@pytest.mark.parametrize(
    ("text", "zone", "holidays"),
    [
        ("mon", "UTC", ""),
        ("mon 9-18", "UTC", ""),
        ("xyz 09:00-18:00", "UTC", ""),
        ("mon 09:00-25:00", "UTC", ""),
        ("mon 09:60-10:00", "UTC", ""),
        ("mon 09:00-09:00", "UTC", ""),
        ("", "Mars/Base", ""),
        ("", "", ""),
        ("", "../etc", ""),
        ("", "UTC", "Christmas"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(text: str, zone: str, holidays: str) -> None:
    with pytest.raises(SetupError) as told:
        Hours.parse(text, zone=zone, holidays=holidays)
    assert told.value.detail.endswith(".")
