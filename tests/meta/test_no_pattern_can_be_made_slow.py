"""No text can make a pattern of the product slow: all of them are found and attacked."""

from __future__ import annotations

import ast
import functools
import re

import pytest

from tests.support.hostile.patterns import (
    ROOT,
    Known,
    every_pattern,
    seconds,
    source_files,
    text_of,
    worst,
    written,
)

pytestmark = pytest.mark.no_cover  # a tracer would be what takes the time

LIMIT = 0.05  #: seconds of processor time
LONGEST = 20_000  #: characters that a customer, a person or a model may write
ARTICLE = 1_000_000  #: characters of a large article
PARTS = 16  #: tests that share the patterns, so that none is long where others use the machine

MADE_AT_RUN_TIME = {
    "core/rag/semantics/departures/bindings.py": "wordings of our own files, which live in the "
    "module's lists and are attacked there",
    "core/slack/mrkdwn.py": "one pattern a sign; the results live in the module and are attacked",
    "core/text/anonymization.py": "a name, escaped, between two look-arounds",
    "approvals/learning/extraction.py": "a name, escaped, between two look-arounds",
    "core/nlu/consent.py": "words of our own files, escaped, without repetition",
}


@functools.cache
def all_patterns() -> list[Known]:
    return every_pattern()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_pattern_is_fast_on_the_texts_made_against_it(part: int) -> None:
    known = all_patterns()
    assert len(known) > 100
    slow, slowest = [], 0.0
    for pattern in known[part::PARTS]:
        took, attack = worst(pattern, LONGEST, limit=LIMIT)
        slowest = max(slowest, took)
        if took > LIMIT:
            slow.append(f"{pattern.where}: {took * 1000:.0f} ms on {attack!r}")
        elif (took := _article_seconds(pattern, attack)) > LIMIT * ARTICLE / LONGEST:
            slow.append(f"{pattern.where}: {took:.1f} s on an article of {attack!r}")
    count = len(known[part::PARTS])
    print(f"{count} patterns, the slowest {slowest * 1000:.1f} ms at {LONGEST:,} characters")
    assert not slow, "\n".join(slow)


def _article_seconds(pattern: Known, attack: tuple[str, str, str]) -> float:
    return seconds(pattern.run, text_of(attack, ARTICLE))


@pytest.mark.parametrize(
    "bad",
    [
        r"(?:(?:앞선|위)\S*\s*){1,3}(?:\S+\s+){0,2}?지시",
        r"(?:all |\w+ )*y",
        r"\s+$",
        r"a*b",
    ],
)
def test_a_pattern_that_backtracks_is_found(bad: str) -> None:
    pattern = re.compile(bad)
    known = Known(where="here", sources=(bad,), flags=pattern.flags, run=pattern.search)
    assert worst(known, LONGEST, limit=LIMIT)[0] > LIMIT


def test_no_pattern_can_hide() -> None:
    """Each is a module's own, written into its call, or named above with a reason."""
    hidden = {where.split(":")[0] for known, where in written() if known is None}
    assert hidden == set(MADE_AT_RUN_TIME)
    for path in source_files():
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    assert alias.name != "re" or alias.asname is None, name
                    assert alias.name not in ("regex", "sre_compile"), name
                    assert alias.name != "re2" or name == "core/text/linear_regex.py", name
            if isinstance(node, ast.ImportFrom):
                assert node.module not in ("re", "re2", "regex"), name
            # pydantic's own engine is linear, and its other one is not.
            assert not (isinstance(node, ast.Constant) and node.value == "python-re"), name
