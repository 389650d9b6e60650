"""What people read on screen, in Slack and on the terminal calls nobody "he" or "she"."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bot import cli
from core.i18n import Words
from tests.support.process import PRODUCT, ROOT
from tests.support.world import LOCALES

HE = re.compile(r"\b(?:s?he|him|his|hers?|(?:him|her)self)\b", re.IGNORECASE)
#: "그" before a particle that a person takes; "그 외", "그동안" and "로그는" are something else.
HE_IN_KOREAN = re.compile(r"그녀|(?<![가-힣])그(?:는|가|의|를|에게|와|도)(?![가-힣])")
#: Arguments that people read: of the API's description, of commands, of forms.
READ = {"description", "detail", "help", "summary", "title"}


def _files(*patterns: str) -> Iterator[Path]:
    for room in PRODUCT:
        for pattern in patterns:
            yield from sorted((ROOT / room).rglob(pattern))


def _found(texts: Iterator[tuple[str, str]], pattern: re.Pattern[str]) -> list[str]:
    return [f"{where}: {text[:200]}" for where, text in texts if pattern.search(text)]


def _words(locale: str) -> Iterator[tuple[str, str]]:
    words = Words.load(LOCALES)
    for name in sorted(path.stem for path in (LOCALES / locale).glob("*.toml")):
        for key, text in words.section(name, locale).items():
            yield f"{name}.{key}", text


def _guide(locale: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "docs" / "guide" / locale).glob("*.md")):
        yield path.name, path.read_text(encoding="utf-8")


def _pages() -> Iterator[tuple[str, str]]:
    for path in _files("*.html", "*.js"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def _manifests() -> Iterator[tuple[str, str]]:
    for path in _files("manifest.toml"):
        for key, value in tomllib.loads(path.read_text(encoding="utf-8"))["plugin"].items():
            yield f"{path.relative_to(ROOT)}: {key}", str(value)


def _commands(command: click.Command, name: str = "bot.py") -> Iterator[tuple[str, str]]:
    context = click.Context(command, info_name=name)
    yield name, command.get_help(context)
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            found = command.get_command(context, sub)
            assert found is not None
            yield from _commands(found, f"{name} {sub}")


def _code() -> Iterator[tuple[str, str]]:
    """What the API, commands and forms say of themselves, and what an error says."""
    for path in _files("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            read: list[ast.expr] = []
            if isinstance(node, ast.ClassDef):  # errors and the API's shapes show theirs
                yield f"{path.relative_to(ROOT)}:{node.lineno}", ast.get_docstring(node) or ""
            if isinstance(node, ast.Call):
                read += [k.value for k in node.keywords if k.arg in READ]
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                read += node.exc.args
            for one in read:
                for part in ast.walk(one):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield f"{path.relative_to(ROOT)}:{part.lineno}", part.value


ENGLISH = {
    "words": lambda: _words("en"),
    "guide": lambda: _guide("en"),
    "pages": _pages,
    "manifests": _manifests,
    "commands": lambda: _commands(cli),
    "code": _code,
}


@pytest.mark.parametrize("kind", ENGLISH)
def test_no_english_text_says_he_or_she(kind: str) -> None:
    texts = list(ENGLISH[kind]())
    assert len(texts) > 3, "it looks at something"
    assert _found(iter(texts), HE) == []


@pytest.mark.parametrize("texts", [_words, _guide])
def test_no_korean_text_does(texts: object) -> None:
    assert callable(texts)
    assert _found(texts("ko"), HE_IN_KOREAN) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("The customer gets his answer", True),
        ("He or she decides", True),
        ("They decide; this is there, the others too", False),
        ("그는 답변을 기다립니다", True),
        ("로그는 그 외 그동안 그대로", False),
    ],
)
def test_what_counts(text: str, wrong: bool) -> None:
    assert bool(HE.search(text) or HE_IN_KOREAN.search(text)) is wrong
