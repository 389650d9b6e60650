"""Groups past questions by their meaning and by what answered them, one after the other, in memory
that holds one vector a group; pure but for the numbers.

"How do I order a card?" and "How do I activate a card?" are near to each other for the model, and
people answered them differently. Where a desk gives the same answer again and again, another answer
says that another thing was asked; where each answer is written anew, it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.rag.vectors.encoder import Matrix, Vector
from imports.groups.likeness import PLACES, Matrix32, Sketch, alike

ALIKE = 0.925  #: cosine from which on two questions ask the same
ALIKE_WITH_ANSWER = 0.86  #: where the same words answered both
SAME = 0.985  #: from which on they are one question, whatever answered them
REPEATED = 2  #: questions an answer, from which on a group's answers repeat
GROWTH = 1024  #: rows that are made room for at once
MOST_ANSWERS = 40  #: different answers that a group remembers
LOOKED_AT = 12  #: groups that are nearest to a question


@dataclass(slots=True, kw_only=True)
class _Group:
    id: str
    size: int = 0
    answers: Matrix32 = field(default_factory=lambda: np.zeros((0, PLACES), dtype=np.uint32))

    @property
    def repeats(self) -> bool:
        """Whether its questions were answered by few texts."""
        return self.size >= REPEATED * len(self.answers)

    def was_answered(self, answer: Sketch) -> bool:
        """Whether one of its questions was answered like this."""
        return bool(alike(answer, self.answers).any())


class Groups:
    """Groups, each with the mean of its questions' vectors."""

    def __init__(self, size: int) -> None:
        """`size` is the length of a vector."""
        self._means: Matrix = np.zeros((GROWTH, size), dtype=np.float32)
        self._sums: Matrix = np.zeros((GROWTH, size), dtype=np.float32)
        self._groups: list[_Group] = []
        self._rows: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def put(self, exchange_id: str, vector: Vector, *, answer: Sketch, group: str = "") -> str:
        """The group of this question: `group` where it has one, else the nearest, else its own."""
        row = self._rows.get(group) if group else self._nearest(vector, answer)
        if row is None:
            row = self._new(group or exchange_id)
        one = self._groups[row]
        one.size += 1
        if len(one.answers) < MOST_ANSWERS and not one.was_answered(answer):
            one.answers = np.vstack([one.answers, answer])
        self._sums[row] += vector
        self._means[row] = self._sums[row] / max(float(np.linalg.norm(self._sums[row])), 1e-9)
        return one.id

    def _nearest(self, vector: Vector, answer: Sketch) -> int | None:
        if not self._groups:
            return None
        near = self._means[: len(self._groups)] @ vector
        rows = [int(row) for row in np.argsort(near)[::-1][:LOOKED_AT]]
        for row in rows:
            if near[row] < ALIKE_WITH_ANSWER:
                break
            if self._groups[row].was_answered(answer):
                return row
        best = rows[0]
        if near[best] >= SAME or (near[best] >= ALIKE and not self._groups[best].repeats):
            return best
        return None

    def _new(self, group: str) -> int:
        row = len(self._groups)
        if row == len(self._means):
            more = np.zeros((GROWTH, self._means.shape[1]), dtype=np.float32)
            self._means = np.concatenate([self._means, more])
            self._sums = np.concatenate([self._sums, more])
        self._groups.append(_Group(id=group))
        self._rows[group] = row
        return row


def central(vectors: Sequence[Vector]) -> int:
    """The place of the vector that is nearest to all of them."""
    matrix = np.stack(vectors)
    return int(np.argmax(matrix @ matrix.mean(axis=0)))
