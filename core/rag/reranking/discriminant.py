"""The learned ranker: a linear discriminant that assigns a question to an answer.

A linear discriminant on frozen embeddings: every answer is the mean of its known questions, all
share one covariance. It is fitted in closed form in milliseconds, from nothing but the index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from core.rag.vectors.encoder import Vector
from core.rag.vectors.index import KnownQuestions

SHRINKAGE = 0.3  #: towards equal variance in all directions; measured best from 0.2 to 0.5
LEAST_PAIRS = 40  #: fewer repeated questions than this say nothing about a covariance
LARGEST_GROUP = 40  #: entries of one topic that may be wordings of one answer

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The ranker's judgement of one question."""

    scores: Mapping[str, float]  #: log-odds by answer, the best being 0
    margin: float = 0.0  #: log-odds of the best against the second
    counts: Mapping[str, int] = field(default_factory=dict)  #: questions known to each answer
    distance: float = 0.0  #: how unlike its answer's questions it is, in their own deviations
    strangeness: float = 0.0  #: how unlike all known questions it is, in their own deviations
    nearness: Mapping[str, float] = field(default_factory=dict)
    """How near each answer's questions usually are to each other, as a cosine."""


NO_VERDICT = Verdict(scores={})


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Entries that are one answer: copies, and wordings of a topic without a text."""

    by_answer: Mapping[str, str]

    def of(self, answer: str) -> str:
        """The group an answer belongs to; most answers are their own."""
        return self.by_answer.get(answer, answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDiscriminant:
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
    crowd: Floats  #: the inverse covariance of all known questions, whatever they belong to
    crowd_usual: float
    crowd_spread: float
    nearness: Mapping[str, float]

    def judge(self, vector: Vector, *, keep: int = 30) -> Verdict:
        """The log-odds of the likeliest answers."""
        moved = vector.astype(np.float64) - self.center
        scores = moved @ self.weights - self.offsets
        order = np.argsort(-scores)[:keep]
        best = order[0]
        away = moved - self.means[best]
        distance = (float(away @ self.precision @ away) - self.usual) / self.spread
        strangeness = (float(moved @ self.crowd @ moved) - self.crowd_usual) / self.crowd_spread
        second = float(scores[order[1]]) if len(order) > 1 else float(scores[best])
        return Verdict(
            scores={self.answers[i]: float(scores[i] - scores[best]) for i in order},
            margin=float(scores[best]) - second,
            counts=self.counts,
            distance=distance,
            strangeness=strangeness,
            nearness=self.nearness,
        )


def groups_of(known: KnownQuestions, copies: Mapping[str, str] = MappingProxyType({})) -> Groups:
    """The groups among these questions; `copies` are answers by the answer they are a copy of."""
    bare = {
        answer: topic
        for answer, topic, without_text in zip(known.answers, known.topics, known.bare, strict=True)
        if without_text and topic
    }
    sizes = Counter(bare.values())
    wordings = {
        answer: f"topic:{topic}"
        for answer, topic in bare.items()
        if 1 < sizes[topic] <= LARGEST_GROUP
    }
    return Groups(by_answer={**copies, **wordings})


def fit_head(known: KnownQuestions, groups: Groups) -> AnswerDiscriminant | None:
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
    even = np.einsum("ij,ij->", moved, moved) / len(labels) / moved.shape[1]
    precision = np.linalg.inv((1 - SHRINKAGE) * scatter + SHRINKAGE * even * np.eye(len(scatter)))
    weights = precision @ means.T
    total = moved.T @ moved / len(labels)
    crowd = np.linalg.inv((1 - SHRINKAGE) * total + SHRINKAGE * even * np.eye(len(total)))
    strange = np.einsum("ij,jk,ik->i", moved, crowd, moved)
    # How far a question that was left out would be from the mean of the others.
    repeated = counts[rows] > 1
    factor = counts[rows] / np.maximum(counts[rows] - 1, 1)
    left_out = residuals[repeated] * factor[repeated, None]
    distances = np.einsum("ij,jk,ik->i", left_out, precision, left_out)
    return AnswerDiscriminant(
        answers=[str(answer) for answer in answers],
        center=center,
        weights=weights,
        offsets=0.5 * np.einsum("ij,ji->i", means, weights),
        precision=precision,
        means=means,
        counts={str(a): int(n) for a, n in zip(answers, counts, strict=True)},
        usual=float(distances.mean()),
        spread=float(distances.std()) or 1.0,
        crowd=crowd,
        crowd_usual=float(strange.mean()),
        crowd_spread=float(strange.std()) or 1.0,
        nearness=_nearness(vectors, rows, [str(answer) for answer in answers]),
    )


def _nearness(
    vectors: Floats, rows: NDArray[np.int64], answers: Sequence[str]
) -> Mapping[str, float]:
    """The usual cosine of a question to the nearest other one of its answer; for all answers."""
    order = np.argsort(rows, kind="stable")
    ends = np.cumsum(np.bincount(rows))
    found: dict[str, float] = {}
    for answer, mine in zip(answers, np.split(order, ends[:-1]), strict=True):
        if len(mine) > 1:
            alike = vectors[mine] @ vectors[mine].T
            np.fill_diagonal(alike, -1.0)
            found[answer] = float(np.median(alike.max(axis=1)))
    usual = float(np.median(list(found.values())))
    return {answer: found.get(answer, usual) for answer in answers}
