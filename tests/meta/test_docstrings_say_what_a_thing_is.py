"""Docstrings of modules and public classes name the thing; comments say they, not he."""

from __future__ import annotations

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Iterator

import pytest

from tests.support.process import PRODUCT, ROOT

FILES = sorted(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py"))
#: "What may be sent" is a riddle where "The JSON of the API" is an answer.
RIDDLE = re.compile(r"(?:What|Who|Whoever|Whether|Where|How|When|Which|All that|Everything)\b")
HE = re.compile(r"\b(?:he|his|him|himself)\b", re.IGNORECASE)


def _bases(node: ast.AST) -> set[str]:
    bases = node.bases if isinstance(node, ast.ClassDef) else []
    return {base.id for base in bases if isinstance(base, ast.Name)}


#: The first line of an error is what somebody is told, and that of a section is a headline.
TOLD = {"Section"} | {
    node.name
    for node in ast.parse((ROOT / "core/errors.py").read_text("utf-8")).body
    if isinstance(node, ast.ClassDef)
}


def riddles(text: str) -> Iterator[str]:
    """First lines that do not name what they are about."""
    tree = ast.parse(text)
    public = [n for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
    nodes: list[ast.Module | ast.ClassDef] = [tree, *public]
    for node in nodes:
        first = (ast.get_docstring(node) or "").partition("\n")[0]
        if RIDDLE.match(first) and not _bases(node) & TOLD:
            yield first


def explained(text: str) -> Iterator[str]:
    """All comments and docstrings."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("folder", PRODUCT)
def test_they_name_the_thing(folder: str) -> None:
    files = [file for file in FILES if file.is_relative_to(ROOT / folder)]
    assert [(str(f), line) for f in files for line in riddles(f.read_text("utf-8"))] == []


@pytest.mark.parametrize("folder", PRODUCT)
def test_they_not_he(folder: str) -> None:
    files = [file for file in FILES if file.is_relative_to(ROOT / folder)]
    assert [
        (str(f), t) for f in files for t in explained(f.read_text("utf-8")) if HE.search(t)
    ] == []


def test_a_riddle_is_seen() -> None:
    assert list(riddles('"""What may be sent."""\nclass A:\n    """Who sends."""\n'))
    assert not list(riddles('"""The JSON of the API."""\n'))


RAISES = re.compile(r"Raises ((?:[A-Z]\w+(?:, | and | or )?)+)")


def test_the_errors_that_docstrings_name_exist() -> None:
    """A class that was renamed lives on in sentences that nobody runs."""
    known = {name for name in dir(builtins) if name[0].isupper()}
    said: dict[str, str] = {}
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                known.add(node.name)
            if isinstance(node, ast.Import | ast.ImportFrom):
                known |= {alias.asname or alias.name for alias in node.names}
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                for match in RAISES.finditer(ast.get_docstring(node) or ""):
                    names = re.findall(r"[A-Z][a-z]+[A-Z]\w+", match[1])
                    said.update(dict.fromkeys(names, f"{file}: {match[0]}"))
    assert len(said) > 30
    assert {name: at for name, at in said.items() if name not in known} == {}
