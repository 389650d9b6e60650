"""A message that lay at the vendor's is marked, and after a day waits for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.domain.conversation import Conversation, Unanswered
from core.domain.drafts import Draft, Reason
from core.domain.lateness import is_late, is_too_late
from core.domain.messages import Citation
from core.domain.policy import AutoSend, Review, Rules, decide, may_go_alone

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DRAFT = Draft(text="Two years.", citations=(Citation(id="1", title="Warranty"),), confidence=0.99)


@pytest.mark.parametrize(
    ("ago", "late", "too_late"),
    [(None, False, False), (60, False, False), (400, True, False), (90_000, True, True)],
)
def test_by_how_long_ago_it_was_written(ago: float | None, late: bool, too_late: bool) -> None:
    sent_at = None if ago is None else NOW - timedelta(seconds=ago)
    assert (is_late(sent_at, NOW), is_too_late(sent_at, NOW)) == (late, too_late)
    asked = Unanswered(seq=1, text="How long is the warranty?", at=NOW, sent_at=sent_at)
    c = replace(Conversation(id="c"), unanswered=(asked,))
    verdict = decide(DRAFT, Rules(threshold=0.9), conversation=c)
    assert verdict == (Review(reasons=(Reason.LATE,)) if too_late else AutoSend())
    assert may_go_alone(c, max_turns=6) is not too_late
