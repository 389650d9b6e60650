"""Pauses grow with every failure and never beyond the longest."""

from __future__ import annotations

from core.runtime.backoff import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.after(n) for n in range(6)] == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0]


def test_failures_without_end_are_no_number_too_large() -> None:
    assert Backoff(1.0, 30.0).after(1_000_000) == 30.0
