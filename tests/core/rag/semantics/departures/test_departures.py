"""A source's sentence with one thing changed is another sentence."""

from __future__ import annotations

import pytest

from core.rag.domain.model import Passage
from core.rag.semantics.departures.departures import departs

SKI = Passage(
    id="ski",
    article_id="ski",
    title="Ski hire",
    heading="",
    text=(
        "Adults pay 30 euros a day for skis and 12 euros a day for boots. Teachers get 5 percent "
        "off if they show a staff card. The desk is open from Monday to Saturday and closed on "
        "Sundays. "
        "Bring the skis back within 48 hours after the last day. Helmets are included."
    ),
)
SKI_KO = Passage(
    id="ski_ko",
    article_id="ski_ko",
    title="스키 대여",
    heading="",
    text=(
        "성인은 하루에 스키 30,000원입니다. 예약이 있으면 보증금이 면제됩니다. 반납은 마지막 날 "
        "이후 48시간 안에 하시면 됩니다. 헬멧은 포함됩니다."
    ),
    locale="ko",
)


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ("Pensioners pay 30 euros a day for skis.", "word"),
        ("Teachers pay 30 euros a day for skis.", "spliced"),
        ("Adults pay 12 euros a day for skis.", "case"),
        ("Teachers get 5 percent off.", "condition"),
        ("The desk is open from Monday to Friday.", "days"),
        ("The desk is closed on Saturdays.", "days"),
        ("Bring the skis back within 48 hours before the last day.", "opposite"),
        ("Bring the skis back within 48 hours after the first day.", "opposite"),
        ("Adults pay 30 euros an hour for skis.", "opposite"),
        ("We will bring the skis back.", "we"),
        ("Helmets are excluded.", "word"),
    ],
)
def test_what_departs_is_found(claim: str, why: str) -> None:
    found = departs(claim, [SKI])
    assert found
    assert found.startswith(why)


PARTIES = Passage(
    id="fees",
    article_id="fees",
    title="Lockers",
    heading="",
    text=(
        "The locker is free for swimmers; visitors pay 3,000 won for the key. 보관함 이용료는 "
        "3,000원이며 회원은 무료입니다. 대여한 오리발은 2년 동안 무상으로 교환됩니다. 손님이 산 "
        "오리발은 교환하지 않습니다."
    ),
)


@pytest.mark.parametrize(
    "claim",
    [
        "The locker is free for visitors.",
        "The locker is free for visitors; swimmers pay 3,000 won for the key.",
        "Swimmers pay 3,000 won for the key.",
        "회원은 3,000원입니다.",
        "보관함 이용료는 무료이며 회원은 3,000원입니다.",
        "손님이 산 오리발은 2년 동안 무상으로 교환됩니다.",
        "대여한 오리발은 교환하지 않습니다.",
    ],
)
def test_what_is_said_of_one_is_not_said_of_another(claim: str) -> None:
    assert departs(claim, [PARTIES])


@pytest.mark.parametrize(
    "claim",
    [
        "Visitors pay 3,000 won for the key; for swimmers the locker is free.",
        "Swimmers use the locker for free.",
        "회원은 보관함이 무료입니다.",
        "대여한 오리발은 2년 동안 무상으로 교환됩니다.",
        "손님이 산 오리발은 교환하지 않습니다.",
    ],
)
def test_each_part_may_be_said_of_its_own(claim: str) -> None:
    assert departs(claim, [PARTIES]) == ""


@pytest.mark.parametrize(
    "claim",
    [
        "Adults pay €30 a day for skis and €12 for boots.",
        "Skis cost 30 euros a day for adults.",
        "Teachers get 5% off if they show their staff card.",
        "The desk is open Monday to Saturday.",
        "You can bring the skis back within two days after the last day.",
        "Helmets are included.",
    ],
)
def test_a_paraphrase_does_not_depart(claim: str) -> None:
    assert departs(claim, [SKI]) == ""


def test_a_condition_may_stand_in_the_question_or_in_the_sentence_before() -> None:
    claim = "You get 5 percent off."
    said = "This is for teachers who show a staff card."
    assert departs("Teachers get 5 percent off.", [SKI], question="I can show a staff card.") == ""
    assert departs("Teachers get 5 percent off.", [SKI], said=said) == ""
    assert departs(claim, [SKI], said=said) == ""


@pytest.mark.parametrize(
    "claim",
    [
        "어린이는 하루에 스키 30,000원입니다.",
        "성인은 한 시간에 스키 30,000원입니다.",
        "예약이 없으면 보증금이 면제됩니다.",
        "보증금이 면제됩니다.",
        "반납은 마지막 날 이후 48시간이 지나면 하시면 됩니다.",
    ],
)
def test_the_same_in_korean(claim: str) -> None:
    assert departs(claim, [SKI_KO])


@pytest.mark.parametrize(
    "claim",
    [
        "성인 요금은 하루에 30,000원입니다.",
        "예약이 있으시면 보증금이 면제됩니다.",
        "마지막 날 이후 48시간 안에 반납해 주세요.",
        "헬멧은 포함되어 있습니다.",
    ],
)
def test_a_korean_paraphrase_does_not_depart(claim: str) -> None:
    assert departs(claim, [SKI_KO]) == ""
