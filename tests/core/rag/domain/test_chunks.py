"""Documents cut into passages and sentences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from core.nlu.language_detection import language_of
from core.rag.domain.chunks import (
    MAX_WIDTH,
    asides,
    passages_of,
    pieces,
    sections,
    sentences,
    width,
)
from core.rag.domain.model import Article

TEXT = """# Billing

Intro.

## Refunds

Within 14 days.

### How long does it take?
<!-- asked:
When do I get my money back?
Where is my refund?
-->
Five days.

```
# not a heading
```
"""


def test_headings_become_the_path_of_their_passage() -> None:
    found = passages_of(Article(id="a", title="Billing", text=TEXT))
    assert [(p.id, p.heading) for p in found] == [
        ("a#0", ""),
        ("a#1", "Refunds"),
        ("a#2", "Refunds › How long does it take?"),
    ]
    assert "# not a heading" in found[2].text
    assert "asked" not in found[2].text


def test_what_an_author_notes_is_a_question_of_its_section() -> None:
    assert asides(TEXT) == [
        ("How long does it take?", "When do I get my money back?"),
        ("How long does it take?", "Where is my refund?"),
    ]


def test_an_article_without_a_text_can_still_be_recognised() -> None:
    [passage] = passages_of(Article(id="a", title="What is my balance?", text=""))
    assert passage.text == ""


def test_sentences_end_where_they_end() -> None:
    assert sentences("It costs 3.50 euros, e.g. for one. Pay now! 됩니다. 안 됩니다?") == [
        "It costs 3.50 euros, e.g. for one.",
        "Pay now!",
        "됩니다.",
        "안 됩니다?",
    ]
    assert sentences("Do this:\n1. Open it.\n2. Close it\nslowly.") == [
        "Do this:",
        "1. Open it.",
        "2. Close it slowly.",
    ]


@given(st.text(alphabet="ab 가나.\n!", max_size=4000))
def test_cutting_loses_no_character_but_space(text: str) -> None:
    cut = pieces(text)
    assert "".join("".join(cut).split()) == "".join(text.split())


def test_pieces_are_short_unless_a_sentence_is_long() -> None:
    text = " ".join(f"This is sentence number {i} of many." for i in range(200))
    assert all(width(piece) <= MAX_WIDTH for piece in pieces(text))
    assert pieces("x" * 5000) == ["x" * 5000]


def test_a_heading_alone_is_no_section() -> None:
    assert sections("# Only a title\n\n## And another\n") == []


def test_language_is_told_by_the_script() -> None:
    assert language_of("Telegram 봇은 어떻게 켜나요?") == "ko"
    assert language_of("What does 안녕 mean in Korean, please tell me") == "en"
    assert language_of("123") == "en"
