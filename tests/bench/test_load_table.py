"""The load test's table stands between two marks, and says when it is not to be trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.load_table import BEGIN, END, Line, table, write

LINE = Line(
    rate=8.0,
    accepted=7.9,
    refused=0,
    late=1,
    acknowledged=31.4,
    answered=902.0,
    stages={"accept": 0.0075, "retrieve": 0.05},
    cores={"program": 0.71, "store": 0.2, "machine": 1.4},
    holds=False,
)


def test_it_says_when_others_used_the_machine() -> None:
    busy = table([LINE], verdict="knee: 4", seconds=10, load=17.3)
    assert "Not on a quiet machine" in busy
    assert "17.3" in busy
    quiet = table([LINE], verdict="knee: 4", seconds=10, load=0.1)
    assert "quiet" not in quiet
    assert (
        "| 8 | 7.9 | 0 | 1 | 31 | 902 | 8 | 50 | 0 | 0 | 0.71 | 0.20 | 1.40 | gives way |" in quiet
    )
    head, rule = (row for row in quiet.splitlines() if row.startswith("| ") and "8 |" not in row)
    assert head.count("|") == rule.count("|")


def test_written_twice_the_page_holds_the_newer_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{BEGIN}\n{END}\n\nafter\n")
    write(page, r"one \1")
    write(page, r"two \1")
    assert page.read_text() == f"before\n\n{BEGIN}\ntwo \\1\n{END}\n\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="has no"):
        write(page, "one")
