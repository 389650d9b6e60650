"""What decisions are worth, and the bound that follows from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.learning.evidence import (
    HASTY,
    Evidence,
    Kind,
    bound_at,
    earned,
    from_decision,
    last_look,
    likeness,
    reliability,
)
from approvals.queue.model import Approval
from core.domain.drafts import Draft, Reason
from core.domain.messages import Citation

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEXT = "Open Settings, choose Security and press Reset. A mail arrives within a minute."
WAITING = Approval(
    id="c.4",
    conversation_id="c",
    seq=5,
    at=NOW,
    requested_at=NOW,
    deadline=NOW,
    decision="approve",
    seconds=30.0,
    reasons=(Reason.LOW_CONFIDENCE,),
    draft=Draft(text=TEXT, confidence=0.8, topic="t", citations=(Citation(id="a#0", title="A"),)),
)


def several(count: int, *, wrong: int = 0, confidence: float = 0.8) -> list[Evidence]:
    return [
        Evidence(
            id=f"{confidence}-{i}",
            at=NOW + timedelta(seconds=i),
            kind=Kind.REVIEW,
            topic="t",
            confidence=confidence,
            right=i >= wrong,
        )
        for i in range(count)
    ]


def test_an_approval_says_right_and_a_rejection_wrong() -> None:
    approved = from_decision(WAITING, opened_sources=False)
    assert approved is not None
    assert (approved.right, approved.weight, approved.article) == (True, 1.0, "a")
    rejected = from_decision(replace(WAITING, decision="reject"), opened_sources=True)
    assert rejected is not None
    assert not rejected.right


def test_an_approval_faster_than_reading_counts_less_unless_a_source_was_opened() -> None:
    quick = replace(WAITING, seconds=0.4)
    hasty, looked = (from_decision(quick, opened_sources=o) for o in (False, True))
    assert hasty is not None
    assert looked is not None
    assert (hasty.weight, looked.weight) == (HASTY, 1.0)


@pytest.mark.parametrize(
    ("text", "right"),
    [(TEXT.replace("mail", "message"), True), ("Call us, please; we reset it for you.", False)],
)
def test_an_edit_says_right_as_far_as_the_draft_is_left(text: str, right: bool) -> None:
    edited = from_decision(replace(WAITING, decision="edit", text=text), opened_sources=False)
    assert edited is not None
    assert edited.right is right
    assert edited.weight == pytest.approx(likeness(TEXT, text) if right else 1.0)


def test_who_asked_for_a_person_did_not_judge_an_answer() -> None:
    asked = replace(WAITING, decision="reject", reasons=(Reason.PERSON_REQUESTED,))
    assert from_decision(asked, opened_sources=False) is None
    assert from_decision(replace(WAITING, decision="take_over"), opened_sources=False) is None
    empty = replace(WAITING, draft=Draft(text=""))
    assert from_decision(empty, opened_sources=False) is None


def test_a_threshold_is_earned_only_when_the_bound_of_the_error_keeps_the_promise() -> None:
    assert earned(several(58), target=0.95) is None
    first = earned(several(59), target=0.95)
    assert first is not None
    assert first.threshold == 0.8
    assert first.bound < 0.05
    assert earned(several(59, wrong=1), target=0.95) is None
    assert earned(several(200, wrong=3), target=0.95) is not None
    assert earned(several(1000), target=1.0) is None


def test_looks_are_few_and_what_came_since_may_speak_against_it() -> None:
    assert [last_look(n) for n in (58, 59, 88, 89, 132, 133, 200)] == [0, 59, 59, 88, 88, 132, 199]
    good = several(133)
    assert earned(good, target=0.95) is not None
    worse = [replace(e, id=f"w{e.id}", at=e.at + timedelta(hours=1)) for e in several(9, wrong=9)]
    assert earned(good + worse, target=0.95) is None


def test_the_threshold_stays_above_where_answers_get_worse() -> None:
    mixed = several(100, confidence=0.9) + several(40, wrong=20, confidence=0.6)
    found = earned(mixed, target=0.95)
    assert found is not None
    assert found.threshold == 0.9
    assert bound_at(mixed, 0.6).bound > 0.05
    assert found.coverage == pytest.approx(100 / 140)


def test_reliability_is_counted_by_tenths() -> None:
    found = reliability(several(10, wrong=5, confidence=0.55) + several(10, confidence=0.95))
    assert [count for _, _, count in found] == [10, 10]
    assert [x for row in found for x in row[:2]] == pytest.approx([0.55, 0.5, 0.95, 1.0])


def test_likeness_is_one_minus_the_normalized_edit_distance() -> None:
    assert likeness("same", "same") == 1.0
    assert likeness("abcd", "abce") == pytest.approx(0.75)
    assert likeness("", "") == 1.0
    assert likeness("word " * 200, "word " * 100) == pytest.approx(0.5)


def by_the_table(a: str, b: str) -> int:
    before = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        row = [i]
        for j, right in enumerate(b, start=1):
            row.append(min(row[-1] + 1, before[j] + 1, before[j - 1] + (left != right)))
        before = row
    return before[-1]


@given(one=st.text("ab c", max_size=40), other=st.text("ab c", max_size=40))
def test_likeness_is_what_the_table_says(one: str, other: str) -> None:
    a, b = " ".join(one.split()), " ".join(other.split())
    longest = max(len(a), len(b))
    assert likeness(one, other) == (1.0 - by_the_table(a, b) / longest if longest else 1.0)
