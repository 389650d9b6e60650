"""The refit on decisions made here: it may only lower, and only where it foresaw better."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.rag.confidence.model import Confidence
from core.rag.confidence.recalibration import (
    FIRST,
    NEWEST,
    Experience,
    RecalibratedConfidence,
    Refit,
    refitted,
)

PRIOR = Confidence.load()
GOOD = {
    "question": 0.97, "question_margin": 0.08, "question_spread": 0.12, "text": 0.9,
    "text_margin": 0.04, "has_text": 1.0, "share": 0.98, "lead": 4.0, "vote": 0.99,
    "question_overlap": 1.0, "text_overlap": 0.8, "unknown_words": 0.0, "length": 1.6,
    "other_language": 0.0, "learned": 0.0, "lost": 0.1, "lost_words": 0.0,
}  # fmt: skip
FAMILIAR = GOOD | {"learned": 1.0, "head_margin": 8.0, "head_agrees": 1.0}


def happened(
    count: int, *, right: float, signals: dict[str, float] = GOOD, weight: float = 1.0
) -> list[Experience]:
    rng = np.random.default_rng(3)
    return [
        Experience(signals=signals, right=bool(rng.random() < right), weight=weight)
        for _ in range(count)
    ]


def tempered(known: list[Experience]) -> RecalibratedConfidence:
    confidence = RecalibratedConfidence(PRIOR)
    confidence.adopt(refitted(PRIOR, known))
    return confidence


def test_answers_that_are_mostly_wrong_here_are_trusted_less() -> None:
    confidence = tempered(happened(200, right=0.4))
    assert confidence.kinds == {"cold"}
    assert confidence.score(GOOD) < PRIOR.score(GOOD) - 0.1
    # Nothing was seen of the other kind, so nothing is said about it.
    assert confidence.score(FAMILIAR) == PRIOR.score(FAMILIAR)


def test_what_was_right_raises_nothing() -> None:
    doubtful = GOOD | {"question": 0.8, "share": 0.3, "vote": 0.3, "lead": 0.2, "lost": 0.8}
    known = happened(300, right=1.0, signals=doubtful)
    assert PRIOR.refit([doubtful] * 300, [True] * 300).score(doubtful) > PRIOR.score(doubtful)
    assert tempered(known).score(doubtful) == PRIOR.score(doubtful)


@given(st.lists(st.tuples(st.floats(0.5, 1.0), st.booleans()), min_size=60, max_size=120))
def test_nothing_is_sent_that_the_prior_would_not_send(seen: list[tuple[float, bool]]) -> None:
    """So the bound of the prior's threshold is never raised unnoticed."""
    known = [Experience(signals=GOOD | {"question": q}, right=r) for q, r in seen]
    model = PRIOR.refit([e.signals for e in known], [e.right for e in known])
    confidence = RecalibratedConfidence(PRIOR)
    confidence.adopt(Refit(model=model, kinds=frozenset(PRIOR.models)))
    for one in known:
        assert confidence.score(one.signals) <= PRIOR.score(one.signals)
    assert confidence.threshold(0.95) == PRIOR.threshold(0.95)


def test_few_decisions_say_nothing() -> None:
    assert refitted(PRIOR, happened(FIRST - 1, right=0.0)) is None
    assert refitted(PRIOR, happened(FIRST, right=0.0)) is not None


def test_a_hasty_approval_counts_less() -> None:
    wrong = happened(80, right=0.0)
    read = tempered(happened(160, right=1.0) + wrong)
    unread = tempered(happened(160, right=1.0, weight=0.5) + wrong)
    assert read.kinds == unread.kinds == {"cold"}
    assert unread.score(GOOD) < read.score(GOOD) < PRIOR.score(GOOD)


def test_only_the_newest_count_and_what_has_no_signals_not_at_all() -> None:
    old = happened(500, right=0.0)
    new = happened(NEWEST, right=1.0)
    assert tempered(old).score(GOOD) < 0.5
    assert tempered(old + new).score(GOOD) == PRIOR.score(GOOD)
    assert refitted(PRIOR, [Experience(signals={}, right=False)] * 100) is None
    assert refitted(PRIOR, happened(100, right=0.0, weight=0.0)) is None
