"""Attributes with few values: two questions that name different ones ask different things."""

from __future__ import annotations

import pytest

from core.rag.semantics.amounts.quantities import other_amount
from core.rag.semantics.facets import facet_signals


def clash(asked: str, known: str) -> bool:
    return bool(facet_signals(asked, known)["facets_clash"])


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("Can I raise my limit?", "How do I lower my limit?"),
        ("how to move up to a bigger plan", "How do I move down to a smaller plan?"),
        ("How do I switch on the alarm?", "How do I switch off the alarm?"),
        ("Is there a fee for a late return?", "Is there a fee for an early return?"),
        ("Is lunch included?", "Is dinner included?"),
        ("Can I ask by email?", "Can I ask in the live chat?"),
        ("Do you sell a silver card?", "Do you sell a gold card?"),
        ("room price, we don't eat breakfast", "What does a room with breakfast cost?"),
        ("한도를 높이고 싶어요", "한도를 낮추려면 어떻게 하나요?"),
        ("알람 끄는 법", "알람을 켜려면 어떻게 하나요?"),
        ("늦게 반납하면 얼마예요?", "일찍 반납하면 얼마인가요?"),
        ("석식 포함인가요", "조식이 포함되나요?"),
        ("화상으로 상담할 수 있나요", "전화로 상담할 수 있나요?"),
        ("조식 필요없는데 얼마죠", "조식 포함 요금은 얼마인가요?"),
        ("May I take a bike on the bus?", "May I take a bike on the train?"),
        ("Do you have unheated units?", "Do you have heated units?"),
        ("Can I get a paper bill instead of the PDF?", "Can I get a PDF of my bill?"),
        ("자전거를 버스에 실을 수 있나요?", "자전거를 지하철에 실을 수 있나요?"),
        ("비회원도 예약되나요?", "회원도 예약되나요?"),
        ("물레 말고 손으로 빚을 수 있나요", "물레를 써 볼 수 있나요?"),
    ],
)
def test_another_value_is_another_question(asked: str, known: str) -> None:
    assert clash(asked, known)
    assert not clash(known, known)


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("Want to go from a smaller plan to a bigger one", "How do I upgrade my plan?"),
        ("is breakfast part of the deal", "Is breakfast included?"),
        ("I'd like to reduce my limit", "How do I lower my limit?"),
        ("불 좀 꺼주세요 어떻게 해요", "불을 끄려면 어떻게 하나요?"),
        ("일찍 들어가도 되나요", "체크인 전에 들어갈 수 있나요?"),
        ("how to take the block off my sim card", "How do I unblock my SIM?"),
        ("Do I pay cash instead of card?", "Can I pay by card or in cash?"),
        ("전화 말고 인터넷으로 예약하고 싶어요", "예약은 어떻게 하나요?"),
    ],
)
def test_the_same_value_in_other_words_is_none(asked: str, known: str) -> None:
    assert not clash(asked, known)


@pytest.mark.parametrize(
    ("asked", "known", "other"),
    [
        ("price of half a kilo of tea", "What does one kilo of tea cost?", True),
        ("what would 500 g of tea be", "What does half a kilo of tea cost?", False),
        ("do you let a three-bedroom flat", "Do you let a 2 bedroom flat?", True),
        ("오백 원짜리 있나요", "500원짜리가 있나요?", False),
        ("3시간 빌리면 얼마예요", "다섯 시간 빌리면 얼마인가요?", True),
        ("how long for a 60 minute film", "How long does an hour of film take?", False),
    ],
)
def test_another_amount_of_the_same_kind(asked: str, known: str, *, other: bool) -> None:
    assert other_amount(asked, known) is other


def test_an_amount_that_the_source_names_is_none() -> None:
    asked, known = "price of a 2 kg bag", "What does a bag of 1 kg cost?"
    assert other_amount(asked, known)
    assert not other_amount(asked, known, "1 kg costs 3 pounds, 2 kg cost 5 pounds.")


@pytest.mark.parametrize(
    ("asked", "known", "source", "other"),
    [
        ("implants on Fridays?", "Do you place implants?", "Yes, on Tuesdays.", True),
        ("implants on Fridays?", "Do you place implants?", "Yes, Monday to Friday.", False),
        ("stuck since Monday", "Why does it not move?", "Wait for five working days.", False),
        ("may my cat come in", "Are animals allowed?", "Dogs on a lead are.", True),
        ("may my dog come in", "Are animals allowed?", "Dogs and cats are.", False),
        ("아침 수업도 있나요", "요가 수업이 있나요?", "네, 저녁 7시에 있습니다.", True),
        ("금요일에도 하나요", "시식회를 하나요?", "네, 화요일에 합니다.", True),
    ],
)
def test_a_source_that_names_another_value_alone(
    asked: str, known: str, source: str, *, other: bool
) -> None:
    assert bool(facet_signals(asked, known, source)["facets_clash"]) is other
