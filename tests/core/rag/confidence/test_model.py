"""The probability that an answer is right."""

from __future__ import annotations

import json

import numpy as np

from core.rag.confidence.model import FEW, PRIOR, Confidence

GOOD = {
    "question": 0.97, "question_margin": 0.08, "question_spread": 0.12, "text": 0.9,
    "text_margin": 0.04, "has_text": 1.0, "share": 0.98, "lead": 4.0, "vote": 0.99,
    "question_overlap": 1.0, "text_overlap": 0.8, "unknown_words": 0.0, "length": 1.6,
    "other_language": 0.0, "learned": 0.0, "lost": 0.1, "lost_words": 0.0,
}  # fmt: skip
BAD = GOOD | {
    "question": 0.80, "question_margin": 0.001, "question_spread": 0.02, "text": 0.78,
    "share": 0.2, "lead": 0.1, "vote": 0.2, "question_overlap": 0.0, "text_overlap": 0.0,
    "unknown_words": 1.0, "lost": 0.9, "lost_words": 4.0,
}  # fmt: skip


def test_the_prior_tells_good_from_bad() -> None:
    confidence = Confidence.load()
    assert confidence.score(GOOD) > 0.9
    assert confidence.score(BAD) < 0.3
    assert confidence.score({}) == 0.0


def test_a_higher_promise_asks_for_more() -> None:
    confidence = Confidence.load()
    asked = [confidence.threshold(target) for target in (0.8, 0.9, 0.93, 0.95, 0.99, 1.0)]
    assert asked == sorted(asked)
    assert asked[-1] == 1.0


def test_the_file_is_what_the_model_says_of_itself() -> None:
    raw = json.loads(PRIOR.read_text())
    again = Confidence.parse(Confidence.load().plain())
    assert again.plain()["models"] == raw["models"]
    assert PRIOR.stat().st_size < 20_000


def test_experience_moves_the_prior_as_far_as_it_goes() -> None:
    prior = Confidence.load()
    rng = np.random.default_rng(1)
    few = prior.refit([GOOD] * 3, [False] * 3)
    many = prior.refit([GOOD] * 200, [bool(rng.random() < 0.1) for _ in range(200)])
    assert prior.score(GOOD) > few.score(GOOD) > many.score(GOOD)
    assert many.score(GOOD) < 0.3


def test_among_few_known_questions_less_of_the_older_confidence_is_enough() -> None:
    confidence = Confidence.load()
    assert confidence.compared is not None
    usual = dict(zip(confidence.compared.names, confidence.compared.means.tolist(), strict=True))
    passing = {**usual, "match": 6.0, "worded": 3.0, "facets_clash": 0.0, "other_number": 0.0}
    assert not confidence.held(passing)
    few = confidence.score({**passing, "known_questions": float(FEW)})
    many = confidence.score({**passing, "known_questions": FEW + 1.0})
    assert few > many == confidence.score(passing)
