"""Plain text as the sections its author meant."""

from __future__ import annotations

import pytest

from core.rag.domain.chunks import passages_of
from core.rag.domain.model import Article
from core.rag.knowledge.indexing import answering, questions_of
from core.rag.reading.text.headings import titled, with_questions_as_headings


def answers(text: str, *, title: str = "") -> dict[str, str]:
    """What stands under which heading."""
    found, body = titled(text)
    article = Article(id="a", title=title or found or "faq", text=body)
    return {p.heading or p.title: p.text for p in answering(article)}


def test_a_plain_faq_is_a_section_a_question() -> None:
    text = (
        "Q: Do you ship abroad?\nA: Yes, to Norway.\n"
        "Q2) How long does it take?\nA2) Five days.\n\n"
        "Can I change my order?\nIs it possible to cancel?\nYes, within an hour.\n"
        "질문 1. 환불은 되나요?\n답변: 14일 안에 됩니다.\n"
    )
    assert answers(text) == {
        "Do you ship abroad?": "Yes, to Norway.",
        "How long does it take?": "Five days.",
        "Can I change my order?": "Yes, within an hour.",
        "환불은 되나요?": "14일 안에 됩니다.",
    }


def test_other_ways_to_ask_are_known_and_not_said() -> None:
    text = with_questions_as_headings("Can I cancel?\nMay I call it off?\nYes, within an hour.")
    article = Article(id="a", title="Cancelling", text=text)
    [passage] = answering(article)
    assert passage.text == "Yes, within an hour."
    asked = {question for question, _ in questions_of(article, [passage])}
    assert {"Can I cancel?", "May I call it off?"} <= asked


@pytest.mark.parametrize(
    "text",
    [
        "What colours does the grinder come in?",
        "Q: What colours does the grinder come in?\nA:",
        "FAQ\n\nWhat colours does the grinder come in?\nWhich sizes are there?",
        "# Grinder\n\n## What colours does the grinder come in?\n",
        "원두 그라인더는 어떤 색이 있나요",
        "Opening hours",
    ],
)
def test_a_question_or_a_heading_without_an_answer_answers_nothing(text: str) -> None:
    title, body = titled(text)
    [passage] = answering(Article(id="a", title=title or "faq", text=body))
    assert passage.text == ""


def test_the_last_line_of_a_wrapped_question_is_no_heading() -> None:
    text = "The grinder grinds.\nMany ask which colours it\ncomes in? Black and white."
    assert with_questions_as_headings(text) == text
    wrapped = "Many people ask us whether it\nis loud?\nIt is not."
    assert with_questions_as_headings(wrapped) == wrapped


def test_what_an_author_notes_stays_a_note() -> None:
    text = "## Refunds\n<!-- asked:\nMay I return it?\n-->\nYes.\n<!-- draft? -->\nWithin a week."
    assert with_questions_as_headings(text) == text


def test_code_lists_and_what_stands_in_a_sentence_stay() -> None:
    text = "```\nreally?\n```\n- Broken?\n- Late?\n\nBroken? Write to us. Late? Wait."
    assert with_questions_as_headings(text) == text


def test_a_first_line_that_is_a_title_heads_the_rest() -> None:
    assert titled("Picking up\n\nUntil 9 pm.") == ("Picking up", "# Picking up\n\nUntil 9 pm.")
    assert titled("Until 9 pm.\nAt the back door.") == (
        "Until 9 pm.",
        "Until 9 pm.\nAt the back door.",
    )
    title, body = titled("Where do I pick it up?\nAt the back door.")
    [passage] = passages_of(Article(id="a", title=title, text=body))
    assert (title, passage.heading, passage.text) == (
        "Where do I pick it up?",
        "",
        "At the back door.",
    )
