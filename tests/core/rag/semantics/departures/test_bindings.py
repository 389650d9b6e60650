"""Amounts, payers and conditions stay with what the source says them of."""

from __future__ import annotations

import pytest

from core.rag.domain.model import Passage
from core.rag.semantics.departures.departures import departs

SOFA = "The frame of a sofa is covered for ten years and the fabric for two years."
POOL = "Courses for children take place on Mondays at 4 pm, for adults on Wednesdays at 8 pm."
FEE = "An exchange costs 2 euros; with the Lumen card it is free."
LOST = "If something is lost, we pay back ten times the price of its cleaning."
REFUND = "수업의 3분의 1이 지나기 전에는 3분의 2를, 절반이 지나기 전에는 절반을 돌려드립니다."
LATE = "음식이 60분 넘게 늦으면 2,000원 쿠폰을 드립니다."
SEATS = "Owners add people under Team > Members. Two-factor sign-in can be required for all teams."

DEPOSIT = "The deposit is returned within 30 days after the keys are handed over."
ROOM = "You may sublet one room if the landlord agrees."
FINE = "You can object to the fine within two weeks after you received the letter."
NOTICE = "The keys stay in the flat. Send your notice to notice@let.example."
COSTS = "If the court dismisses the case, the state bears the costs."
ASK = "Ask a doctor before you take it if you are pregnant."
SIGNED = "You must sign the report."
CHARGE = "환불은 충전일부터 14일 이내에 앱에서 신청하실 수 있습니다. 가입은 무료입니다."
MOVING = "보증금은 이사하는 날 돌려받습니다. 계약은 문자로 해지합니다."
BOILER = "보일러 교체 비용은 집주인이 부담합니다. 점검은 무료입니다."
PENALTY = "가산세는 저희가 부담합니다. 자료는 고객님이 올려 주세요."
PAPER = "벽지가 찢어진 경우에만 도배 비용을 청구합니다."
DOSE = "If you miss a dose, take it the same day; never take two doses at once."


def fault(told: str, claim: str) -> str:
    passage = Passage(id="a", article_id="a", title="Help", heading="", text=told)
    return departs(claim, [passage], question="What can you tell me?")


@pytest.mark.parametrize(
    ("told", "claim"),
    [
        (SOFA, "The fabric of a sofa is covered for ten years."),
        (SOFA, "The frame of a sofa is covered for two years."),
        (POOL, "Courses for adults take place on Mondays at 4 pm."),
        (POOL, "Courses for children take place on Wednesdays at 8 pm."),
        (FEE, "An exchange is free."),
        (FEE, "With the Lumen card an exchange costs 2 euros."),
        (LOST, "If something is lost, you pay back ten times the price of its cleaning."),
        (LOST, "If something is lost, we pay back the price of its cleaning."),
        (REFUND, "수업의 절반이 지나기 전에는 3분의 2를 돌려드립니다."),
        (LATE, "음식이 늦으면 2,000원 쿠폰을 드립니다."),
        (LATE, "음식이 60분 넘게 늦으면 2,000원을 내셔야 합니다."),
        (SEATS, "Members add people under Team > Members."),
        (SEATS, "Two-factor sign-in is required for all teams."),
        (DEPOSIT, "The keys are returned within 30 days after the deposit is handed over."),
        (DEPOSIT, "The deposit is kept for 30 days after the keys are handed over."),
        (ROOM, "The landlord may sublet one room if you agree."),
        (ROOM, "You must sublet one room if the landlord agrees."),
        (FINE, "You can object to the letter within two weeks after you received the fine."),
        (FINE, "Do not pay the fine."),
        (NOTICE, "Send your keys to notice@let.example."),
        (COSTS, "If the state dismisses the case, the court bears the costs."),
        (COSTS, "If the court dismisses the case, you bear the costs."),
        (ASK, "You can take it if you are pregnant."),
        (SIGNED, "You can sign the report."),
        (CHARGE, "환불은 가입일부터 14일 이내에 앱에서 신청하실 수 있습니다."),
        (CHARGE, "환불은 충전일부터 14일 이내에 앱에서 신청하셔야 합니다."),
        (MOVING, "보증금은 계약하는 날 돌려받습니다."),
        (MOVING, "연장하시려면 문자로 알려 주세요."),
        (BOILER, "보일러 점검 비용은 집주인이 부담합니다."),
        (PENALTY, "가산세는 고객님이 부담합니다."),
        (PAPER, "벽지가 찢어지지 않은 경우에도 도배 비용을 청구합니다."),
        (PAPER, "이부프로펜 비용을 청구합니다."),
        (DOSE, "If you miss a dose, never take it the same day."),
    ],
)
def test_other_ties_are_found(told: str, claim: str) -> None:
    assert fault(told, claim)


@pytest.mark.parametrize(
    ("told", "claim"),
    [
        (SOFA, "The frame is covered for ten years and the fabric for two."),
        (SOFA, "The fabric of a sofa is covered for two years."),
        (POOL, "Adults' courses take place on Wednesdays at 8 pm."),
        (POOL, "Children's courses take place on Mondays at 16:00."),
        (FEE, "Exchanging costs 2 euros, or nothing with the Lumen card."),
        (FEE, "With the Lumen card an exchange is free."),
        (LOST, "We pay back ten times the price of its cleaning if something is lost."),
        (REFUND, "절반이 지나기 전에는 절반을 돌려드립니다."),
        (LATE, "음식이 한 시간 넘게 늦으면 2,000원 쿠폰을 드립니다."),
        (SEATS, "Owners can add people under Team > Members."),
        (SEATS, "Two-factor sign-in can be required for all teams."),
    ],
)
def test_the_same_ties_in_other_words_are_none(told: str, claim: str) -> None:
    assert fault(told, claim) == ""
