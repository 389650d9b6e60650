"""Opting out is recognised by its sense; nothing harmless is taken for it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from core.nlu.consent import opting_out, opts_in

SAID = tomllib.loads(Path(__file__).with_name("consent.toml").read_text(encoding="utf-8"))


def test_there_are_as_many_as_were_asked_for() -> None:
    assert len(SAID["opting_out"]) >= 40
    assert len(SAID["harmless_stop"]) >= 20
    assert len(SAID["harmless_yes"]) >= 20


@pytest.mark.parametrize("text", SAID["opting_out"])
def test_opting_out_is_recognised(text: str) -> None:
    found = opting_out(text)
    assert found is not None, text
    assert found.certain, text


@pytest.mark.parametrize("text", SAID["never_answered"])
def test_what_sounds_like_it_goes_to_a_person_at_least(text: str) -> None:
    assert opting_out(text) is not None


def test_what_others_wrote_is_not_answered_by_machine() -> None:
    assert [text for text in SAID["said_by_others"] if opting_out(text) is None] == []


def test_what_others_wrote_about_something_else_is_none() -> None:
    assert [text for text in SAID["harmless_of_others"] if opting_out(text) is not None] == []


def test_a_clause_that_says_so_is_enough_for_a_person() -> None:
    for text in ("Sorry, not interested, remove", "그냥, 수신거부", "ich zahle nichts, abmelden"):
        said = opting_out(text)
        assert said is not None, text
    for text in ("Hello, remove the lamp, please", "Stop, I meant size 40"):
        assert opting_out(text) is None, text


@pytest.mark.parametrize("text", SAID["harmless_stop"] + SAID["harmless_yes"] + SAID["harmless"])
def test_harmless_sentences_are_no_opting_out(text: str) -> None:
    assert opting_out(text) is None


@pytest.mark.parametrize("text", SAID["harmless_stop"] + SAID["harmless_yes"])
def test_only_the_word_alone_lets_messages_come_again(text: str) -> None:
    assert opts_in(text) is (text.strip("!").lower() == "yes")


def test_what_else_stands_in_the_message_is_not_lost() -> None:
    mixed = opting_out("Stop texting me. You charged me twice for order 1234.")
    assert mixed is not None
    assert mixed.certain
    assert not mixed.only
    thanked = opting_out("Please stop texting me. Thank you!")
    assert thanked is not None
    assert thanked.only


@pytest.mark.parametrize(
    "text",
    [
        "Stop texting me, also where is my refund?",
        "unsubscribe me and send my refund for order 1234",
        "Opt me out, btw my order 123 is still not here",
        "Please remove me from your list but I still need the invoice of May",
        "문자 그만 보내세요 그리고 제 주문은 아직 안 왔어요",
        "수신거부 해주세요, 제 주문은 언제 오나요?",
        "no quiero más sms de ustedes, ¿cuándo llega mi pedido?",
        "Dejen de enviarme mensajes y díganme dónde está mi pedido",
        "Bitte keine SMS mehr, aber wo ist meine Bestellung?",
    ],
)
def test_another_matter_in_the_same_sentence_is_not_lost(text: str) -> None:
    mixed = opting_out(text)
    assert mixed is not None
    assert mixed.certain
    assert not mixed.only


@pytest.mark.parametrize(
    "text",
    [
        "Please, stop texting me, thank you!",
        "stop texting and calling me",
        "Remove me from your list and never text me again",
        "Hello, please unsubscribe me",
        "안녕하세요, 문자 그만 보내주세요",
        "No me escriban más, por favor",
    ],
)
def test_two_ways_of_saying_it_are_one_matter(text: str) -> None:
    said = opting_out(text)
    assert said is not None
    assert said.only


def test_how_it_is_done_is_a_question_for_a_person() -> None:
    asked = opting_out("How do I unsubscribe from these texts?")
    assert asked is not None
    assert not asked.certain
