"""Whether two questions in nearly the same words differ in what they deny."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rag.semantics.negation import denials, denied_otherwise


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("What does a desk without drawers cost?", "What does a desk with drawers cost?"),
        ("Which of your soaps are scent-free?", "Which of your soaps have a scent?"),
        ("May I enter if I have no ticket?", "May I enter if I have a ticket?"),
        ("보증금을 안 내면 월세가 얼마예요?", "보증금을 내면 월세가 얼마인가요?"),
    ],
)
def test_who_denies_asks_something_else(asked: str, known: str) -> None:
    assert denied_otherwise(asked, known)
    assert denied_otherwise(known, asked)
    assert not denied_otherwise(asked, asked)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("Can I go in if I haven't a ticket?", "Can I go in without a ticket?"),
        ("the parcel did not arrive, where is my parcel", "Where is my parcel?"),
        ("표 없이도 들어갈 수 있나요?", "표가 없어도 들어갈 수 있나요?"),
        ("가마가 없어서 그런데 그릇을 구워 주실 수 있나요", "그릇을 구워 주나요?"),
    ],
)
def test_other_words_for_the_same_are_no_denial(asked: str, known: str) -> None:
    assert not denied_otherwise(asked, known)


def test_a_denial_ends_with_its_clause() -> None:
    found = denials("I have no car but need a ticket")
    assert found["car"] == {True}
    assert found["ticket"] == {False}


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_two_texts_are_compared(asked: str, known: str) -> None:
    assert denied_otherwise(asked, known) in (True, False)
