"""Which words of one text another has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rag.semantics.alignment import (
    differing_words,
    marked,
    other_number,
    same_words,
    shares_missing,
    words,
)


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("Do you deliver to Portugal?", "Do you deliver to Norway?", "Portugal"),
        ("Have you got a twelve-inch pan?", "Have you got a 10-inch pan?", "twelve"),
        ("Is it open without booking?", "Is it open?", "without"),
        ("포르투갈로도 배송되나요?", "노르웨이에 배송되나요?", "포르투갈로도"),
        ("토요일에 영업하시나요", "일요일에 영업하나요?", "토요일에"),
    ],
)
def test_a_mark_stands_before_the_word_that_the_other_lacks(
    text: str, other: str, expected: str
) -> None:
    assert f"* {expected}" in marked(text, other)
    assert marked(text, text) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("we want to cancel the bookings", "How do I cancel a booking?"),
        ("is delivery to norwey possible", "Is delivery to Norway possible?"),
        ("eight of us", "for 8 people of us"),
        ("노르웨이로도 보내 주실 수 있나요", "노르웨이에 보내나요?"),
        ("두 명이서 갈게요", "2명이 갈게요"),
    ],
)
def test_inflections_slips_and_numbers_in_words_are_no_difference(text: str, other: str) -> None:
    assert "*" not in marked(text, other)


def test_what_differs_is_said_as_it_was_written() -> None:
    found = differing_words("Do you ship to Portugal?", "Do you ship to Norway?", "Yes, to Norway")
    assert (found.asked, found.known) == (("Portugal",), ("Norway",))
    ko = differing_words("포르투갈로도 배송되나요?", "노르웨이에 배송되나요?")
    assert (ko.asked, ko.known) == (("포르투갈",), ("노르웨이",))


def test_what_the_source_says_is_not_missing() -> None:
    found = differing_words("Do you ship to Oslo?", "Do you ship to Norway?", "Oslo takes a day.")
    assert found.asked == ()


@pytest.mark.parametrize(
    ("asked", "known", "source", "other"),
    [
        ("a cake for 6 people", "a cake for 8 people", "32 pounds", True),
        ("a cake for six people", "a cake for 8 people", "32 pounds", True),
        ("a cake for eight people", "a cake for 8 people", "32 pounds", False),
        ("a cake for 6 people", "a cake for 8 people", "up to 6: 30 pounds", False),
        ("a cake for my 3 kids", "a cake for children", "", False),
        ("세 명이면 얼마예요", "2명이면 얼마예요", "", True),
    ],
)
def test_another_number_is_another_question(
    asked: str, known: str, source: str, other: bool
) -> None:
    assert other_number(asked, known, source) is other


def test_the_same_words_are_the_same_whatever_case_and_marks() -> None:
    assert same_words("When do you OPEN ?", "when do you open")
    assert not same_words("When do you open?", "When do you close?")
    assert not same_words("?!", "")


def test_shares_tell_which_side_says_more() -> None:
    shares = shares_missing("gift cards?", "Which cards do you take?", "All cards and cash.")
    assert shares["asked_missing"] == 0.5
    assert shares["known_missing"] == 0.0
    assert shares["core_missing"] == 0.0


@given(st.text(max_size=400), st.text(max_size=400))
def test_any_two_texts_can_be_compared(text: str, other: str) -> None:
    marked(text, other)
    words(text)
    assert all(0.0 <= share <= 1.0 for share in shares_missing(text, other, text).values())
