"""The program, its package and its API document name one version."""

from __future__ import annotations

import tomllib
from pathlib import Path

from click.testing import CliRunner

from bot import cli
from core.version import VERSION
from core.web.openapi import document

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_the_package_the_program_and_the_api_say_the_same_version() -> None:
    assert tomllib.loads(PYPROJECT.read_text())["project"]["version"] == VERSION
    assert CliRunner().invoke(cli, ["--version"]).output.strip().endswith(f" {VERSION}")
    assert document((), version=VERSION)["info"]["version"] == VERSION
