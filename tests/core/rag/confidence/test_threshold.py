"""Thresholds with a bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaincinv  # type: ignore[import-untyped]

from core.rag.confidence.threshold import (
    NEVER,
    earned_threshold,
    error_bound,
    guaranteed_threshold,
    sparing_threshold,
)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_the_bound_is_that_of_clopper_and_pearson(case: tuple[int, int]) -> None:
    errors, count = case
    exact = float(betaincinv(errors + 1, count - errors, 0.95))
    assert error_bound(errors, count) == pytest.approx(exact, abs=1e-6)


def test_few_observations_earn_nothing() -> None:
    assert guaranteed_threshold([0.9] * 50, [True] * 50, target=0.95) == NEVER
    assert guaranteed_threshold([0.9] * 60, [True] * 60, target=0.95) == 0.9


def test_the_smallest_threshold_that_keeps_the_promise() -> None:
    scores = [0.9] * 100 + [0.8] * 100 + [0.5] * 100
    right = [True] * 200 + [False] * 100
    assert guaranteed_threshold(scores, right, target=0.95) == 0.8


def test_certainty_cannot_be_earned() -> None:
    assert guaranteed_threshold([1.0] * 1000, [True] * 1000, target=1.0) == NEVER


def test_unanswerable_questions_have_a_bound_of_their_own() -> None:
    strays = [i / 1000 for i in range(1000)]
    threshold = sparing_threshold(strays, allowed=0.035)
    passing = sum(score >= threshold for score in strays)
    assert 25 <= passing <= 35
    assert error_bound(passing, len(strays), assurance=0.70) <= 0.035


def test_equal_scores_of_unanswerable_questions_stay_out_together() -> None:
    strays = [0.9] * 60 + [0.1] * 140
    assert sparing_threshold(strays, allowed=0.035) > 0.9


def test_too_few_unanswerable_questions_demand_nothing() -> None:
    assert sparing_threshold([0.99] * 10, allowed=0.035) == 0.0
    assert sparing_threshold([]) == 0.0


def test_precision_alone_does_not_let_strays_through() -> None:
    scores = [0.9] * 900 + [0.8] * 100 + [0.8] * 40 + [0.1] * 60
    right = [True] * 1000 + [False] * 100
    strays = [0.8] * 40 + [0.1] * 60
    assert earned_threshold(scores, right, target=0.95) == 0.8
    assert earned_threshold(scores, right, target=0.95, strays=strays) > 0.8
