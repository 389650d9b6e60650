"""The learned ranker of a deployment: which answer a question belongs to, from known questions.

A linear discriminant on frozen embeddings: every answer is the mean of its known questions, all
share one covariance. It is fitted in closed form in milliseconds, from nothing but the index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.rag.embeddings import Vector
from core.rag.index import KnownQuestions

SHRINKAGE = 0.3  #: towards equal variance in all directions; measured best from 0.2 to 0.5
LEAST_PAIRS = 40  #: fewer repeated questions than this say nothing about a covariance
LARGEST_GROUP = 40  #: entries of one topic that may be wordings of one answer

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the ranker thinks of one question."""

    scores: Mapping[str, float]  #: log-odds by answer, the best being 0
    margin: float = 0.0  #: log-odds of the best against the second
    counts: Mapping[str, int] = field(default_factory=dict)  #: questions known to each answer
    distance: float = 0.0  #: how unlike its answer's questions it is, in their own deviations


NO_VERDICT = Verdict(scores={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Which entries are one answer: entries without a text are wordings of their topic."""

    by_answer: Mapping[str, str]

    def of(self, answer: str) -> str:
        """The group an answer belongs to; most answers are their own."""
        return self.by_answer.get(answer, answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """A fitted discriminant; rows of `means` correspond to `answers`."""

    answers: Sequence[str]
    center: Floats
    weights: Floats  #: a column an answer
    offsets: Floats
    precision: Floats
    means: Floats
    counts: Mapping[str, int]  #: how many questions an answer was learned from
    usual: float  #: the mean distance of a question from the others of its answer
    spread: float

    def judge(self, vector: Vector, *, keep: int = 30) -> Verdict:
        """The log-odds of the likeliest answers."""
        moved = vector.astype(np.float64) - self.center
        scores = moved @ self.weights - self.offsets
        order = np.argsort(-scores)[:keep]
        best = order[0]
        away = moved - self.means[best]
        distance = (float(away @ self.precision @ away) - self.usual) / self.spread
        second = float(scores[order[1]]) if len(order) > 1 else float(scores[best])
        return Verdict(
            scores={self.answers[i]: float(scores[i] - scores[best]) for i in order},
            margin=float(scores[best]) - second,
            counts=self.counts,
            distance=distance,
        )


def groups_of(known: KnownQuestions) -> Groups:
    """The groups among these questions."""
    bare = {
        answer: topic
        for answer, topic, without_text in zip(known.answers, known.topics, known.bare, strict=True)
        if without_text and topic
    }
    sizes = Counter(bare.values())
    return Groups(
        by_answer={
            answer: f"topic:{topic}"
            for answer, topic in bare.items()
            if 1 < sizes[topic] <= LARGEST_GROUP
        }
    )


def fit_head(known: KnownQuestions, groups: Groups) -> AnswerHead | None:
    """The ranker for these questions, or None while they are too few to learn from."""
    if len(known.answers) == 0:
        return None
    labels = [groups.of(answer) for answer in known.answers]
    answers, rows = np.unique(np.asarray(labels), return_inverse=True)
    counts = np.bincount(rows).astype(np.float64)
    pairs = len(labels) - len(answers)
    if pairs < LEAST_PAIRS or len(answers) < 2:
        return None
    vectors = known.vectors.astype(np.float64)
    center = vectors.mean(axis=0)
    moved = vectors - center
    means = np.zeros((len(answers), moved.shape[1]))
    np.add.at(means, rows, moved)
    means /= counts[:, None]
    residuals = moved - means[rows]
    scatter = residuals.T @ residuals / len(labels)
    even = np.trace(moved.T @ moved) / len(labels) / moved.shape[1]
    precision = np.linalg.inv((1 - SHRINKAGE) * scatter + SHRINKAGE * even * np.eye(len(scatter)))
    weights = precision @ means.T
    # How far a question that was left out would be from the mean of the others.
    repeated = counts[rows] > 1
    factor = counts[rows] / np.maximum(counts[rows] - 1, 1)
    left_out = residuals[repeated] * factor[repeated, None]
    distances = np.einsum("ij,jk,ik->i", left_out, precision, left_out)
    return AnswerHead(
        answers=[str(answer) for answer in answers],
        center=center,
        weights=weights,
        offsets=0.5 * np.einsum("ij,ji->i", means, weights),
        precision=precision,
        means=means,
        counts={str(a): int(n) for a, n in zip(answers, counts, strict=True)},
        usual=float(distances.mean()),
        spread=float(distances.std()) or 1.0,
    )
