"""Every line of the list of channel rules names tests, and every named test exists."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs/checklists/channel-rules.md").read_text().splitlines()
RULES = [line.removeprefix("- ") for line in LINES if line.startswith("- ")]
KINDS = [line for line in LINES if line.startswith("| ") and "::" in line]  # kind by channel
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@functools.cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.split("|")[1].strip())
def test_the_kind_has_its_tests(kind: str) -> None:
    missing = [f"{p}::{name}" for p, name in NAMED.findall(kind) if name not in functions_of(p)]
    assert not missing


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.partition(":")[0][:60])
def test_the_rule_has_its_tests(rule: str) -> None:
    named = NAMED.findall(rule)
    assert named or rule.endswith("no test."), "a rule without a test has to say so"
    missing = [f"{path}::{name}" for path, name in named if name not in functions_of(path)]
    assert not missing


def test_the_list_is_whole() -> None:
    assert len(RULES) >= 45
