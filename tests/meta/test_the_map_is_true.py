"""The documents that lead through the tree name what is there, and the picture shows its walls."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("CONTRIBUTING.md", "README.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/decisions").glob("*.md")),
    *sorted((ROOT / "docs/security").glob("*.md")),
]
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
NAMED = re.compile(r"(?P<path>[\w.<>{}*-]+(?:/[\w.<>{}*-]+)*/?)(?::(?P<name>[A-Za-z_][\w.]*))?")
#: Where a path may start; anything else in backquotes is a word, a setting or a command.
#: What is there after `make run`, `make docs` or `make release` is not of the repository.
TOP = {path.name for path in ROOT.iterdir()} - {"data", "build", "dist"}


def _named(page: Path) -> Iterator[tuple[str, str]]:
    """What the page names: a path from the top of the repository, and a function in it or ""."""
    for code in CODE.findall(page.read_text("utf-8")):
        match = NAMED.fullmatch(code)
        if match is None or any(sign in code for sign in ("<", "{", "*", "LANGUAGE")):
            continue
        path = match["path"]
        if path.split("/")[0] in TOP and ("/" in path or path.endswith((".py", ".md", ".toml"))):
            yield path, match["name"] or ""


def _defines(tree: ast.Module, name: str) -> bool:
    """Whether the module defines this class, function, method or constant."""
    body: list[ast.stmt] = tree.body
    for part in name.split("."):
        found = next((node for node in body if part in _names(node)), None)
        if found is None:
            return False
        body = found.body if isinstance(found, ast.ClassDef) else []
    return True


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_and_function_that_is_named_is_there(page: Path) -> None:
    named = list(_named(page))
    for path, _ in named:
        assert (ROOT / path).exists(), f"{page.name} names {path}, which is not there"
    for path, name in named:
        if name:
            tree = ast.parse((ROOT / path).read_text("utf-8"))
            assert _defines(tree, name), f"{page.name} names {path}:{name}, which is not there"


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of the page's headings."""
    headings = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link, anchor in LINK.findall(page.read_text("utf-8")):
        if "://" in link:
            continue
        target = page.parent / link if link else page
        assert target.exists(), f"{page.name} links {link}, which is not there"
        assert not anchor or anchor in _anchors(target), f"{page.name}: no {anchor} in {target}"


def test_a_name_that_is_not_there_is_noticed() -> None:
    tree = ast.parse("LIMIT = 3\nclass A:\n    def b(self): ...\n")

    assert _defines(tree, "A.b")
    assert _defines(tree, "LIMIT")
    assert not _defines(tree, "A.c")
    assert not _defines(tree, "b")


def test_the_picture_shows_the_walls_that_are_kept() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    kept = next(each for each in contracts if each["name"].startswith("Rooms"))["layers"]
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    picture = page.split("```mermaid", 1)[1].split("```", 1)[0]
    rows = re.findall(r'subgraph (L\d+)\[" "\]\n(.+?)\n  end', picture, re.DOTALL)
    drawn = [" | ".join(re.findall(r"^ +([\w.]+)\[", row, re.MULTILINE)) for _, row in rows]

    assert drawn == kept
    assert " --> ".join(name for name, _ in rows) in picture


def test_the_page_says_of_every_room_what_it_is() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    rooms = {
        f"core/{path.name}/"
        for path in (ROOT / "core").iterdir()
        if (path / "__init__.py").exists()
    }
    tops = {
        f"{name}/"
        for name in (
            "app",
            "channels",
            "plugins",
            "sources",
            "approvals",
            "analytics",
            "imports",
            "config",
        )
    }

    for room in rooms | tops:
        assert re.search(rf"^\| `{re.escape(room)}`.* \| \S.* \|$", page, re.MULTILINE), room


def test_every_dependency_says_why_it_is_there() -> None:
    page = (ROOT / "docs/decisions/dependencies.md").read_text("utf-8")
    said = set(re.findall(r"[\w-]+", page))

    for file in ("requirements.in", "requirements-dev.in", "requirements-audit.in"):
        lines = (ROOT / file).read_text("utf-8").splitlines()
        wanted = {re.split(r"[<>=]", line)[0] for line in lines if re.match(r"\w", line)}
        assert wanted <= said, f"docs/decisions/dependencies.md lacks {wanted - said}"
