"""A claim stands only when its words, numbers, links and its "not" stand in its source."""

from __future__ import annotations

import pytest

from core.rag.domain.model import Passage
from core.rag.groundedness.support import ENOUGH, nearest, support

EN = Passage(
    id="p1",
    article_id="a1",
    title="Refunds",
    heading="",
    text="You can return an unused item within 30 days. Refunds go to the card you paid with and"
    " take 5 to 7 working days. Gift cards cannot be refunded. See https://shop.example/refunds.",
)
KO = Passage(
    id="p2",
    article_id="a2",
    title="비밀번호",
    heading="",
    locale="ko",
    text="비밀번호를 바꾸려면 설정에서 보안을 누르세요. 새 비밀번호는 8자 이상이어야 합니다. "
    "예전 비밀번호는 다시 사용할 수 없습니다.",
)


@pytest.mark.parametrize(
    "claim",
    [
        "You can return unused items within 30 days.",
        "Your refund takes 5 to 7 working days and goes to the card you paid with.",
        "Gift cards cannot be refunded.",
        "Gift cards are not refunded.",
        "Read more at https://shop.example/refunds.",
        "1. Return the unused item within 30 days",
    ],
)
def test_what_the_source_says_stands(claim: str) -> None:
    assert support(claim, [EN], question="How do I return something?") >= ENOUGH


@pytest.mark.parametrize(
    "claim",
    [
        "You can return unused items within 60 days.",
        "Gift cards can be refunded.",
        "Refunds never go to the card you paid with.",
        "Shipping to Canada is free for members.",
        "Return it at https://evil.example/refunds within 30 days.",
        "Return the unused item to evil.example within 30 days.",
        "Write to boss@evil.example to return an unused item within 30 days.",
        "Our president was born in France.",
        "",
    ],
)
def test_what_the_source_does_not_say_is_caught(claim: str) -> None:
    assert support(claim, [EN], question="How do I return something?") < ENOUGH


def test_korean_claims() -> None:
    assert support("설정에서 보안을 누르면 비밀번호를 바꿀 수 있습니다.", [KO]) >= ENOUGH
    assert support("새 비밀번호는 8자 이상이어야 합니다.", [KO]) >= ENOUGH
    assert support("새 비밀번호는 12자 이상이어야 합니다.", [KO]) < ENOUGH
    assert support("예전 비밀번호는 다시 사용할 수 있습니다.", [KO]) < ENOUGH
    assert support("배송은 서울에서 무료입니다.", [KO]) < ENOUGH


def test_the_words_of_the_question_alone_are_no_support() -> None:
    question = "Do you ship to Canada for free?"
    assert support("Yes, we ship to Canada for free.", [EN], question=question) < ENOUGH


def test_the_nearest_sentence_is_what_is_quoted() -> None:
    assert nearest("no refund for gift cards", EN) == "Gift cards cannot be refunded."
