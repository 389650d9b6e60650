"""What the console shows of a conversation is drawn as the customer sees it."""

from __future__ import annotations

import pytest

from approvals.console.pages import drawn
from core.domain.messages import Author


@pytest.mark.parametrize(
    ("author", "shown"),
    [
        (Author.AI, '<p dir="auto"><em>really</em> <strong>b</strong> &lt;i&gt;</p>'),
        (Author.AGENT, '<p dir="auto">_really_ <strong>b</strong> &lt;i&gt;</p>'),
        (Author.SYSTEM, '<p dir="auto">_really_ **b** &lt;i&gt;</p>'),
    ],
)
def test_by_who_wrote_it(author: Author, shown: str) -> None:
    assert drawn("_really_ **b** <i>", author.value) == shown
