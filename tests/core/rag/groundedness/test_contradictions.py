"""Sources that contradict each other are found and siblings are not; nothing of them goes alone."""

from __future__ import annotations

import time

import pytest

from approvals.queue.wording import reasons_in_words
from core.domain.drafts import Draft, Question, Reason
from core.domain.policy import BLOCKING
from core.i18n import Words
from core.rag.answering.contradiction_check import all_of, contradiction_check
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.confidence.model import Confidence
from core.rag.domain.model import Found, Hit, Passage
from core.rag.groundedness.contradictions import Kind, contradictions, forget_contradictions
from tests.core.rag.groundedness.contradicting import Pair, pairs, passage
from tests.support.world import LOCALES

FOURTEEN = passage("one", "How long can I return an item? :: You can return items within 14 days.")
THIRTY = passage("other", "Returns :: Items can be returned within 30 days of delivery.")
HOURS = passage("third", "When are you open? :: We are open from nine to five.")


def shares(chosen: list[Pair]) -> tuple[float, float]:
    """How many of those that contradict were found, and of those that do not."""
    found = [bool(contradictions(p.one, p.other)) for p in chosen]
    right = [f for f, p in zip(found, chosen, strict=True) if p.contradicts]
    wrong = [f for f, p in zip(found, chosen, strict=True) if not p.contradicts]
    return sum(right) / len(right), sum(wrong) / len(wrong)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_what_contradicts_is_found_and_siblings_are_not(language: str) -> None:
    assert shares([pair for pair in pairs(language) if not pair.kept]) == (1.0, 0.0)
    # At the first look: 12 of 14 found, 1 of 26 others.
    found, wrong = shares([pair for pair in pairs(language) if pair.kept])
    assert found >= 0.85
    assert wrong <= 0.05


@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_does_not_matter_which_comes_first(language: str) -> None:
    for pair in pairs(language):
        there, back = contradictions(pair.one, pair.other), contradictions(pair.other, pair.one)
        assert {(c.kind, c.one, c.other) for c in there} == {
            (c.kind, c.other, c.one) for c in back
        }, pair


def test_the_two_sentences_are_told_as_they_are_written() -> None:
    text = "We sell tools. Returns are free of charge. You can return items **within 14 days**."
    one = passage("one", f"Returns :: {text}")
    (found,) = contradictions(one, THIRTY)
    assert found.kind is Kind.NUMBER
    assert found.one == "You can return items within 14 days."
    assert found.other == "Items can be returned within 30 days of delivery."


def test_pieces_of_one_text_do_not_contradict_each_other() -> None:
    first = passage("one", "Returns :: Items can be returned within 14 days.")
    second = Passage(
        id="one#1", article_id="one", title="Returns", heading="", text=THIRTY.text, locale="en"
    )
    assert contradictions(first, second) == ()


@pytest.mark.no_cover  # a tracer would be what takes the time
def test_a_long_text_is_read_in_no_time() -> None:
    text = " ".join(
        f"Part {n} of the rack carries {n + 3} kg and costs {n} euros." for n in range(90)
    )
    one, other = passage("one", f"Racks :: {text}"), passage("other", f"Shelves :: {text}")
    forget_contradictions()
    began = time.process_time()
    contradictions(one, other)
    assert time.process_time() - began < 2.0


def drafted(*passages: Passage, text: str = "How long can I return an item?") -> Draft:
    found = Found(hits=[Hit(passage=p, score=1.0) for p in passages], signals={"question": 0.95})
    return ExtractiveAnswerer(Confidence.load()).answer(asked(text), found)


def asked(text: str) -> Question:
    return Question(conversation_id="c", text=text, locale="en", channel="web")


def test_a_quotation_that_another_source_contradicts_is_held_and_both_are_named() -> None:
    draft = drafted(FOURTEEN, HOURS, THIRTY)
    assert draft.text == FOURTEEN.text
    assert Reason.CONTRADICTED in draft.reasons
    assert Reason.CONTRADICTED in BLOCKING
    assert not draft.sendable
    (finding,) = draft.findings
    assert finding.values == {
        "title": FOURTEEN.title,
        "said": FOURTEEN.text,
        "other_title": THIRTY.title,
        "other": THIRTY.text,
    }


def test_a_contradiction_among_the_others_holds_nothing() -> None:
    assert drafted(HOURS, FOURTEEN, THIRTY).reasons == ()


def test_of_a_long_source_only_what_is_quoted_counts() -> None:
    filler = "We have sold tools since 1990, and we love what we do. " * 12
    one = passage("one", f"Our shop :: We are open from nine to five. {filler}{FOURTEEN.text}")
    assert drafted(one, THIRTY, text="When are you open, from nine?").reasons == ()


async def test_a_model_may_rest_on_neither() -> None:
    hits = [Hit(passage=p, score=1.0) for p in (FOURTEEN, HOURS, THIRTY)]
    check = all_of(contradiction_check, contradiction_check)
    found = await check(asked("How long can I return an item?"), hits)
    assert set(found) == {FOURTEEN.id, THIRTY.id}
    assert found[THIRTY.id].values["said"] == THIRTY.text


@pytest.mark.parametrize(("locale", "word"), [("en", "Two sources disagree"), ("ko", "두 출처")])
def test_people_read_who_says_what(locale: str, word: str) -> None:
    draft = drafted(FOURTEEN, THIRTY)
    words = Words.load(LOCALES)
    (told,) = reasons_in_words(
        [Reason.CONTRADICTED], words=words, locale=locale, findings=draft.findings
    )
    assert told.startswith(word)
    for part in (FOURTEEN.title, FOURTEEN.text, THIRTY.title, THIRTY.text):
        assert part in told
