"""Every measure, as a function of facts; docs/metrics.md says the same in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.columns import DAY_MS, Names, Rows, millis, moment
from analytics.facts import Kind
from analytics.periods import Period

PERCENTILES = (50, 90, 95)
TOP = 10
SATISFIED = 4  #: a rating of this or more is a good one


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What to count; "" is everything."""

    channel: str = ""
    agent: str = ""
    topic: str = ""


def within(rows: Rows, period: Period) -> Rows:
    """The facts of this period."""
    start, end = np.searchsorted(rows["at"], [millis(period.start), millis(period.end)])
    return rows[start:end]


def selected(rows: Rows, chosen: Filter, names: Names) -> Rows:
    """The facts of one period that the filter keeps.

    An agent's or a topic's are those that bear its name, and of the nameless ones (what the
    customer wrote, say) those of conversations in which it occurs in the period.
    """
    if chosen.channel:
        rows = rows[rows["channel"] == names.find(chosen.channel)]
    for field, text in (("agent", chosen.agent), ("topic", chosen.topic)):
        if text:
            own = rows[field] == names.find(text)
            about = np.isin(rows["conversation"], np.unique(rows["conversation"][own]))
            rows = rows[own | ((rows[field] == 0) & about)]
    return rows


class Counting:
    """One selection, taken apart by kind once and counted many times."""

    def __init__(self, rows: Rows, names: Names) -> None:
        self.rows = rows
        self.names = names
        self._parts: dict[Kind, Rows] = {}

    def of(self, kind: Kind, label: str = "") -> Rows:
        """The facts of one kind, perhaps of one label only."""
        rows = self._parts.get(kind)
        if rows is None:
            rows = self._parts[kind] = self.rows[self.rows["kind"] == kind]
        return rows[rows["label"] == self.names.find(label)] if label else rows

    def count(self, kind: Kind, label: str = "") -> int:
        """How many."""
        return len(self.of(kind, label))

    def conversations(self, kind: Kind = Kind.ASKED) -> int:
        """In how many conversations."""
        return len(np.unique(self.of(kind)["conversation"]))

    def by(self, field: str, kind: Kind) -> dict[str, int]:
        """How many of each name, most first."""
        counts = np.bincount(self.of(kind)[field])
        pairs = [(self.names.texts[n], int(counts[n])) for n in np.flatnonzero(counts).tolist()]
        return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))

    def conversations_by(self, field: str) -> dict[str, int]:
        """In how many conversations the customer wrote, by channel or language."""
        asked = self.of(Kind.ASKED)
        names, who = asked[field], asked["conversation"]
        # One sort a name; sorting pairs is forty times slower.
        found = {
            self.names.texts[n]: len(np.unique(who[names == n]))
            for n in np.flatnonzero(np.bincount(names)).tolist()
        }
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def percentile(values: NDArray[Any], p: int) -> float | None:
    """The smallest value that p percent of all do not exceed; None of none."""
    if not len(values):
        return None
    place = max(0, -(-p * len(values) // 100) - 1)
    return float(np.partition(values, place)[place])


def _mean(values: NDArray[Any]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _waited(c: Counting, kind: Kind) -> dict[str, float | int | None]:
    values = c.of(kind)["value"]
    return {
        "count": len(values),
        **{f"p{p}": percentile(values, p) for p in PERCENTILES},
        "mean": _mean(values),
    }


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
    rated_alone = c.of(Kind.RATED, "alone")["value"]
    audited = c.of(Kind.AUDITED)["value"]
    tokens = {way: float(c.of(Kind.TOKENS, way)["value"].sum()) for way in ("in", "out")}
    rejected = c.of(Kind.DECIDED, "reject")
    numbers, counts = np.unique(rejected["more"], return_counts=True)
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
            "alone_share": _share(alone, answers),
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
            "unchanged_share": _share(decided.get("approve", 0), all_decided),
            "edit_distance": _mean(c.of(Kind.EDITED)["value"]),
            "rejected_by_reason": {
                c.names.texts[n]: int(k) for n, k in zip(numbers, counts, strict=True)
            },
            "reasons": c.by("label", Kind.REASON),
        },
        "precision": {
            "audited": len(audited),
            "audited_right": int(audited.sum()),
            "rated": len(rated_alone),
            "rated_good": int(np.count_nonzero(rated_alone >= SATISFIED)),
            "estimate": _share(
                int(audited.sum()) + int(np.count_nonzero(rated_alone >= SATISFIED)),
                len(audited) + len(rated_alone),
            ),
        },
        "resolved": c.count(Kind.RESOLVED),
        "reopened": c.count(Kind.REOPENED),
        "handovers": c.count(Kind.TAKEN_OVER),
        "people_wanted": c.count(Kind.PERSON_WANTED),
        "ratings": {
            "count": len(scores),
            "mean": _mean(scores),
            "satisfied_share": _share(good, len(scores)),
            "scores": {str(s): int(np.count_nonzero(scores == s)) for s in range(1, 6)},
        },
        "knowledge": {
            "used": dict(list(c.by("label", Kind.USED).items())[:TOP]),
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


def agents(c: Counting) -> list[dict[str, Any]]:
    """What each agent did, the busiest first."""
    acting = c.rows[c.rows["agent"] != 0]
    table = []
    for number in np.unique(acting["agent"]):
        own = Counting(acting[acting["agent"] == number], c.names)
        decided = own.by("label", Kind.DECIDED)
        table.append(
            {
                "agent": c.names.texts[number],
                "decisions": sum(decided.values()),
                "approved": decided.get("approve", 0),
                "edited": decided.get("edit", 0),
                "rejected": decided.get("reject", 0),
                "taken_over": own.count(Kind.TAKEN_OVER),
                "answers": own.count(Kind.ANSWERED),
                "approval_p50": percentile(own.of(Kind.DECIDED)["value"], 50),
            }
        )
    return sorted(table, key=lambda a: (-a["decisions"] - a["answers"], a["agent"]))


def weekly_hours(c: Counting, period: Period) -> list[list[int]]:
    """Messages of customers by weekday (Monday first) and hour, as clocks there show it."""
    grid = np.zeros((7, 24), dtype=np.int64)
    asked = c.of(Kind.ASKED)["at"]
    # No zone changes its clocks within a quarter of an hour.
    quarters, counts = np.unique(asked // 900_000, return_counts=True)
    offsets: dict[int, int | None] = {}
    for quarter, count in zip(quarters.tolist(), counts.tolist(), strict=True):
        ms = quarter * 900_000
        day = ms // DAY_MS
        if day not in offsets:
            first = _offset(day * DAY_MS, period)
            offsets[day] = first if first == _offset((day + 1) * DAY_MS - 1, period) else None
        offset = offsets[day]
        local = ms + (_offset(ms, period) if offset is None else offset)
        grid[(local // DAY_MS + 3) % 7, local % DAY_MS // 3_600_000] += count
    result: list[list[int]] = grid.tolist()
    return result


def _offset(ms: int, period: Period) -> int:
    there = moment(ms).astimezone(UTC).astimezone(period.zone).utcoffset() or timedelta()
    return there // timedelta(milliseconds=1)


Metric = Callable[[Counting], float | int | None]


def _counting(kind: Kind, label: str = "") -> Metric:
    return lambda c: c.count(kind, label)


def _percentile(kind: Kind, p: int) -> Metric:
    return lambda c: percentile(c.of(kind)["value"], p)


METRICS: Mapping[str, Metric] = {
    "conversations": lambda c: c.conversations(),
    "messages": _counting(Kind.ASKED),
    "answers": _counting(Kind.ANSWERED),
    "answers_alone": _counting(Kind.ANSWERED, "alone"),
    "answers_reviewed": _counting(Kind.ANSWERED, "reviewed"),
    "answers_person": _counting(Kind.ANSWERED, "person"),
    **{f"first_answer_p{p}": _percentile(Kind.FIRST_ANSWER, p) for p in PERCENTILES},
    **{f"resolution_p{p}": _percentile(Kind.RESOLVED, p) for p in PERCENTILES},
    **{f"approval_p{p}": _percentile(Kind.DECIDED, p) for p in PERCENTILES},
    "approvals_requested": _counting(Kind.REVIEW),
    "decisions": _counting(Kind.DECIDED),
    "approved": _counting(Kind.DECIDED, "approve"),
    "edited": _counting(Kind.DECIDED, "edit"),
    "rejected": _counting(Kind.DECIDED, "reject"),
    "expired": _counting(Kind.EXPIRED),
    "edit_distance": lambda c: _mean(c.of(Kind.EDITED)["value"]),
    "precision": lambda c: summary(c)["precision"]["estimate"],
    "resolved": _counting(Kind.RESOLVED),
    "reopened": _counting(Kind.REOPENED),
    "handovers": _counting(Kind.TAKEN_OVER),
    "ratings": _counting(Kind.RATED),
    "rating_mean": lambda c: _mean(c.of(Kind.RATED)["value"]),
    "missing": _counting(Kind.MISSING),
    "fallbacks": _counting(Kind.FELL_BACK),
    "undelivered": _counting(Kind.UNDELIVERED),
}
"""What a time series may show."""

BEHIND: Mapping[str, tuple[Kind, str]] = {
    "conversations": (Kind.ASKED, ""),
    "messages": (Kind.ASKED, ""),
    "answers": (Kind.ANSWERED, ""),
    "answers_alone": (Kind.ANSWERED, "alone"),
    "answers_reviewed": (Kind.ANSWERED, "reviewed"),
    "answers_person": (Kind.ANSWERED, "person"),
    "first_answer": (Kind.FIRST_ANSWER, ""),
    "resolved": (Kind.RESOLVED, ""),
    "approvals_requested": (Kind.REVIEW, ""),
    "decisions": (Kind.DECIDED, ""),
    "approved": (Kind.DECIDED, "approve"),
    "edited": (Kind.DECIDED, "edit"),
    "rejected": (Kind.DECIDED, "reject"),
    "expired": (Kind.EXPIRED, ""),
    "reopened": (Kind.REOPENED, ""),
    "handovers": (Kind.TAKEN_OVER, ""),
    "ratings": (Kind.RATED, ""),
    "precision": (Kind.AUDITED, ""),
    "missing": (Kind.MISSING, ""),
    "fallbacks": (Kind.FELL_BACK, ""),
    "undelivered": (Kind.UNDELIVERED, ""),
}
"""By which facts the conversations behind a number are found."""
