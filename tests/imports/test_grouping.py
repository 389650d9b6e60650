"""Past questions are grouped by what they mean, and told apart by what answered them."""

from __future__ import annotations

import numpy as np

from core.rag.vectors.encoder import Vector
from imports.groups.exchanges import Exchange
from imports.groups.grouping import ALIKE, SAME, Groups
from imports.groups.likeness import alike, sketch_of
from imports.groups.model import Kept
from imports.groups.offers import answered_by, wordings

ORDER = "You can order a card in the app under Cards, Order. It takes five working days."
ACTIVATE = "Open the app, choose the new card, tap Activate and enter the code from the letter."
FRAMED = "Thank you for writing to us. {} Kind regards"


def near(cosine: float, *, way: int) -> Vector:
    """A direction so near to the first axis, another one for each way."""
    vector = np.zeros(16, dtype=np.float32)
    vector[0], vector[way] = cosine, np.sqrt(1 - cosine**2)
    return vector


def grouped(*said: tuple[float, str]) -> list[str]:
    groups = Groups(16)
    groups.put("first", near(1.0, way=1), answer=sketch_of(ORDER))
    return [
        groups.put(str(n), near(cosine, way=n + 2), answer=sketch_of(answer))
        for n, (cosine, answer) in enumerate(said)
    ]


def test_one_answer_in_other_frames_is_one() -> None:
    sketches = np.stack([sketch_of(FRAMED.format(ORDER)), sketch_of(ACTIVATE), sketch_of("")])
    assert alike(sketch_of(ORDER), sketches).tolist() == [True, False, False]
    korean = "카드는 앱의 카드 메뉴에서 주문할 수 있으며 영업일 기준 5일이 걸립니다."
    other = "새 카드를 고르고 활성화를 누른 뒤 편지에 있는 코드를 입력하세요."
    sketches = np.stack([sketch_of(f"안녕하세요. {korean}"), sketch_of(other)])
    assert alike(sketch_of(korean), sketches).tolist() == [True, False]


def test_where_answers_repeat_another_answer_says_another_question() -> None:
    asked = grouped((0.95, ORDER), (0.95, ACTIVATE), (0.95, FRAMED.format(ACTIVATE)))
    assert asked == ["first", "1", "1"]
    assert grouped((0.999, ORDER), (SAME + 0.01, ACTIVATE)) == ["first", "first"]


def test_where_each_answer_is_written_anew_the_meaning_alone_tells() -> None:
    answers = ["Sure, see the app.", "It is under settings I think", "Go to a branch, please!"]
    assert grouped(*((ALIKE + 0.035, one) for one in answers)) == ["first"] * 3
    assert grouped((ALIKE - 0.03, answers[0])) == ["0"]


def kept(*said: tuple[str, str]) -> list[Kept]:
    return [
        Kept(
            exchange=Exchange(id=str(n), question=question, answer=answer, locale="en"),
            group="g",
            vector=near(0.95, way=n + 1),
        )
        for n, (question, answer) in enumerate(said)
    ]


def test_an_article_is_taught_only_what_its_answer_answered() -> None:
    found = kept(
        ("How do I order a card?", ORDER),
        ("Where do I get a card?", FRAMED.format(ORDER)),
        ("How do I activate a card?", ACTIVATE),
        ("How can I activate it in the app?", FRAMED.format(ACTIVATE)),
        ("Is my card on its way?", "It was sent on Monday."),
    )
    taught = answered_by(found, found[0].exchange.said)
    assert set(wordings(taught, title="", most=60)) == {
        "How do I order a card?",
        "Where do I get a card?",
    }


def test_of_answers_written_anew_all_count() -> None:
    answers = ["Sure, see the app.", "It is under settings I think", "Go to a branch, please!"]
    found = kept(*((f"Where do I get a card {n}?", one) for n, one in enumerate(answers)))
    assert answered_by(found, found[0].exchange.said) == found
