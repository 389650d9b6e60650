"""Answers without a model."""

from __future__ import annotations

from core.drafts import Question, Reason
from core.rag.confidence import Confidence
from core.rag.extractive import LIMIT, ExtractiveAnswerer
from core.rag.passages import Found, Hit, Passage

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


def answered(question: str, text: str) -> str:
    seen = found(text)
    draft = ExtractiveAnswerer(Confidence.load()).answer(ask(question, seen), seen)
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


def test_without_a_text_there_is_no_answer() -> None:
    answerer = ExtractiveAnswerer(Confidence.load())
    for nothing in (Found(), found("  ")):
        draft = answerer.answer(ask("x", nothing), nothing)
        assert (draft.text, draft.citations, draft.sendable) == ("", (), False)
        assert draft.reasons == (Reason.NOTHING_FOUND,)
