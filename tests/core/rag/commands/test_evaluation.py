"""`bot.py eval`: its files, its figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from core.errors import BadInput
from core.rag.commands.evaluation import (
    LabelledQuestion,
    Outcome,
    auroc,
    calibrated,
    coverage_at,
    evaluate,
    figures,
    read_questions,
)
from core.rag.confidence.model import Confidence

KEYS = (
    "queries", "recall@1", "recall@5", "mrr@10", "auroc", "coverage@0.90", "coverage@0.95",
    "coverage@0.99", "threshold", "precision_at_threshold", "coverage_at_threshold", "ms_p50",
    "ms_p95",
)  # fmt: skip

KB = [
    {"id": "refund", "title": "How do I get a refund?", "text": "In the app.", "lang": "en"},
    {"id": "hours", "title": "When are you open?", "text": "Nine to five.", "lang": "en"},
    {"id": "ko", "title": "주차는 어디에 하나요?", "text": "건물 뒤에 하세요.", "lang": "ko"},
]
QUERIES = [
    {"id": "1", "text": "How can I get my money refunded?", "lang": "en", "relevant": ["refund"]},
    {"id": "2", "text": "What are the opening times?", "lang": "en", "relevant": ["hours"]},
    {"id": "3", "text": "차는 어디에 세워요?", "lang": "ko", "relevant": ["ko"]},
    {"id": "4", "text": "Who painted the Mona Lisa?", "lang": "en", "relevant": []},
]
EXAMPLES = [
    {"id": "e1", "title": "give me my money back", "article": "refund", "lang": "en"},
    {"id": "e2", "title": "opening hours please", "article": "hours", "lang": "en"},
]


def lines(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def outcome(*, ranked: Sequence[str], relevant: Sequence[str], question: float = 0.9) -> Outcome:
    asked = LabelledQuestion(id="q", text="q", lang="en", relevant=frozenset(relevant))
    signals = {"question": question, "share": question}
    return Outcome(question=asked, ranked=ranked, signals=signals, milliseconds=1.0)


async def test_a_small_set_from_its_files(tmp_path: Path) -> None:
    result = await evaluate(
        kb=lines(tmp_path / "kb.jsonl", KB),
        queries=lines(tmp_path / "queries.jsonl", QUERIES),
        examples=lines(tmp_path / "examples.jsonl", EXAMPLES),
        calibrate=lines(tmp_path / "calibrate.jsonl", QUERIES),
    )
    assert tuple(result) == KEYS
    assert result["queries"] == 4
    assert result["recall@1"] == result["recall@5"] == result["mrr@10"] == 1.0
    assert result["coverage@0.90"] == 0.75
    assert 0 < result["ms_p50"] <= result["ms_p95"]
    # Four labelled questions earn no right to send anything.
    assert (result["coverage_at_threshold"], result["precision_at_threshold"]) == (0.0, 1.0)
    json.dumps(result, allow_nan=False)


def test_places_count_articles() -> None:
    found = [
        outcome(ranked=["a", "b"], relevant=["a"]),
        outcome(ranked=["a", "b", "c"], relevant=["b"]),
        outcome(ranked=["a", "b", "c", "d", "e", "f"], relevant=["f"]),
        outcome(ranked=[], relevant=["z"]),
        outcome(ranked=["a"], relevant=[]),
    ]
    result = figures(found, Confidence.load(), threshold=0.0)
    assert (result["recall@1"], result["recall@5"]) == (0.25, 0.5)
    assert result["mrr@10"] == pytest.approx((1 + 1 / 2 + 1 / 6) / 4, abs=1e-4)
    assert (result["coverage_at_threshold"], result["precision_at_threshold"]) == (1.0, 0.2)


def test_coverage_is_the_largest_share_that_keeps_the_precision() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    right = np.array([True, False, True, True, False])
    assert coverage_at(scores, right, 0.75) == 0.8
    assert coverage_at(scores, right, 0.99) == 0.2
    assert coverage_at(np.full(4, 0.5), np.array([True, True, True, False]), 0.9) == 0.0
    assert coverage_at(np.array([]), np.array([], dtype=bool), 0.9) == 0.0


def test_auroc_counts_ties_as_half() -> None:
    assert auroc(np.array([0.9, 0.1]), np.array([True, False])) == 1.0
    assert auroc(np.array([0.5, 0.5]), np.array([True, False])) == 0.5
    assert auroc(np.array([0.5]), np.array([True])) == 0.5


def test_a_calibration_earns_a_threshold_from_enough_evidence() -> None:
    rng = np.random.default_rng(7)
    observed = []
    for _ in range(600):
        strength = float(rng.uniform(0.7, 1.0))
        right = bool(rng.random() < (strength - 0.7) / 0.2)
        observed.append(
            outcome(ranked=["a"], relevant=["a"] if right else ["b"], question=strength)
        )
    confidence, threshold = calibrated(Confidence.load(), observed, target=0.95)
    result = figures(observed, confidence, threshold=threshold)
    assert result["precision_at_threshold"] >= 0.95
    assert result["coverage_at_threshold"] > 0.2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"text": "x"}', '{"text": 1, "relevant": []}'])
def test_files_of_another_shape_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(content)
    with pytest.raises(BadInput, match=r"q\.jsonl"):
        read_questions(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_questions(tmp_path / "missing.jsonl")
