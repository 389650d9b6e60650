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
