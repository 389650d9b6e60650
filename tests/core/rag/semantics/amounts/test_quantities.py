"""Amounts are the same however they are written, and others in every other case."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

from core.rag.semantics.amounts.quantities import agrees, quantities
from core.rag.semantics.amounts.weekdays import weekdays
from tests.support.hostile.obedient_model import in_korean, in_words


def tells(source: str, claim: str) -> bool:
    """Whether the source has every amount of the claim."""
    told = quantities(source)
    return all(any(agrees(amount, one) for one in told) for amount in quantities(claim))


SAME = [
    ("within 30 days", "within thirty days"),
    ("within 30 days", "within ３０ days"),
    ("within 30 days", "within 30 日"),
    ("9 days", "⑨ days"),
    ("9 days", "❾ days"),
    ("9 days", "IX days"),
    ("14 days", "two weeks"),
    ("24 hours", "one day"),
    ("30 minutes", "half an hour"),
    ("1.5 hours", "1½ hours"),
    ("50%", "half"),
    ("50%", "50 percent"),
    ("half price", "절반"),
    ("1,000 won", "1000원"),
    ("35,000원", "3만 5천 원"),
    ("50,000 won", "오만 원"),
    ("$9.90 a month", "9.90 dollars per month"),
    ("5 to 7 days", "5-7 days"),
    ("5일에서 7일", "5~7일"),
    ("5 to 7 days", "up to 7 days"),
    ("2 배", "두 배"),
    ("twice the price", "double the price"),
    ("3 pm", "15:00"),
    ("오후 3시", "3 pm"),
    ("9:00-18:00", "9 am to 6 pm"),
    ("March 5, 2027", "5 March 2027"),
    ("2027-03-05", "2027년 3월 5일"),
    ("삼십일 이내", "30일 이내"),
    ("세 번", "3회"),
    ("하루 전", "24시간 전"),
    ("열흘", "10일"),
    ("1시간 반", "90분"),
    ("오후 6시 반", "18:30"),
    ("정오까지입니다", "12:00"),
    ("6명까지입니다", "6명"),
    ("8자 이상이어야 합니다", "8자 이상"),
    ("12자여야 합니다", "12자"),
    ("at least 8 characters", "8자 이상"),
    ("one item", "the new one"),
    ("1. Open it. 2. Press it. 3. Wait 5 minutes.", "Wait 5 minutes."),
]


@pytest.mark.parametrize(("source", "claim"), SAME)
def test_the_same_amount_is_told(source: str, claim: str) -> None:
    assert tells(source, claim)


OTHER = [
    ("5 days", "nine days"),
    ("5 days", "⑨ days"),
    ("5 days", "5 weeks"),
    ("5 working days", "5 days"),
    ("5 to 7 days", "5 days"),
    ("5 to 7 days", "5 to 9 days"),
    ("within 30 days", "after 30 days"),
    ("within 30 days", "more than 30 days"),
    ("at least 8 characters", "at most 8 characters"),
    ("30일 이내", "30일 이상"),
    ("30일 이내", "구십일 이내"),
    ("5만 원 이상", "5만 원 이하"),
    ("1,000 won", "1.000 won"),
    ("1,000 won", "1,000 dollars"),
    ("10%", "10 points"),
    ("10% off", "-10% off"),
    ("9 dollars a month", "9 dollars a year"),
    ("9 am", "9 pm"),
    ("오전 9시", "오후 9시"),
    ("March 5", "April 5"),
    ("March 5", "March 15"),
    ("3월 5일", "5월 3일"),
    ("2027", "2026"),
    ("two children", "three children"),
    ("세 번", "네 번"),
    ("두 배", "세 배"),
    ("half", "a third off"),
    ("30 minutes", "half an hour and a quarter of a day"),
    ("30 days", "30 days 12"),
    ("call 02-555-0134", "555 days"),
    ("no amounts here", "twice a day"),
]


@pytest.mark.parametrize(("source", "claim"), OTHER)
def test_another_amount_is_not_told(source: str, claim: str) -> None:
    assert not tells(source, claim)


@pytest.mark.parametrize(
    "text",
    [
        "You may go. No one knows, and the new one is here.",
        "double-check it, then double click",
        "네, 가능합니다. 이번 달에는 안 됩니다.",
        "이 번호로 사이트에 이용일과 구매일을 적고 만일 두통이 있으면 천천히",
        "일회용 컵과 한편 세대 차이, 이 일은 사람이 합니다",
        "구두로 설명한 사유, 오일 교환, 백화점",
    ],
)
def test_words_that_only_look_like_numbers_are_none(text: str) -> None:
    found = [
        q for q in quantities(text) if (q.value, q.unit) != (Fraction(5), "second")
    ]  # "오일" may be oil
    assert found == []


def test_every_number_below_a_thousand_is_read_in_words() -> None:
    rng = random.Random(4)
    for number in [*range(2, 120), *rng.sample(range(120, 1000), 120)]:
        (english,) = quantities(f"within {in_words(number)} days")
        (korean,) = quantities(f"{in_korean(number)}일 이내")
        (glyphs,) = quantities("".join(chr(0xFF10 + int(c)) for c in str(number)) + "일 이내")
        assert english.value == korean.value == glyphs.value == number


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Monday to Friday", {0, 1, 2, 3, 4}),
        ("on weekdays and Sat", {0, 1, 2, 3, 4, 5}),
        ("월요일부터 금요일까지", {0, 1, 2, 3, 4}),
        ("월~토, 일요일 휴무", {0, 1, 2, 3, 4, 5, 6}),
        ("평일과 주말", set(range(7))),
        ("화·목요일", {3}),
        ("Sunday through Tuesday", {6, 0, 1}),
        ("the sun is out and we wed", set()),
        ("5일 안에 금액을 결제", set()),
    ],
)
def test_days_of_the_week(text: str, days: set[int]) -> None:
    assert weekdays(text) == days


@pytest.mark.parametrize("word", ["일이삼사" * 2_000, "십일" * 4_000, "천만" * 4_000, "9" * 8_000])
@pytest.mark.parametrize("unit", ["", "원", " 일"])
def test_a_number_without_end_is_none_and_breaks_nothing(word: str, unit: str) -> None:
    assert all(amount.value != 0 for amount in quantities(f"{word}{unit} 안에 3일"))
