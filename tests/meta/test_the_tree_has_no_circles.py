"""No module and no folder is in a circle, types included; folders can be read, the domain is pure.

The walls of `pyproject.toml` keep the rooms apart that they name; this keeps every folder.
"""

from __future__ import annotations

import ast
import graphlib
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES: list[str] = PROJECT["tool"]["importlinter"]["root_packages"]
MOST_ENTRIES = 18  #: of one folder of the product, `__init__.py` apart: about fifteen
#: `core` holds the rooms, of which docs/architecture.md has a line each; words are files of data.
LONGER = {"core": 24}


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """What each module imports, also where only a type checker reads it."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    return {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}


def folder_of(module: str) -> str:
    """The package that a module lies in; a package lies in itself."""
    is_package = (ROOT / module.replace(".", "/") / "__init__.py").exists()
    return module if is_package else module.rpartition(".")[0]


def circle(imports: Mapping[str, Iterable[str]]) -> list[str]:
    """The names along one circle; none where there is no circle."""
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_is_in_a_circle(imports: dict[str, set[str]]) -> None:
    assert circle(imports) == []


def test_no_folder_is_in_a_circle(imports: dict[str, set[str]]) -> None:
    folders: dict[str, set[str]] = {}
    for module, imported in imports.items():
        folder = folder_of(module)
        folders.setdefault(folder, set()).update({folder_of(one) for one in imported} - {folder})

    assert circle(folders) == []


def test_a_circle_is_seen() -> None:
    assert circle({"a": ["b"], "b": ["c"], "c": ["a"]})
    assert not circle({"a": ["b", "c"], "b": ["c"]})


def test_the_domain_imports_the_standard_library_only() -> None:
    """Whatever library comes tomorrow: the contract in `pyproject.toml` has to name each."""
    kept = ("core.domain", "core.errors", "core.clock")
    for file in [*(ROOT / "core/domain").rglob("*.py"), ROOT / "core/errors.py"]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert name.startswith(kept) or top in sys.stdlib_module_names, (file, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_is_read_at_a_glance(package: str) -> None:
    crowded = {}
    for folder in [ROOT / package, *(ROOT / package).rglob("*")]:
        if not (folder / "__init__.py").exists():
            continue
        names = {
            path.name
            for path in folder.iterdir()
            if not path.name.startswith((".", "__")) and not path.name.endswith(".pyc")
        }
        name = str(folder.relative_to(ROOT))
        if len(names) > LONGER.get(name, MOST_ENTRIES):
            crowded[name] = len(names)
    assert crowded == {}
