"""Many texts are found in a line as one is, and in one pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.privacy.whole_words import WholeWords

TEXTS = st.text(alphabet="ab1_+ .-é가🙂\u0301", max_size=7)


@given(st.lists(TEXTS, max_size=6), st.text(alphabet="ab1_+ .-é가🙂\u0301", max_size=40))
def test_it_finds_what_looking_for_each_finds(texts: list[str], line: str) -> None:
    assert WholeWords(texts).stand_in(line) == any(one_stands_in(line, text) for text in texts)


def one_stands_in(line: str, text: str) -> bool:
    places = [n for n in range(len(line)) if text and line.startswith(text, n)]
    for place in places:
        around = (line[place - 1] if place else "") + line[place + len(text) :][:1]
        if not any(c.isalnum() or c == "_" for c in around):
            return True
    return False


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("+821055501007", "from +821055501007: hi", True),
        ("821055501007", "from +821055501007: hi", True),
        ("821055501007", "from +8210555010070", False),
        ("kim@example.com", "<kim@example.com>", True),
        ("kim@example.com", "<joakim@example.com>", False),
        ("🙂🙂🙂🙂", "so 🙂🙂🙂🙂 it is", True),
        ("where is my parcel?", "asked: where is my parcel? (en)", True),
        ("where is my parcel", "asked: where is my parcels", False),
    ],
)
def test_whole_words_only(text: str, line: str, found: bool) -> None:
    assert WholeWords(["another", text]).stand_in(line) is found
