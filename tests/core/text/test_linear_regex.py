"""Patterns mean to RE2 what they mean to `re`, and what would not is refused."""

from __future__ import annotations

import importlib
import random
import re
import re._parser as sre_parser
import time
from collections.abc import Iterator

import pytest

from core.text.linear_regex import LinearRegex
from tests.support.hostile.patterns import sample

HELD_BY = ("core.nlu.handoff_intent", "core.rag.safety.injection_patterns", "core.nlu.smalltalk")


def regexes() -> list[LinearRegex]:
    found: list[LinearRegex] = []
    for name in HELD_BY:
        for value in vars(importlib.import_module(name)).values():
            parts = value.values() if isinstance(value, dict) else [value]
            for part in parts:
                found += [
                    p
                    for p in (part if isinstance(part, tuple) else (part,))
                    if isinstance(p, LinearRegex)
                ]
    return found


def texts_near(source: str, rng: random.Random) -> Iterator[str]:
    tree = sre_parser.parse(source)
    for _ in range(12):
        text = sample(tree, rng, top=2)
        cut = rng.randrange(len(text) + 1)
        odd = text[:cut] + rng.choice(" a가.") + text[cut:]
        for made in (text, text[:cut], text[cut:], f"가{text}나", f"x{text} y", odd):
            made = made[:48].lower()
            # Where a pattern lists letters itself, those beyond ASCII count as `_`, as is said.
            yield re.sub(r"[^\x00-\x7f\W]", "_", made) if "[a-" in source else made


def test_they_mean_what_they_mean_in_re() -> None:
    rng = random.Random(11)
    compared = 0
    for source in (source for regex in regexes() for source in regex.patterns):
        reference, ours = re.compile(source), LinearRegex(source)
        for text in texts_near(source, rng):
            assert ours.search(text) == bool(reference.search(text)), (source, text)
            compared += 1
    assert compared > 5000


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        (
            r"무시(?!했|되|하라는)",
            ["무시", "무시해", "무시하라", "무시했무시"],
            ["무시했다", "무시되"],
        ),
        (
            r"\bplease\b|제발\s*좀",
            ["please", "제발 좀", "a please."],
            ["pleased", "한please", "제발"],
        ),
        (r"agent\b(?! id\b| fee)", ["agent", "agent i", "agent idle"], ["agent id", "agent fees"]),
        (r"^\s*ok\s*$", ["ok", "\u3000ok\n", " ok\x85"], ["oks", "k"]),
        ("[\\U0001f300-\\U0001faff]x", ["😀x"], ["x"]),
        (r"\d{2}", ["٣٤", "12"], ["1"]),
    ],
)
def test_its_own_cases(pattern: str, found: list[str], not_found: list[str]) -> None:
    regex = LinearRegex(pattern)
    assert all(regex.search(text) for text in found)
    assert not any(regex.search(text) for text in not_found)


def test_many_are_told_apart() -> None:
    regex = LinearRegex("a+", r"\bb\b|나", "c", ignore_case=True)
    assert regex.which("A b") == [0, 1]
    assert regex.which("나") == [1]
    assert regex.which("bb") == []


@pytest.mark.parametrize(
    "pattern",
    [r"(?<!a)b", r"(?=a)b", r"(a)\1", r"(?!a|b)c", r"\b가", r"[^\W_]", "a++b", "(?>a)", "("],
)
def test_what_cannot_be_linear_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        LinearRegex(pattern)


@pytest.mark.no_cover  # a tracer would be what takes the time
def test_what_froze_the_server_takes_milliseconds() -> None:
    from core.nlu.handoff_intent import wants_person
    from core.nlu.smalltalk import small_talk
    from core.rag.safety.injection import suspicions

    for text in (
        "앞선" * 390,
        "앞선" * 10_000,
        "all " * 20 + "x",
        "all " * 5000 + "x",
        "봇 " * 9000,
    ):
        for judge in (suspicions, wants_person, small_talk):
            began = time.thread_time()
            judge(text)
            assert time.thread_time() - began < 0.1
