"""Scores how well a question is recognised among known ones, against other trades' requests.

Kernel ridge regression on the frozen embeddings: every answer is a class, and a few hundred
everyday requests that ship with the product (`elsewhere`) are one class more. The discriminant in
`discriminant.py` says which answer is the likeliest; this says whether it is one at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.rag.reranking.discriminant import AnswerDiscriminant, Groups
from core.rag.vectors.encoder import Matrix, Vector
from core.rag.vectors.index import KnownQuestions

ELSEWHERE = Path(__file__).with_name("other_trades.npz")
WIDTH = 0.5  #: how fast a known question's say fades with its distance in centred cosine
RIDGE = 0.1
BLOCK = 256  #: columns that are eliminated at a time
MOST = 3_000  #: known questions that are fitted; the matrix grows with their square

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """The recognised shares of one question, each about 0 to 1."""

    rows: Mapping[str, int]  #: of each answer among `shares`
    shares: Floats
    elsewhere: float | None = None  #: the share of other trades; None where none is known

    def signals(self, answer: str) -> Mapping[str, float]:
        """What this says of an answer; nothing of one it was not fitted to."""
        row = self.rows.get(answer)
        if row is None:
            return {}
        own = float(self.shares[row])
        others = np.delete(self.shares, row)
        found = {"recognised": own, "recognised_margin": own - float(others.max(initial=0.0))}
        return found if self.elsewhere is None else found | {"elsewhere": self.elsewhere}


UNRECOGNISED = Recognition(rows={}, shares=np.zeros(0, dtype=np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class NoveltyModel:
    """A fitted regression; rows of `points` and `weights` correspond."""

    answers: Mapping[str, int]  #: the column of each
    center: Floats
    points: Floats
    weights: Floats  #: a column an answer, the last for everything elsewhere
    compared: bool  #: whether anything elsewhere was there to compare with

    def judge(self, vector: Vector) -> Recognition:
        """How well this question is recognised."""
        near = _closeness(_directions(vector[None, :] - self.center) @ self.points.T)
        shares = (near @ self.weights)[0]
        return Recognition(
            rows=self.answers,
            shares=shares[:-1],
            elsewhere=float(shares[-1]) if self.compared else None,
        )


def elsewhere_for(model: str, size: int, file: Path = ELSEWHERE) -> Matrix:
    """The everyday requests of other trades as this model embeds them; no row for another model.

    They are sentences of our own (`bench/elsewhere`), none is taken from a labelled set.
    """
    if file.exists():
        with np.load(file, allow_pickle=False) as stored:
            if str(stored["model"]) == model:
                return np.asarray(stored["vectors"], dtype=np.float32)
    return np.zeros((0, size), dtype=np.float32)


def fit_recogniser(
    known: KnownQuestions, groups: Groups, head: AnswerDiscriminant | None, elsewhere: Matrix
) -> NoveltyModel | None:
    """The regression for these questions, or None while the discriminant has too few as well.

    It computes for about a second on 2,000 questions: call it on a thread.
    """
    if head is None:
        return None
    labels = np.asarray([groups.of(answer) for answer in known.answers])
    picked = _evenly(np.unique(labels, return_inverse=True)[1], MOST)
    answers, rows = np.unique(labels[picked], return_inverse=True)
    questions = known.vectors[picked]
    foreign = _foreign(elsewhere, questions, head)
    center = head.center.astype(np.float32)
    points = _directions(np.concatenate([questions, foreign]) - center)
    wanted = np.zeros((len(points), len(answers) + 1), dtype=np.float32)
    wanted[np.arange(len(rows)), rows] = 1.0
    wanted[len(rows) :, -1] = 1.0
    alike = _closeness(points @ points.T)
    alike[np.diag_indices_from(alike)] += RIDGE
    return NoveltyModel(
        answers={str(answer): i for i, answer in enumerate(answers)},
        center=center,
        points=points,
        weights=solved(alike, wanted),
        compared=len(foreign) > 0,
    )


def solved(matrix: Floats, wanted: Floats) -> Floats:
    """The solution for a positive definite matrix, by Cholesky in place: both are overwritten.

    numpy's own would copy a matrix of 3,000 rows twice in double precision.
    """
    blocks = [slice(at, min(at + BLOCK, len(matrix))) for at in range(0, len(matrix), BLOCK)]
    for own in blocks:
        matrix[own.start :, own] -= matrix[own.start :, : own.start] @ matrix[own, : own.start].T
        matrix[own, own] = np.linalg.cholesky(matrix[own, own].astype(np.float64))
        below = matrix[own.stop :, own]
        below[:] = np.linalg.solve(matrix[own, own], below.T).T
    for own in blocks:
        rest = wanted[own] - matrix[own, : own.start] @ wanted[: own.start]
        wanted[own] = np.linalg.solve(matrix[own, own], rest)
    for own in reversed(blocks):
        rest = wanted[own] - matrix[own.stop :, own].T @ wanted[own.stop :]
        wanted[own] = np.linalg.solve(matrix[own, own].T, rest)
    return wanted


def _foreign(elsewhere: Matrix, questions: Matrix, head: AnswerDiscriminant) -> Matrix:
    # A knowledge base may be about the weather: what is as near to its questions as they are to
    # each other is no question of another trade.
    if len(elsewhere) == 0:
        return elsewhere
    usual = float(np.median(list(head.nearness.values())))
    return np.asarray(elsewhere[(elsewhere @ questions.T).max(axis=1) < usual], dtype=np.float32)


def _evenly(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of these, the first of each answer before the second of any."""
    order = np.argsort(rows, kind="stable")
    begins = np.searchsorted(rows[order], rows[order])
    turns = np.argsort(np.arange(len(rows)) - begins, kind="stable")
    return np.asarray(np.sort(order[turns[:most]]), dtype=np.int64)


def _directions(moved: Floats) -> Floats:
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(moved / np.maximum(norms, 1e-9), dtype=np.float32)


def _closeness(cosines: Floats) -> Floats:
    # In place: of thousands of questions this is the largest thing that retrieval ever holds.
    cosines -= 1.0
    cosines /= WIDTH
    return np.exp(cosines, out=cosines)
