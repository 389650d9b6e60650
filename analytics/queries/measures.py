"""Every measure, as a function of facts; docs/metrics.md says the same in words."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import numpy as np

from analytics.facts.columns import DAY_MS, Column, moment
from analytics.facts.counting import Counting, mean, percentile, percentiles, share
from analytics.facts.model import Kind
from analytics.facts.periods import Period

PERCENTILES = (50, 90, 95)
TOP = 10
SATISFIED = 4  #: a rating of this or more is a good one


def _waited(c: Counting, kind: Kind) -> dict[str, float | int | None]:
    values = c.of(kind)["value"]
    found = zip(PERCENTILES, percentiles(values, PERCENTILES), strict=True)
    return {"count": len(values), **{f"p{p}": v for p, v in found}, "mean": mean(values)}


def summary(c: Counting) -> dict[str, Any]:
    """All measures of one selection."""
    alone, reviewed, person = (
        c.count(Kind.ANSWERED, how) for how in ("alone", "reviewed", "person")
    )
    answers = alone + reviewed + person
    decided = c.by("label", Kind.DECIDED)
    all_decided = sum(decided.values())
    scores = c.of(Kind.RATED)["value"]
    good = int(np.count_nonzero(scores >= SATISFIED))
    tokens = {way: float(c.of(Kind.TOKENS, way)["value"].sum()) for way in ("in", "out")}
    return {
        "conversations": c.conversations(),
        "started": c.count(Kind.STARTED),
        "messages": {
            "customer": c.count(Kind.ASKED),
            "answers": answers,
            "notices": c.count(Kind.NOTICE),
        },
        "answers": {
            "total": answers,
            "alone": alone,
            "reviewed": reviewed,
            "person": person,
            "alone_share": share(alone, answers),
        },
        "first_answer_seconds": _waited(c, Kind.FIRST_ANSWER),
        "answer_seconds": _waited(c, Kind.ANSWERED),
        "resolution_seconds": _waited(c, Kind.RESOLVED),
        "approval_seconds": _waited(c, Kind.DECIDED),
        "approvals": {
            "requested": c.count(Kind.REVIEW),
            "decided": all_decided,
            "approved": decided.get("approve", 0),
            "edited": decided.get("edit", 0),
            "rejected": decided.get("reject", 0),
            "taken_over": decided.get("take_over", 0),
            "expired": c.count(Kind.EXPIRED),
            "superseded": c.count(Kind.SUPERSEDED),
            "unchanged_share": share(decided.get("approve", 0), all_decided),
            "edit_distance": mean(c.of(Kind.EDITED)["value"]),
            "rejected_by_reason": c.by("more", Kind.DECIDED, "reject"),
            "reasons": c.by("label", Kind.REASON),
        },
        "precision": precision(c),
        "resolved": c.count(Kind.RESOLVED),
        "reopened": c.count(Kind.REOPENED),
        "handovers": c.count(Kind.TAKEN_OVER),
        "people_wanted": c.count(Kind.PERSON_WANTED),
        "ratings": {
            "count": len(scores),
            "mean": mean(scores),
            "satisfied_share": share(good, len(scores)),
            "scores": {str(s): int(np.count_nonzero(scores == s)) for s in range(1, 6)},
        },
        "knowledge": {
            # Titles that somebody wanted forgotten are empty.
            "used": dict([u for u in c.by("label", Kind.USED).items() if u[0]][:TOP]),
            "missing": c.count(Kind.MISSING),
        },
        "model": {
            "drafts": c.by("label", Kind.DRAFTED),
            "fallbacks": c.count(Kind.FELL_BACK),
            "tokens_in": tokens["in"],
            "tokens_out": tokens["out"],
        },
        "undelivered": c.count(Kind.UNDELIVERED),
        "channels": c.conversations_by("channel"),
        "languages": c.conversations_by("locale"),
        "topics": {t: n for t, n in c.by("topic", Kind.DRAFTED).items() if t},
    }


def precision(c: Counting) -> dict[str, Any]:
    """How often what was sent alone was right, by audits and by ratings."""
    rated = c.of(Kind.RATED, "alone")["value"]
    audited = c.of(Kind.AUDITED)["value"]
    good, right = int(np.count_nonzero(rated >= SATISFIED)), int(audited.sum())
    return {
        "audited": len(audited),
        "audited_right": right,
        "rated": len(rated),
        "rated_good": good,
        "estimate": share(right + good, len(audited) + len(rated)),
    }


def agents(c: Counting) -> list[dict[str, Any]]:
    """What each agent did, the busiest first."""
    acting = {n for t in c.facts.tables() for n in np.flatnonzero(np.bincount(t["agent"])).tolist()}
    table = []
    for number in sorted(acting - {0}):
        decided, answered, taken = (
            c.of(kind).only(c.of(kind)["agent"] == number)
            for kind in (Kind.DECIDED, Kind.ANSWERED, Kind.TAKEN_OVER)
        )
        how = np.bincount(decided["label"], minlength=len(c.names.texts))
        approved, edited, rejected = (
            int(how[n]) if (n := c.names.find(label)) >= 0 else 0
            for label in ("approve", "edit", "reject")
        )
        table.append(
            {
                "agent": c.names.texts[number],
                "decisions": len(decided),
                "approved": approved,
                "edited": edited,
                "rejected": rejected,
                "taken_over": len(taken),
                "answers": len(answered),
                "approval_p50": percentile(decided["value"], 50),
            }
        )
    return sorted(table, key=lambda a: (-a["decisions"] - a["answers"], a["agent"]))


def weekly_hours(c: Counting, period: Period) -> list[list[int]]:
    """Messages of customers by weekday (Monday first) and hour, as clocks there show it."""
    hours = hours_of_week(c.of(Kind.ASKED)["at"], period)
    result: list[list[int]] = np.bincount(hours, minlength=7 * 24).reshape(7, 24).tolist()
    return result


def hours_of_week(at: Column, period: Period) -> Column:
    """Weekday * 24 + hour of these moments, given by time, as clocks there show it."""
    # No zone changes its clocks within a quarter of an hour.
    every = at // 900_000
    firsts = np.flatnonzero(np.diff(every, prepend=-1))
    quarters, counts = every[firsts], np.diff(firsts, append=len(every))
    offsets: dict[int, int | None] = {}
    hours = np.zeros(len(quarters), dtype=np.int64)
    for place, quarter in enumerate(quarters.tolist()):
        ms = quarter * 900_000
        day = ms // DAY_MS
        if day not in offsets:
            first = _offset(day * DAY_MS, period)
            offsets[day] = first if first == _offset((day + 1) * DAY_MS - 1, period) else None
        offset = offsets[day]
        local = ms + (_offset(ms, period) if offset is None else offset)
        hours[place] = (local // DAY_MS + 3) % 7 * 24 + local % DAY_MS // 3_600_000
    return np.repeat(hours, counts)


def _offset(ms: int, period: Period) -> int:
    there = moment(ms).astimezone(UTC).astimezone(period.zone).utcoffset() or timedelta()
    return there // timedelta(milliseconds=1)
