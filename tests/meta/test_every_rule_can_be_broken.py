"""Every channel rule's tests were seen to fail, and the mistakes by which they were still fit.

`python -m tests.faults.break_rules` makes the mistakes; here is only whether it still could.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter

import pytest

from tests.support.broken_rules import (
    CONTRACTS,
    KIT,
    ROOT,
    Mistake,
    functions_of,
    mistakes,
    rules,
    unbroken,
)

RULES = {rule.words: rule for rule in rules()}
MISTAKES = mistakes()


def called(mistake: Mistake) -> str:
    return f"{mistake.rule[:40]}-{mistake.mistake[:40]}-{mistake.channel}"


def test_each_line_has_words_of_its_own() -> None:
    twice = [words for words, count in Counter(rule.words for rule in rules()).items() if count > 1]
    assert not twice
    assert len(RULES) >= 119


@pytest.mark.parametrize("mistake", MISTAKES, ids=called)
def test_the_mistake_still_fits(mistake: Mistake) -> None:
    assert mistake.rule in RULES, "this is no line of docs/checklists/channel-rules.md any more"
    assert set(mistake.named) <= set(RULES[mistake.rule].tests), "its line names other tests"
    for path, name in (test.split("::") for test in mistake.named):
        assert name in functions_of(path), f"{path}::{name}"
        assert not path.startswith(KIT) or mistake.channel in CONTRACTS
    broken = mistake.broken((ROOT / mistake.file).read_text("utf-8"))
    assert mistake.right != mistake.wrong
    if mistake.file.endswith(".py"):
        ast.parse(broken)
    elif mistake.file.endswith(".toml"):
        tomllib.loads(broken)


def test_every_test_of_a_rule_was_seen_to_fail() -> None:
    held = {(mistake.rule, test) for mistake in MISTAKES for test in mistake.named}
    held |= {(one.rule, test) for one in unbroken() for test in one.tests}
    missing = [
        (rule.words, t) for rule in rules() for t in rule.tests if (rule.words, t) not in held
    ]
    assert not missing, "add a mistake to tests/faults/broken_rules, and see the test fail"


def test_what_is_left_out_says_why() -> None:
    assert all(one.rule in RULES and one.why for one in unbroken())
    assert all(set(one.tests) <= set(RULES[one.rule].tests) for one in unbroken())
