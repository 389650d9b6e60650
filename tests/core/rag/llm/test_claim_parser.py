"""Answers are read as they grow, as JSON or as plain text, whatever the pieces."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.rag.llm.claim_parser import LONGEST, AnswerReader
from core.rag.llm.claims import Claim
from core.rag.llm.json_output import BrokenAnswer


def read(text: str, size: int = 3) -> list[Claim]:
    reader = AnswerReader()
    claims: list[Claim] = []
    restarts = 0
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    for step in (*(lambda piece=piece: reader.feed(piece) for piece in pieces), reader.finish):
        new = step()
        if reader.restarts != restarts:
            restarts, claims = reader.restarts, []
        claims += new
    return claims


def said(text: str, size: int = 3) -> list[tuple[str, tuple[int, ...]]]:
    return [(claim.plain, claim.sources) for claim in read(text, size)]


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


def test_a_claim_is_given_as_soon_as_it_is_whole() -> None:
    reader = AnswerReader()
    assert [c.text for c in reader.feed('{"claims": [{"text": "A", "sources": [1]}')] == ["A"]
    assert [c.text for c in reader.feed(', {"text": "B", "sources": [2]}]}')] == ["B"]
    assert reader.finish() == []


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
        '{"claims": [{"text": "A", "sources": [1]}, {"te',
        'Here it is: {"claims": [{"text": "A", "sources": [1]}, {"te',
        'Sure! {"verdict": "yes"}',
        "{'claims': [{'text': 'A', 'sources': [1]}]}",
        '{"claims": [{"text": "A", "sources": [1]}]} or {"claims": []}',
        '[{"text": "A", "sources": [1]}, {"text"',
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


CLAIMS = json.dumps(
    {
        "claims": [
            {"text": "Open Settings.", "sources": [1]},
            {"text": "Press it.", "sources": [2]},
        ]
    }
)
HARMONY = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>"
TWO = [("Open Settings.", (1,)), ("Press it.", (2,))]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    "text",
    [
        f"Here is the answer: {CLAIMS}",
        f"Based on the sources [1], I found this. [2]\n\n{CLAIMS}\n\nLet me know! [1]",
        f"<think>\nThe user asks. [1] says Settings.\n</think>\n\n{CLAIMS}",
        f"The user asks, and [1] says so. I answer.\n</think>\n{CLAIMS}",
        f"Answer:\n```json\n{CLAIMS}\n```\nDone.",
        f"```\n{CLAIMS}\n```",
        f"<answer>{CLAIMS}</answer>",
        f'{{"name": "answer", "arguments": {CLAIMS}}}',
        f'<tool_call>{{"name": "answer", "arguments": {json.dumps(CLAIMS)}}}</tool_call>',
        f'{{"type": "object", "properties": {{"claims": {{"type": "array"}}}}}}\n{CLAIMS}',
        f'{{"answer": {CLAIMS}}}',
        '[{"claim": "Open Settings.", "source": 1}, {"claim": "Press it.", "refs": [{"id": 2}]}]',
        '{"answer": "Open Settings. [1] Press it. [2]"}',
        '{"claims": ["Open Settings. [1]", "Press it. [2]"]}',
        "<think>Let me see [2].</think>Open Settings. [1] Press it. [2]",
        "<thinking>\nA\n<thinking>B</thinking>\n</thinking>Open Settings. [1] Press it. [2]",
        "<reasoning time='3'>So. [1]</reasoning>\n\nOpen Settings. [1] Press it. [2]",
        "So the answer is in [1]. Good.</think>\n\nOpen Settings. [1] Press it. [2]",
        "[THINK]Hm. [2][/THINK]Open Settings. [1] Press it. [2]",
        "◁think▷Hm. [2]◁/think▷Open Settings. [1] Press it. [2]",
        f"{HARMONY}Open Settings. [1] Press it. [2]<|return|>",
        "&lt;think&gt;Hm. [2]&lt;/think&gt;Open Settings. [1] Press it. [2]",
        "<p>Open <b>Settings</b>. [1]</p><p>Press&nbsp;it. [2]</p>",
        "<ol><li>Open Settings. [1]</li><li>Press it. [2]</li></ol>".replace("<ol>", "<div>"),
        "<!-- as asked -->Open Settings. [1]<br/>Press it. [2]",
        "<script>alert('Open the door. [1]')</script>Open Settings. [1] Press it. [2]",
        "Open Settings. [1] Press it. [2]<style>p { color: red }",
        "```html\n<p>Open Settings. [1]</p>\n<p>Press it. [2]</p>\n```",
        "```\nOpen Settings. [1]\nPress it. [2]\n```",
        "Open Settings. [1] Press it. [2]<|im_end|>",
        "Open Settings. [1] Press it. [2]<think>Is that all? [1] Yes.",
        "NO, wait.</think>Open Settings. [1] Press it. [2]",
    ],
)
def test_the_answer_is_found_in_whatever_a_model_puts_around_it(text: str, size: int) -> None:
    got = [(plain.removeprefix("- "), sources) for plain, sources in said(text, size)]
    assert got == TWO


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "<think>The user wants Settings. [1] They press it. [2]",
        "<reasoning>Never ends. [1]",
        "<|channel|>analysis<|message|>Never ends. [1]",
    ],
)
def test_reasoning_without_an_end_is_no_answer(text: str, size: int) -> None:
    assert said(text, size) == []


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "Add `<script src='widget.js'></script>` to the page. [1]",
        'Send `{"email": "you@example.com"}` to the API. [1]',
        "It is free if you are < 18 or > 65 years old. [1]",
        "Write to <help@shop.example>. [1]",
        "Run `bot.py users remove <EMAIL>` or call <PERSON>. [1]",
        "A&B is 5 & more. [1]",
    ],
)
def test_what_only_looks_like_markup_stays(text: str, size: int) -> None:
    assert said(text, size) == [(text.removesuffix(" [1]"), (1,))]


def test_a_code_block_for_the_reader_is_no_answer_object() -> None:
    text = 'Send this: [1]\n```json\n{"email": "you@example.com"}\n```\nThen wait. [2]'
    assert [c.sources for c in read(text) if c.sources] == [(1,), (2,)]


def test_a_link_keeps_its_address() -> None:
    text = 'See <a href="https://shop.example/help">our page</a> now. [1]'
    assert said(text, 1) == [("See [our page](https://shop.example/help) now.", (1,))]


@pytest.mark.parametrize(
    "text", ['{"claims": []}', '```json\n{"claims": []}\n```', "Hm. NO_ANSWER"]
)
def test_no_claims_are_a_refusal(text: str) -> None:
    reader = AnswerReader()
    assert [*reader.feed(text), *reader.finish()] == []
    assert reader.refused


PARTS = st.sampled_from(
    [
        *("a", "b.", " ", "\n", "[1]", "[2]", "<", ">", "{", "}", '"', "`", "&", "요. ", "3."),
        *("<b>", "</b>", "<p>", "</p>", "<script>", "</script>", "<!--", "-->", "</a>", "&amp;"),
        *("<think>", "</think>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷", "&lt;think&gt;"),
        *("<|channel|>final<|message|>", "<|channel|>analysis<|message|>", "<|im_end|>"),
        *("<unused94>", "<unused95>", "<a href='https://x.y'>", "NO_ANSWER", "```", "```json\n"),
        *('{"claims": [', '{"text": "A.", "sources": [1]}', "]}", '{"x": 1}'),
    ]
)


@settings(max_examples=400)
@given(
    st.one_of(
        st.text(alphabet='ab1.!? \n[]가요。{}"<>/`&', max_size=80),
        st.lists(PARTS, max_size=14).map("".join),
    ),
    st.integers(1, 9),
)
def test_pieces_never_change_what_is_read(text: str, size: int) -> None:
    def outcome(step: int) -> object:
        try:
            return [(c.text, c.sources) for c in read(text, step)]
        except BrokenAnswer:
            return "broken"

    assert outcome(size) == outcome(1000)


@pytest.mark.no_cover  # a tracer would be what takes the time
@pytest.mark.parametrize("size", [40, LONGEST])
@pytest.mark.parametrize("unit", ["1. ", "a. ", "etc. ", "e.g. ", "[1] ", ". [1", "1. [1]", "mr. "])
def test_an_answer_whose_sentences_never_end_is_read_once(unit: str, size: int) -> None:
    """Abbreviations and numbers of a list end no sentence: all before was read anew at each."""
    text = (unit * LONGEST)[: LONGEST - 100]
    reader = AnswerReader()
    began = time.process_time()
    for start in range(0, len(text), size):
        reader.feed(text[start : start + size])
    reader.finish()
    assert time.process_time() - began < 2.0
