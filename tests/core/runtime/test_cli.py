"""An error that nobody foresaw is told in one line that says where it happened."""

from __future__ import annotations

import click
import pytest

from core.runtime.cli import Session, run_cli
from core.runtime.control_socket import FAILED

pytestmark = pytest.mark.unit


def _nothing(*_: object) -> int:
    return 0


def test_an_unforeseen_error_says_where(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @click.group()
    def group() -> None:
        raise KeyError("gone\nfor good")

    group.add_command(click.Command("do", callback=lambda: None))
    monkeypatch.setattr("sys.argv", ["bot.py", "do"])
    assert run_cli(group, Session(_nothing)) == FAILED
    [said] = capsys.readouterr().err.splitlines()
    assert "KeyError" in said
    assert "runtime/test_cli.py:" in said
