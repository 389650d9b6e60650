"""What asks for nothing is told from what does, in both languages, as people spell it."""

from __future__ import annotations

import time

import pytest

from core.nlu.chatter import Chatter, chatter
from core.nlu.threats import threatens
from tests.support.lines import lines

ASKS_NOTHING = [
    text
    for part in ("", "_held", "_last")
    for code in ("en", "ko")
    for text in lines(f"chatter{part}.{code}.txt")
]
ASKS = [text for code in ("en", "ko") for text in lines(f"chatter_not.{code}.txt")]
NOT_YET = {
    "how are you",  # answered as what it is
    "how are you doing?",
    # Left as they were when the last fifty were tried, before anybody had looked at them.
    "thanks for sorting that out so quickly",
    "thank you, you've been great",
    "ok, I'll check and let you know",
    "굿입니다",
    "ㅁㄴㅇㄹ",
}


def test_there_are_as_many_as_promised() -> None:
    for code in ("en", "ko"):
        assert len(lines(f"chatter.{code}.txt")) >= 300
        assert len(lines(f"chatter_not.{code}.txt")) >= 150
    assert len(ASKS_NOTHING) >= 900


def test_what_asks_for_nothing_is_known() -> None:
    assert {text for text in ASKS_NOTHING if chatter(text) is None} <= NOT_YET


def test_what_asks_for_something_is_not() -> None:
    assert [text for text in ASKS if chatter(text) is not None] == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ok thx", Chatter.THANKS),
        ("감사합니당 ㅎㅎ", Chatter.THANKS),
        ("ㄳ", Chatter.THANKS),
        ("bye, thanks!", Chatter.THANKS),
        ("수고하세용", Chatter.GOODBYE),
        ("never mind, found it", Chatter.DONE),
        ("해결됐어요", Chatter.DONE),
        ("no that's all", Chatter.DONE),
        ("ㄴㄴ", Chatter.DECLINED),
        ("ㅇㅇ", Chatter.ACKNOWLEDGED),
        ("Okayyyy", Chatter.ACKNOWLEDGED),
        ("ㅎㅇ", Chatter.GREETING),
        ("??", Chatter.NUDGE),
        ("ㅋㅋㅋ", Chatter.REACTION),
        ("👍👍", Chatter.REACTION),
        ("Liked “We deliver within three days. Is that all right?”", Chatter.REACTION),
        ("“배송이 시작되었나요?”을(를) 좋아함", Chatter.REACTION),
    ],
)
def test_what_is_said(text: str, kind: Chatter) -> None:
    assert chatter(text) is kind


def test_a_question_is_none_however_much_chatter_stands_around_it() -> None:
    for text in (
        "fixed?",
        "해결됐어요?",
        "없어요?",
        "ok but how?",
        "Liked the blue one, is it in stock",
    ):
        assert chatter(text) is None


@pytest.mark.no_cover  # a tracer would be what takes the time
def test_it_takes_microseconds() -> None:
    began = time.thread_time()
    for text in ASKS:
        chatter(text)
    assert (time.thread_time() - began) / len(ASKS) < 0.002


@pytest.mark.parametrize("code", ["en", "ko"])
def test_threats_are_told_from_manners_of_speaking(code: str) -> None:
    threats = [*lines(f"threats.{code}.txt"), *lines(f"threats_held.{code}.txt")]
    spoken = [*lines(f"hyperbole.{code}.txt"), *lines(f"hyperbole_held.{code}.txt")]
    assert len(threats) >= 120
    assert len(spoken) >= 175
    assert [text for text in spoken if threatens(text)] == []
    missed = [text for text in threats if not threatens(text)]
    assert len(missed) <= 3, missed


def test_no_threat_is_seen_in_what_customers_ask() -> None:
    asked = [*ASKS, *lines("benign.en.txt"), *lines("benign.ko.txt"), *ASKS_NOTHING]
    assert [text for text in asked if threatens(text)] == []
