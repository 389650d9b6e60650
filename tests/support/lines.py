"""Texts of a test's data, one a line."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parents[1] / "core" / "rag" / "data"


def lines(name: str) -> list[str]:
    """The lines of a file that are not blank."""
    return [line for line in (DATA / name).read_text(encoding="utf-8").splitlines() if line.strip()]
