"""Threats as people write them are told from what only sounds like one; see bench/hostile_messages.

Half of the messages were kept back while turns of speech were collected and the words learned.
Nobody passes by luck or by always saying the same: each language has to reach both shares, and a
judge that tosses coins, says "threat" always, never, or by the length of a message, fails.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from bench.hostile_messages.sets import LANGUAGES, Message, messages
from core.nlu.chatter import chatter
from core.nlu.threats import threatens

CAUGHT = 0.75  #: of the unseen threats, by language
ALLOWED = 0.05  #: of the unseen harmless messages taken for a threat
SMALL_TALK = 0.88  #: of unseen thanks, laughter, tapbacks, … that ask for nobody

Judge = Callable[[str], bool]
UNSEEN = [message for message in messages() if not message.seen]


def passes(judge: Judge, language: str) -> bool:
    """Whether a judge tells the unseen messages of a language apart well enough."""
    mine = [m for m in UNSEEN if m.language == language]
    threats = [judge(m.text) for m in mine if m.threat]
    harmless = [judge(m.text) for m in mine if not m.threat]
    assert min(len(threats), len(harmless)) >= 95
    return sum(threats) >= CAUGHT * len(threats) and sum(harmless) <= ALLOWED * len(harmless)


@pytest.mark.parametrize("language", LANGUAGES)
def test_threats_are_told_from_what_sounds_like_one(language: str) -> None:
    assert passes(threatens, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_luck_does_not_pass(language: str) -> None:
    for seed in range(200):
        dice = random.Random(seed)
        share = seed / 200
        assert not passes(lambda _, dice=dice, share=share: dice.random() < share, language)  # type: ignore[misc]
    for length in range(5, 120, 5):
        assert not passes(lambda text, length=length: len(text) > length, language)  # type: ignore[misc]


def test_every_kind_of_threat_is_caught() -> None:
    kinds = {(m.language, m.kind) for m in UNSEEN if m.threat}
    assert len(kinds) == 8
    for kind in kinds:
        told = [threatens(m.text) for m in UNSEEN if m.threat and (m.language, m.kind) == kind]
        assert sum(told) >= 0.5 * len(told), kind


def test_small_talk_asks_for_nobody() -> None:
    said = [m for m in UNSEEN if not m.threat and m.kind != "hyperbole"]
    answered = [m for m in said if chatter(m.text) is not None]
    assert len(said) >= 90
    assert len(answered) >= SMALL_TALK * len(said), _texts(said, answered)


def test_a_threat_in_the_middle_of_a_long_message_is_seen() -> None:
    before = "I ordered a lamp on Monday. It came late and the box was open. " * 5
    for message in [m for m in messages() if m.threat and m.seen and len(m.text) > 25][:40]:
        text = f"{before}{message.text}. Please answer soon. I liked your shop before."
        if threatens(f"{message.text}."):
            assert threatens(text), message.text


def _texts(said: list[Message], answered: list[Message]) -> list[str]:
    return [m.text for m in said if m not in answered]


@pytest.mark.parametrize(
    ("text", "threat"),
    [
        ("te voy a matar", True),
        ("Os voy a quemar la oficina", True),
        ("quiero morirme", True),
        ("sé dónde vives", True),
        ("hay una bomba en su oficina", True),
        ("me muero de hambre, ¿cuándo llega?", False),
        ("¿Tienen algo para matar hormigas?", False),
        ("mi planta se va a morir", False),
    ],
)
def test_threats_in_spanish_are_told_from_manners_of_speaking(text: str, threat: bool) -> None:
    assert threatens(text) == threat
