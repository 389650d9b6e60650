"""Answers without a model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.drafts import Draft, Question, Reason
from core.rag.answering.extractive import LIMIT, ExtractiveAnswerer, quote
from core.rag.confidence.model import Confidence
from core.rag.domain.chunks import passages_of, sentences
from core.rag.domain.model import Article, Found, Hit, Passage
from core.rag.semantics.statements import is_question

LONG = (
    "Our shop was founded in 1990. We sell garden tools of all kinds. "
    + "Every spring we hold a sale in the yard behind the house. " * 8
    + "A refund is paid within five days to the card you paid with. Keep the receipt for it. "
    + "The yard is open on Saturdays. " * 10
)


def found(text: str) -> Found:
    passage = Passage(id="p", article_id="a", title="Shop", heading="Refunds", text=text)
    return Found(hits=[Hit(passage=passage, score=1.0)], signals={"question": 0.9})


def ask(text: str, found: Found) -> Question:
    return Question(conversation_id="c", text=text, locale="en", channel="web")


def drafted(question: str, text: str) -> Draft:
    seen = found(text)
    return ExtractiveAnswerer(Confidence.load()).answer(ask(question, seen), seen)


def answered(question: str, text: str) -> str:
    draft = drafted(question, text)
    assert draft.citations[0].id == "p"
    assert draft.citations[0].title == "Shop › Refunds"
    return draft.text


def test_a_short_passage_is_the_answer() -> None:
    assert answered("When?", "Within **14 days**.\n\n1. Open it.\n2. Send it.") == (
        "Within **14 days**.\n\n1. Open it.\n2. Send it."
    )


def test_of_a_long_passage_the_sentences_that_fit_word_for_word() -> None:
    text = answered("How soon is my refund paid to my card?", LONG)
    assert "A refund is paid within five days to the card you paid with." in text
    assert len(text) <= LIMIT
    assert text in " ".join(LONG.split())
    assert text.endswith(".")


def test_a_long_sentence_is_never_cut() -> None:
    sentence = "word " * 300 + "end."
    assert answered("word?", f"{sentence} Short one.").endswith(".")


MANUAL = "\n".join(
    [
        "GX-200 COFFEE GRINDER",
        "Operating manual",
        *(f"{part} {number} {unit}" for number, (part, unit) in enumerate(
            [("Power", "W"), ("Weight", "kg"), ("Cable", "m"), ("Noise", "dB")] * 30, start=100
        )),
        "Colours: black, white, copper",
        "Burrs: steel, 54 mm",
        *(f"Screw type {number} for housing" for number in range(60)),
    ]
)  # fmt: skip


def test_of_a_manual_without_sentences_the_lines_that_were_asked_for() -> None:
    article = Article(id="a", title="GX-200 coffee grinder", text=MANUAL)
    [passage] = [p for p in passages_of(article) if "copper" in p.text]
    assert len(passage.text) < 1200 < len(MANUAL)
    hit = Hit(passage=passage, score=1.0)
    text = quote("What colours does the grinder come in?", hit)
    lines = [line.strip() for line in text.splitlines()]
    assert "Colours: black, white, copper" in lines
    assert len(text) <= LIMIT
    assert set(lines) <= set(MANUAL.splitlines())


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Can I return a grinder that I have used?", "Used machines stay yours."),
        ("How long does delivery take?", "Delivery takes three days."),
    ],
)
def test_the_question_of_a_passage_leads_to_the_sentence_that_answers_it(
    question: str, said: str
) -> None:
    faq = (
        "How long does delivery take? Delivery takes three days. "
        + "We have been in business since 1990 and love what we do. " * 12
        + "Can I return a grinder that I have used? Used machines stay yours."
    )
    text = answered(question, faq)
    assert said in text
    assert len(text) <= LIMIT
    assert not is_question(sentences(text)[0])
    assert not is_question(sentences(text)[-1])


@pytest.mark.parametrize(
    "text",
    [
        "What colours does the grinder come in?",
        "What colours does it come in?\n\nIs it loud?",
        "어떤 색이 있나요?",
        "**Refunds**",
        "Shop\n\nRefunds",
    ],
)
def test_what_only_asks_or_names_is_no_answer(text: str) -> None:
    draft = drafted("What colours does the grinder come in?", text)
    assert (draft.text, draft.citations, draft.sendable) == ("", (), False)
    assert draft.reasons == (Reason.NOTHING_FOUND,)


def test_an_endless_sentence_is_shown_to_a_person_and_sent_to_nobody() -> None:
    draft = drafted("colours?", "black and white and " * 200)
    assert (draft.text, draft.sendable, draft.reasons) == ("", False, (Reason.UNQUOTABLE,))
    assert draft.citations[0].title == "Shop › Refunds"
    assert draft.findings[0].values == {"title": "Shop › Refunds"}


@given(
    st.lists(st.text(alphabet="ab가 .?\n", min_size=1, max_size=300), max_size=30),
    st.text(alphabet="ab가 ", min_size=1, max_size=20),
)
def test_a_quotation_is_short_and_word_for_word(lines: list[str], question: str) -> None:
    text = "\n\n".join(lines)
    said = drafted(question, text).text
    assert len(said) <= LIMIT
    # Space between sentences may change, no letter of one does.
    assert "".join(said.split()) in "".join(text.split())


def test_without_a_text_there_is_no_answer() -> None:
    answerer = ExtractiveAnswerer(Confidence.load())
    for nothing in (Found(), found("  ")):
        draft = answerer.answer(ask("x", nothing), nothing)
        assert (draft.text, draft.citations, draft.sendable) == ("", (), False)
        assert draft.reasons == (Reason.NOTHING_FOUND,)
