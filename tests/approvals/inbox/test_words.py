"""Which words of a conversation can be searched for, and which never."""

from __future__ import annotations

import pytest

from approvals.inbox.words import WordNumbers
from core.domain import events as ev
from core.domain.messages import Address, Author, Sender

NUMBERS = WordNumbers("a secret")


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("When do I get my refunds?", "refund"),
        ("환불을 받고 싶어요", "환불"),
        ("주문번호 A-1024 배송조회", "배송 조회"),
        ("write to Kim.Jiwoo@example.com please", "kim.jiwoo@example.com"),
        ("call me at +82 10-1234-5678", "+821012345678"),
    ],
)
def test_found(said: str, asked: str) -> None:
    assert NUMBERS.of(asked, locale="ko") <= NUMBERS.of(said, locale="ko")


@pytest.mark.parametrize(
    "secret", ["4111 1111 1111 1111", "sk-abcdefghijklmnop1234", "900101-1234567"]
)
def test_what_pays_or_identifies_is_not_in_the_index(secret: str) -> None:
    said = NUMBERS.of(f"it is {secret}, thanks", locale="ko")
    assert said == NUMBERS.of("it is , thanks", locale="ko")
    assert NUMBERS.of(secret, locale="ko") == frozenset()


def test_an_address_is_found_whole_only() -> None:
    assert not NUMBERS.of("example") <= NUMBERS.of("write to kim@example.com")


def test_another_key_gives_other_numbers() -> None:
    other = WordNumbers("another secret")
    assert NUMBERS.of("refund").isdisjoint(other.of("refund"))
    assert NUMBERS.fingerprint != other.fingerprint


def test_notices_and_drafts_are_not_searched() -> None:
    notice = ev.Sent(author=Author.SYSTEM, text="You are in the queue", notice=ev.Notice.GREETING)
    assert NUMBERS.of_event(notice) == frozenset()
    answer = ev.Sent(author=Author.AI, text="You are in the queue")
    assert NUMBERS.of_event(answer) == NUMBERS.of("You are in the queue")
    started = ev.Started(
        address=Address(channel="sms", account="a", chat="+15550100"),
        sender=Sender(id="x", name="Jiwoo Kim"),
    )
    assert NUMBERS.of("kim") <= NUMBERS.of_event(started)
