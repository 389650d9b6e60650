"""Reads the list of channel rules, and the mistakes that break each of them on purpose."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
CHECKLIST = ROOT / "docs" / "checklists" / "channel-rules.md"
FAULTS = ROOT / "tests" / "faults" / "broken_rules"
KIT = "core/sdk/testing/"
"""Where the conformance kit is: its tests run against one channel, as `tests/contract/` does."""
CONTRACTS = {
    "sms": "tests/contract/test_sms.py::TestSms",
    "slack": "tests/contract/test_slack.py::TestSlackOverHttp",
    "slack by socket": "tests/contract/test_slack.py::TestSlackOverSocketMode",
    "telegram": "tests/contract/test_telegram.py::TestTelegramByWebhook",
    "telegram by polling": "tests/contract/test_telegram.py::TestTelegramByPolling",
    "web": "tests/contract/test_web.py::TestWeb",
    "kakaotalk": "examples/plugins/kakaotalk/test_contract.py::TestKakaotalk",
    "email": "examples/plugins/email/test_contract.py::TestEmail",
}
"""The conformance tests of each channel that a mistake can be made in."""

_NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
_FIRST = re.compile(r":?\s*`(?:tests|core)/")
_COLUMNS = ("everywhere", "telegram", "slack", "sms", "web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the checklist: its words and its tests ("path::name")."""

    words: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One small mistake that breaks a rule, and the rule's tests that have to fail of it."""

    rule: str
    mistake: str  #: in words
    file: str
    right: str
    wrong: str
    tests: tuple[str, ...]  #: "path::name", with "[case]" where one case is enough
    channel: str = ""  #: whose code is broken; the kit's tests run against this channel
    raises: str = ""  #: the error by which they may fail as well: what the rule is there to prevent

    @property
    def named(self) -> tuple[str, ...]:
        """Its tests as the checklist names them."""
        return tuple(test.partition("[")[0] for test in self.tests)

    def broken(self, text: str) -> str:
        """The file with the mistake in it. Raises ValueError where it does not fit once."""
        if (found := text.count(self.right)) != 1:
            raise ValueError(f"{self.file} has it {found} times: {self.right!r}")
        return text.replace(self.right, self.wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbroken:
    """A rule's test that no mistake is held against, and why."""

    rule: str
    tests: tuple[str, ...]
    why: str


Entry = TypeVar("Entry", Mistake, Unbroken)


def rules() -> Sequence[Rule]:
    """The lines in their order; of the table each cell's kind, with its column ("edit, slack")."""
    found: list[Rule] = []
    for line in CHECKLIST.read_text("utf-8").splitlines():
        if line.startswith("- "):
            words = _FIRST.split(line.removeprefix("- "))[0].strip()
            found.append(Rule(words=words, tests=_named(line)))
        elif line.startswith("| ") and "::" in line:
            kind, *cells = (cell.strip() for cell in line.strip("| ").split(" |"))
            found += [
                Rule(words=f"{kind}, {column}", tests=named)
                for column, cell in zip(_COLUMNS, cells, strict=True)
                if (named := _named(cell))
            ]
    return found


def mistakes(name: str = "*") -> Sequence[Mistake]:
    """All of them, file by file, or those of the files of this name."""
    return [_made(Mistake, entry) for entry in _entries("broken", name)]


def unbroken() -> Sequence[Unbroken]:
    """What no mistake is held against."""
    return [_made(Unbroken, entry) for entry in _entries("unbroken", "*")]


@functools.cache
def functions_of(path: str) -> Mapping[str, str]:
    """The functions in a Python file, each with the class it is in ("" for none)."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    found = {node.name: "" for node in ast.walk(tree) if isinstance(node, functions)}
    for group in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found |= {node.name: group.name for node in group.body if isinstance(node, functions)}
    return found


def source_of(test: str) -> str:
    """The text of a test's function; "" where there is none."""
    path, name = test.split("::")
    text = (ROOT / path).read_text("utf-8")
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = (n for n in ast.walk(ast.parse(text)) if isinstance(n, functions) and n.name == name)
    return next((ast.get_source_segment(text, node) or "" for node in found), "")


def node_of(test: str, *, channel: str) -> str:
    """The test as pytest takes it."""
    path, name = test.split("::")
    if path.startswith(KIT):
        return f"{CONTRACTS[channel]}::{name}"
    group = functions_of(path).get(name.partition("[")[0], "")
    return "::".join(part for part in (path, group, name) if part)


def _named(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{path}::{name}" for path, name in _NAMED.findall(text)))


def _entries(kind: str, name: str) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(FAULTS.glob(f"{name}.toml")):
        found += tomllib.loads(path.read_text("utf-8")).get(kind, [])
    return found


def _made(shape: type[Entry], entry: Mapping[str, Any]) -> Entry:
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return shape(**fields)
