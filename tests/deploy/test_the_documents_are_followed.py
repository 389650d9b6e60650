"""The quick start's checklist notices a changed README, and no document names a command in vain."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from bot import cli
from config.settings import entries
from tests.support.process import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / "docs/runbooks").glob("*.md")),
    *sorted((ROOT / "docs/guide").glob("*/*.md")),
    *sorted((ROOT / "docs/checklists").glob("quick*.md")),
]
_COMMAND = re.compile(r"bot\.py ((?:[a-z][a-z-]*)(?: [a-z][a-z-]+)?)")
_SETTING = re.compile(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`")
#: Names in capitals that are no settings: make's, providers', and what the reader puts in.
OTHERS = {"LANGSMITH_TRACING", "NAME_FILE", "NEEDS_ADMIN", "YOUR_TOKEN", "MESSAGE_CHANGED"}


@pytest.fixture(scope="module")
def quickstart() -> ModuleType:
    """The script."""
    spec = importlib.util.spec_from_file_location("quickstart", ROOT / ".ci/quickstart.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["quickstart"] = module
    spec.loader.exec_module(module)
    return module


def test_it_says_what_the_documents_say(quickstart: ModuleType) -> None:
    steps = quickstart.steps_of((ROOT / quickstart.CHECKLIST).read_text())
    assert len(steps) > 10
    assert list(quickstart.differences(steps)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("make run\n```", "make serve\n```"),
        ("users add ann@example.com --role agent", "users new ann@example.com --role agent"),
        ("`bot.py backup FILE` writes all of it", "`bot.py save FILE` writes all of it"),
        ("kb search", "kb find"),
    ],
)
def test_a_line_of_the_readme_that_changes_is_noticed(
    quickstart: ModuleType, tmp_path: Path, old: str, new: str
) -> None:
    text = (ROOT / "README.md").read_text()
    assert old in text
    shutil.copytree(ROOT / "docs/guide", tmp_path / "docs/guide")
    (tmp_path / "README.md").write_text(text.replace(old, new))
    steps = quickstart.steps_of((ROOT / quickstart.CHECKLIST).read_text())
    assert list(quickstart.differences(steps, tmp_path)) != []


def test_a_step_that_prints_something_else_fails(quickstart: ModuleType) -> None:
    step = quickstart.Step(title="one", script="echo hello; exit 3\n", expected=["hello", "bye"])
    assert quickstart.run([step]) == 1
    step.expected = ["hel+o"]
    assert quickstart.run([step]) == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_setting_is_there(path: Path) -> None:
    text = path.read_text()
    settings = {entry.name for entry in entries()}
    for line in text.splitlines():
        for words in _COMMAND.findall(line):
            command = _command(words.split())
            assert command is not None, f"bot.py {words}"
    named = set(_SETTING.findall(text))
    unknown = {n for n in named if n not in settings and n.removesuffix("_FILE") not in settings}
    assert unknown - OTHERS == set()


def _command(words: list[str]) -> click.Command | None:
    context = click.Context(cli)
    found = cli.get_command(context, words[0])
    if isinstance(found, click.Group) and len(words) > 1:
        return found.get_command(context, words[1])
    return found
