"""A folder of a company's papers in every shape: read whole, nothing hidden, answers in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.rag.reading.readers import read
from tests.core.rag.reading.papers.folder import PAPERS
from tests.core.rag.reading.papers.paper import Paper, judged


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.name)
def test_a_paper_is_read_whole(paper: Paper, tmp_path: Path) -> None:
    file = tmp_path / paper.name
    file.write_bytes(paper.body)
    reading = read(file)
    found = judged(paper, reading)
    said = "\n".join(article.text for article in reading.articles)
    assert found.kept >= 0.99, (found.lost, said)
    assert not found.lost, (found.lost, said)  # in one piece, too
    assert not found.shown, (found.shown, said)
    assert not found.unpaired, (found.unpaired, said)
    warnings = "\n".join(map(str, reading.warnings))
    for part in paper.warned:
        assert part in warnings, warnings
    assert bool(paper.warned) == bool(warnings), warnings
    first = reading.articles[0]
    for name in ("title", "locale", "url"):
        assert not getattr(paper, name) or getattr(first, name) == getattr(paper, name)
    assert first.withheld == paper.withheld
    assert 0 < reading.kept <= reading.characters
