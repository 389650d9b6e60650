"""The program, its package and its API document name one version."""

from __future__ import annotations

import tomllib
from pathlib import Path

from click.testing import CliRunner

from bot import cli
from core.runtime import version
from core.runtime.version import VERSION
from core.web.openapi import document

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_the_package_the_program_and_the_api_say_the_same_version() -> None:
    package = tomllib.loads(PYPROJECT.read_text())
    where = package["tool"]["setuptools"]["dynamic"]["version"]["attr"]
    assert where == f"{version.__name__}.VERSION"
    assert "version" in package["project"]["dynamic"]
    assert CliRunner().invoke(cli, ["--version"]).output.strip().endswith(f" {VERSION}")
    assert document((), version=VERSION)["info"]["version"] == VERSION
