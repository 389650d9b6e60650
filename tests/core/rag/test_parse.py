"""Answers are read as they grow, as JSON or as plain text, whatever the pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rag.parse import LONGEST, AnswerReader, BrokenAnswer, Claim


def read(text: str, size: int = 3) -> list[Claim]:
    reader = AnswerReader()
    claims: list[Claim] = []
    for start in range(0, len(text), size):
        claims += reader.feed(text[start : start + size])
    return [*claims, *reader.finish()]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_plain_text_with_markers(size: int) -> None:
    claims = read("Open Settings. [1] Then press Reset [2][3]. Done.", size)
    assert [(c.plain, c.sources) for c in claims] == [
        ("Open Settings.", (1,)),
        ("Then press Reset.", (2, 3)),
        ("Done.", ()),
    ]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_korean_lists_and_numbers_stay_whole(size: int) -> None:
    text = "설정을 여세요[1]. 3.5배 빨라집니다. [2]\n1. 첫 단계 [1]\n2. 둘째 단계 [1, 2]"
    assert [c.sources for c in read(text, size)] == [(1,), (2,), (1,), (1, 2)]
    assert "".join(c.lead + c.text for c in read(text, size)).split() == text.split()


@pytest.mark.parametrize(
    ("marker", "sources"),
    [
        ("[1]", (1,)),
        ("[1, 2]", (1, 2)),
        ("【2†source】", (2,)),
        ("[^3]", (3,)),
        ("[Source 2]", (2,)),
        ("[출처 1]", (1,)),
        ("[1](https://x.example)", (1,)),
        ("[EMAIL_1]", ()),
        ("[abc]", ()),
    ],
)
def test_the_ways_to_write_a_marker(marker: str, sources: tuple[int, ...]) -> None:
    assert read(f"It is so {marker}.")[0].sources == sources


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("fence", [False, True])
def test_structured_claims(size: int, *, fence: bool) -> None:
    text = json.dumps(
        {"claims": [{"text": "A b.", "sources": [1]}, {"text": "C.", "sources": ["[2]"]}]}
    )
    text = f"```json\n{text}\n```" if fence else text
    assert [(c.text, c.sources) for c in read(text, size)] == [("A b.", (1,)), ("C.", (2,))]


def test_a_claim_is_given_before_the_answer_ends() -> None:
    reader = AnswerReader()
    assert not reader.feed('{"claims": [{"text": "A", "sources": [1]}')
    assert [c.text for c in reader.feed(', {"text": "B')] == ["A"]


def test_an_answer_in_one_string_is_read_too() -> None:
    assert read('{"answer": "Yes. [1] No. [2]"}')[1].sources == (2,)
    assert read('{"answer": "Yes.", "sources": [2]}')[0].sources == (2,)


@pytest.mark.parametrize(
    "text",
    [
        '{"claims": [{"text": "A", "sour',
        '{"claims": [{"sources": [1]}]}',
        '{"x": 1}',
        "{oops}",
        '{"claims": [1, 2]}',
        '{"answer": 5}',
        "```json\n[1]\n```",
    ],
)
def test_broken_json_is_said_to_be_broken(text: str) -> None:
    with pytest.raises(BrokenAnswer):
        read(text)


def test_a_refusal_gives_no_claims() -> None:
    reader = AnswerReader()
    assert [*reader.feed("NO_"), *reader.feed("ANSWER"), *reader.finish()] == []
    assert reader.refused


def test_an_endless_answer_is_cut_off() -> None:
    reader = AnswerReader()
    reader.feed("la la. " * (LONGEST // 7))
    with pytest.raises(BrokenAnswer):
        reader.feed("la la. la la.")


@given(st.text(alphabet='ab1.!? \n[]가요。{}"', max_size=80), st.integers(1, 9))
def test_pieces_never_change_what_is_read(text: str, size: int) -> None:
    def outcome(step: int) -> object:
        try:
            return [(c.text, c.sources) for c in read(text, step)]
        except BrokenAnswer:
            return "broken"

    assert outcome(size) == outcome(1000)
