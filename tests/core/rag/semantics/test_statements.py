"""What answers somebody, and what only asks or only names."""

from __future__ import annotations

import pytest

from core.rag.semantics.statements import is_question, is_statement, says_something

ASKING = [
    "What colours does the grinder come in?",
    "what colours does the grinder come in",
    "Do you deliver to Norway",
    "How to return an item",
    "Is there parking",
    "Can I bring my dog",
    "**Q: Where is my order?**",
    "환불은 언제 되나요?",
    "환불은 언제 되나요",
    "주차가 가능한가요",
    "배송비는 얼마입니까",
    "Which sizes do you have",
    "주문을 취소할 수 있을까요",
]
SAYING = [
    "The grinder comes in black.",
    "Behind the house",
    "Free",
    "No.",
    "Monday to Friday 9-18",
    "Can be returned within 14 days",
    "When you order before noon, it leaves today.",
    "Is included in the price.",
    "- Black, white, red",
    "Colours: black | white",
    "환불은 14일 안에 가능합니다",
    "네, 됩니다.",
    "매장 뒤편입니다",
]


@pytest.mark.parametrize("sentence", ASKING)
def test_a_question_is_no_answer(sentence: str) -> None:
    assert is_question(sentence)
    assert not is_statement(sentence)


@pytest.mark.parametrize("sentence", SAYING)
def test_what_says_something_is_none(sentence: str) -> None:
    assert not is_question(sentence)
    assert is_statement(sentence)


def test_a_line_that_repeats_its_title_says_nothing_unless_it_is_a_sentence() -> None:
    assert not says_something("Opening hours", titles=["Opening hours"])
    assert not says_something("**Opening hours**\n\nWhen are you open?", titles=["opening  HOURS"])
    assert says_something("We open at nine.", titles=["We open at nine."])
    assert says_something("Opening hours 9-17", titles=["Opening hours 9-17"])
    assert not says_something("---\n***\n", titles=[])
