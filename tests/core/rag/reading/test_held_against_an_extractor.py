"""Our reading of pages against a kept extractor's: no less of any, and in its structure."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.rag.domain.model import Article
from core.rag.domain.reading_outcome import Reading
from core.rag.reading.pages import read
from core.rag.reading.text.headings import with_questions_as_headings
from tests.core.rag.reading.papers.html_pages import PAGES
from tests.core.rag.reading.papers.paper import Paper, Result, judged


def by_trafilatura(paper: Paper) -> Result:
    """What it makes of a page at its most generous."""
    from trafilatura import extract

    text = extract(
        paper.body, favor_recall=True, include_tables=True, include_links=True,
        include_formatting=True, output_format="markdown",
    )  # fmt: skip
    article = Article(id="a", title="", text=with_questions_as_headings(text or ""))
    return judged(paper, Reading(articles=[article]))


@pytest.mark.parametrize("paper", PAGES, ids=lambda paper: paper.name)
def test_of_each_page_we_keep_no_less(paper: Paper, tmp_path: Path) -> None:
    ours, theirs = judged(paper, read(tmp_path / paper.name, paper.body)), by_trafilatura(paper)
    assert ours.kept >= theirs.kept
    assert len(ours.shown) <= len(theirs.shown)
    assert len(ours.unpaired) <= len(theirs.unpaired)


def test_it_shows_what_is_hidden_and_parts_questions_from_answers() -> None:
    """Why it is no reader of the product: should it learn this, our walk has had its day."""
    found = [by_trafilatura(paper) for paper in PAGES]
    assert sum(bool(result.shown) for result in found) > len(PAGES) // 2
    assert sum(bool(result.unpaired) for result in found) > len(PAGES) // 4
