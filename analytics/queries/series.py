"""The metrics of time series, and the facts behind each number."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from analytics.facts.counting import Counting, mean, percentile
from analytics.facts.model import Kind
from analytics.queries.measures import PERCENTILES, precision

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
    "edit_distance": lambda c: mean(c.of(Kind.EDITED)["value"]),
    "precision": lambda c: precision(c)["estimate"],
    "resolved": _counting(Kind.RESOLVED),
    "reopened": _counting(Kind.REOPENED),
    "handovers": _counting(Kind.TAKEN_OVER),
    "ratings": _counting(Kind.RATED),
    "rating_mean": lambda c: mean(c.of(Kind.RATED)["value"]),
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
    "language": (Kind.ASKED, ""),
    "drafts": (Kind.DRAFTED, ""),
    "reasons": (Kind.REASON, ""),
    "used": (Kind.USED, ""),
}
"""By which facts the conversations behind a number are found."""
