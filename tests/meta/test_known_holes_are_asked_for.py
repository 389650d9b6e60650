"""`make audit`: a known hole fails it, and nothing else does; what was not checked is said."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.process import ROOT

HOLE = {"id": "PYSEC-1", "fix_versions": ["2.1"], "aliases": [], "description": "Bad."}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tool(folder: Path, answer: str, *, code: int = 0, seconds: float = 0.0) -> list[str]:
    """A program that answers as pip-audit would."""
    program = folder / "tool.py"
    program.write_text(
        f"import sys, time\ntime.sleep({seconds})\nsys.stdout.write({answer!r})\n"
        f"sys.stderr.write('whatever')\nsys.exit({code})\n"
    )
    return [sys.executable, str(program)]


def found(*vulns: dict[str, Any], known: int = 2, unknown: int = 0) -> str:
    packages: list[dict[str, Any]] = [
        {"name": f"p{n}", "version": "1", "vulns": []} for n in range(known)
    ]
    packages += [{"name": f"u{n}", "skip_reason": "not found"} for n in range(unknown)]
    if vulns:
        packages[0]["vulns"] = list(vulns)
    return json.dumps({"dependencies": packages, "fixes": []})


def test_a_known_hole_fails(
    audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(tool(tmp_path, found(HOLE), code=1)) == 1
    assert "p0 1: PYSEC-1 (mended in 2.1)" in capsys.readouterr().out
    assert audit.main(tool(tmp_path, found({**HOLE, "fix_versions": []}))) == 1
    assert "no version yet" in capsys.readouterr().out


def test_none_known_passes_and_says_how_many(
    audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(tool(tmp_path, found(known=5, unknown=1))) == 0
    assert "5 packages checked, 1 not known there" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "code"),
    [("", 1), ("Traceback …", 1), ("[]", 0), (found(known=0, unknown=9), 0), ("{}", 0)],
    ids=["unreachable", "broken", "nothing", "a mirror that knows none", "empty"],
)  # fmt: skip
def test_no_database_is_no_failure_and_no_success(
    audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: str, code: int
) -> None:
    """pip-audit says "No known vulnerabilities found" where it could look up nothing."""
    assert audit.main(tool(tmp_path, answer, code=code)) == 0
    assert "nothing was checked" in capsys.readouterr().out


def test_it_does_not_wait_for_ever(
    audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    assert audit.main(tool(tmp_path, found(HOLE), seconds=60), seconds=0.5) == 0
    assert time.monotonic() - began < 30
    assert "nothing was checked" in capsys.readouterr().out
    assert audit.main([str(tmp_path / "no such program")]) == 0


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-audit.lock"])
def test_each_locked_package_has_its_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"\n(?=[a-z0-9])", text)
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==", entry), entry[:60]
        assert "--hash=sha256:" in entry, entry[:60]
    assert "://" not in text
