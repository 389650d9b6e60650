"""What is in neither of our languages is known; what is in one of them never is taken for it."""

from __future__ import annotations

import pytest

from config.languages import ANSWERING, LANGUAGES
from core.nlu.language_detection import (
    customers_language,
    detect_locale,
    foreign_language,
    script_language,
)
from tests.support.lines import lines

OURS = ("en", "ko", "none")
ALIKE = ({"no", "da"}, {"ms", "id"})


def rows(name: str) -> list[tuple[str, str]]:
    told = (line.split("\t", 1) for line in lines(name))
    return [(code, text) for code, text in told]


@pytest.mark.parametrize("name", ["languages.fit.tsv", "languages.held.tsv"])
def test_short_messages(name: str) -> None:
    ours = [text for code, text in rows(name) if code in OURS]
    others = [(code, text) for code, text in rows(name) if code not in OURS]
    assert [(text, found) for text in ours if (found := foreign_language(text))] == []
    known = [
        text
        for code, text in others
        if (found := foreign_language(text)) == code or {found, code} in ALIKE
    ]
    assert len(known) >= 0.9 * len(others)
    assert len({code for code, _ in others}) >= 12


def test_both_sets_are_as_large_as_promised() -> None:
    assert len(rows("languages.fit.tsv")) + len(rows("languages.held.tsv")) >= 500


def test_letters_that_we_have_not_are_answered_in_english() -> None:
    assert script_language("注文した商品はどこですか") == "ja"
    assert detect_locale("注文した商品はどこですか", default="ko") == "en"
    assert detect_locale("Где мой заказ?", default="ko") == "en"
    assert detect_locale("無印良品 제품도 있나요", default="en") == "ko"
    assert detect_locale("👍", default="ko") == "ko"
    assert detect_locale("金", default="ko") == "ko"


@pytest.mark.parametrize("name", ["languages.fit.tsv", "languages.held.tsv"])
def test_a_customer_is_written_to_in_a_language_of_ours(name: str) -> None:
    for code, text in rows(name):
        spoken = customers_language(text, default="en")
        if code in ANSWERING or code == "none":
            assert spoken == detect_locale(text, default="en"), text
        assert spoken in LANGUAGES, text
    spanish = [text for code, text in rows(name) if code == "es"]
    known = [text for text in spanish if customers_language(text, default="en") == "es"]
    assert len(known) >= 0.9 * len(spanish) > 0
    assert all(customers_language(text, default="es") == "es" for text in spanish)


@pytest.mark.parametrize(
    ("text", "so_far", "now"),
    [
        ("quiero hablar con una persona", "en", "es"),
        ("¿Dónde está mi pedido?", "ko", "es"),
        ("wifi gratis?", "es", "es"),
        ("Barcelona Sants", "es", "es"),
        ("ok", "es", "es"),
        ("👍", "es", "es"),
        ("Where is my order?", "es", "en"),
        ("제 주문은 어디에 있나요?", "es", "ko"),
        ("Wo ist meine Bestellung?", "es", "es"),
        ("Где мой заказ?", "es", "es"),
        ("Где мой заказ?", "ko", "en"),
        ("👍", "ko", "ko"),
        ("Where is my order?", "a language that was taken away", "en"),
    ],
)
def test_who_shows_no_language_keeps_theirs(text: str, so_far: str, now: str) -> None:
    assert customers_language(text, default=so_far) == now


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Was kostet das Roaming-Paket?", "de"),
        ("¿Hacen envíos a Portugal?", "es"),
        ("wo ist meine Lieferung", "de"),
        ("cuanto cuesta el envio", "es"),
        ("What is the la carte menu?", ""),
        ("Das Keyboard, do you have it?", ""),
        ("Los Angeles", ""),
        ("El Camino", ""),
    ],
)
def test_words_that_a_language_uses_all_the_time_tell_it(text: str, code: str) -> None:
    assert foreign_language(text) == code
