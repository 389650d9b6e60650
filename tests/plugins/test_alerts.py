"""A trouble of a channel is told once, and its end once, however often it comes and goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from plugins.alerts import Courses
from plugins.host.host import Plugin
from plugins.host.states import State, Status, Wanted
from plugins.registry.catalog import Found, Origin
from plugins.registry.store import Choice

BEGAN = datetime(2026, 11, 30, 12, tzinfo=UTC)


def _plugin(state: State, *, hears: bool = True, enabled: bool = True) -> Plugin:
    return Plugin(
        found=Found(id="sms", origin=Origin.FOLDER, where=""),
        choice=Choice(id="sms"),
        wanted=Wanted(enabled=enabled),
        status=Status(state=state, since=BEGAN, hears=hears, reason="Twilio is away."),
    )


def _told(courses: Courses, course: list[tuple[int, State]], *, hears: bool = True) -> list[str]:
    told = []
    for seconds, state in course:
        now = BEGAN + timedelta(seconds=seconds)
        told += [a.name for a in courses.look([_plugin(state, hears=hears)], now)]
    return told


def test_what_ran_and_runs_no_more_is_told_at_once_and_its_return_after_a_minute() -> None:
    courses = Courses()
    assert _told(courses, [(0, State.RUNNING), (60, State.RETRYING)]) == ["down"]
    assert _told(courses, [(62, State.RETRYING), (70, State.RUNNING), (100, State.RUNNING)]) == []
    assert _told(courses, [(131, State.RUNNING)]) == ["up"]
    assert _told(courses, [(300, State.RUNNING)]) == []


def test_coming_and_going_is_one_trouble() -> None:
    courses = Courses()
    states = [(n * 10, State.RETRYING if n % 2 else State.RUNNING) for n in range(30)]
    assert _told(courses, states) == ["down"]
    assert _told(courses, [(300, State.RUNNING), (400, State.RUNNING)]) == ["up"]


def test_a_start_has_half_a_minute() -> None:
    courses = Courses()
    assert _told(courses, [(0, State.STARTING), (5, State.RETRYING), (20, State.RETRYING)]) == []
    assert _told(courses, [(40, State.RETRYING)]) == ["down"]
    quick = Courses()
    early = [(0, State.RETRYING), (10, State.RUNNING), (100, State.RUNNING)]
    assert _told(quick, early) == []


def test_what_hears_nothing_either_is_told_so_and_what_is_switched_off_is_no_trouble() -> None:
    courses = Courses()
    assert _told(courses, [(0, State.RUNNING), (9, State.BROKEN)], hears=False) == ["deaf"]
    assert courses.look([_plugin(State.DISABLED, enabled=False)], BEGAN) == []
    assert _told(courses, [(60, State.RUNNING), (200, State.RUNNING)]) == []
