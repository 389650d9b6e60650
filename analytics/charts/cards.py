"""The dashboard's cards, and numbers formatted for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

BEHIND = "/console/dashboard/conversations?"

Text = Callable[..., str]
"""`t(name, **values)` of one language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One number with its change against the period before."""

    name: str
    label: str
    value: str
    note: str  #: how many it is a share of; "" when the number needs no more
    before: str  #: what it was in the period before, "" when there is nothing to compare with
    change: str  #: "+12 %", "" when there is nothing to compare with
    mood: str  #: "good", "bad" or ""
    direction: str  #: "up", "down" or ""
    href: str


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
                note=_alone_of(found["answers"], t) if name == "alone" else "",
                before=t("analytics.before", value=write(then)) if then else "",
                change=change,
                mood=mood,
                direction=direction,
                href=BEHIND + urlencode({**query, "metric": behind}),
            )
        )
    return shown


def headline(found: Mapping[str, Any], t: Text, *, waits: bool) -> str:
    """How many of all were answered alone, and how many wait: "62 of 151 …; 73 waiting".

    All are the answers that were given, and with `waits` those that people still have to give:
    who waits now can be counted only of a period that is not over, and of everything.
    """
    answers = found["answers"]
    waiting = found["queue"]["waiting"] if waits else 0
    whole = answers["total"] + waiting
    if not whole:
        return ""
    by_people = answers["reviewed"] + answers["person"]
    name = "headline" if waits else "headline_over"
    return t(
        f"analytics.{name}",
        alone=number(answers["alone"]),
        whole=number(whole),
        people=number(by_people),
        waiting=number(waiting),
    )


def _alone_of(answers: Mapping[str, Any], t: Text) -> str:
    # Who still waits for a person is no answer yet: all of two may be 100 % while ten wait.
    if not answers["total"]:
        return ""
    return t("analytics.alone_of", alone=number(answers["alone"]), answers=number(answers["total"]))


def day_name(day: date, t: Text) -> str:
    """Nov 22, 11월 22일."""
    return t(
        "analytics.day_format",
        month_name=t(f"analytics.months.{day.month}"),
        month=day.month,
        day=day.day,
    )
