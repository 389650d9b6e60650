"""Thresholds for sending without review, with a bound on the error (Clopper–Pearson)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

NEVER = 1.01  #: a threshold that no confidence reaches
ASSURANCE = 0.95
EVEN_ODDS = 0.70
STRAYS = 0.033  #: of the questions that nothing answers, how many may be answered all the same


def error_bound(errors: int, count: int, *, assurance: float = ASSURANCE) -> float:
    """The one-sided Clopper–Pearson upper bound of an error rate after `errors` in `count`."""
    if count <= 0 or errors >= count:
        return 1.0
    low, high = errors / count, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if _at_most(errors, count, middle) > 1.0 - assurance:
            low = middle
        else:
            high = middle
    return high


def guaranteed_threshold(
    confidences: Sequence[float],
    right: Sequence[bool],
    *,
    target: float,
    assurance: float = ASSURANCE,
) -> float:
    """The smallest confidence from which on the bound of the error is below 1 - `target`.

    `NEVER` when there is no such confidence, which with few observations is the honest answer.
    """
    if target >= 1.0:
        return NEVER
    order = np.argsort(-np.asarray(confidences, dtype=np.float64), kind="stable")
    scores = np.asarray(confidences, dtype=np.float64)[order]
    errors = np.cumsum(~np.asarray(right, dtype=bool)[order])
    for last in range(len(scores) - 1, -1, -1):
        # Answers with the same confidence are sent together or not at all.
        if last + 1 < len(scores) and scores[last + 1] == scores[last]:
            continue
        wrong, count = int(errors[last]), last + 1
        if wrong > (1.0 - target) * count:
            continue
        if error_bound(wrong, count, assurance=assurance) < 1.0 - target:
            return float(scores[last])
    return NEVER


def sparing_threshold(
    strays: Sequence[float], *, allowed: float = STRAYS, assurance: float = EVEN_ODDS
) -> float:
    """The smallest threshold that surely lets at most this share of unanswerable questions pass.

    `strays` are the confidences of questions that nothing answers. 0, which is no demand, when
    they are so few that not even none among them would show it.
    """
    scores = sorted(strays, reverse=True)
    if error_bound(0, len(scores), assurance=assurance) > allowed:
        return 0.0
    passing = 0
    while error_bound(passing + 1, len(scores), assurance=assurance) <= allowed:
        passing += 1
    return math.nextafter(scores[passing], math.inf)


def earned_threshold(
    confidences: Sequence[float],
    right: Sequence[bool],
    *,
    target: float,
    strays: Sequence[float] = (),
) -> float:
    """The threshold for a one-off measurement: the precision held here, with a modest margin.

    Precision alone lets unanswerable questions pass wherever the others are answered well, so
    that those, `strays` among the confidences, have a bound of their own. A deployment's autonomy
    asks for `ASSURANCE`; a comparison of two versions on a few hundred questions would see
    nothing but that caution.
    """
    return max(
        guaranteed_threshold(confidences, right, target=target, assurance=EVEN_ODDS),
        sparing_threshold(strays),
    )


def _at_most(errors: int, count: int, rate: float) -> float:
    """The chance of at most so many errors in `count` at this rate."""
    if rate <= 0.0:
        return 1.0
    if rate >= 1.0:
        return 0.0
    base = math.lgamma(count + 1)
    total = 0.0
    for k in range(errors + 1):
        ways = base - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        total += math.exp(ways + k * math.log(rate) + (count - k) * math.log1p(-rate))
    return min(total, 1.0)
