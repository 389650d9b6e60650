"""Groups past questions by their meaning, one after the other, in memory that holds one vector a
group; pure but for the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.rag.vectors.encoder import Matrix, Vector

ALIKE = 0.925  #: cosine from which on two questions ask the same
ALIKE_WITH_ANSWER = 0.86  #: where the same words answered both
GROWTH = 1024  #: rows that are made room for at once
MOST_ANSWERS = 40  #: keys of answers that a group remembers


@dataclass(slots=True, kw_only=True)
class _Group:
    id: str
    size: int = 0
    answers: set[str] = field(default_factory=set)


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

    def put(self, exchange_id: str, vector: Vector, *, said: str, group: str = "") -> str:
        """The group of this question: `group` where it has one, else the nearest, else its own."""
        row = self._rows.get(group) if group else self._nearest(vector, said)
        if row is None:
            row = self._new(group or exchange_id)
        one = self._groups[row]
        one.size += 1
        if len(one.answers) < MOST_ANSWERS:
            one.answers.add(said)
        self._sums[row] += vector
        self._means[row] = self._sums[row] / max(float(np.linalg.norm(self._sums[row])), 1e-9)
        return one.id

    def _nearest(self, vector: Vector, said: str) -> int | None:
        if not self._groups:
            return None
        near = self._means[: len(self._groups)] @ vector
        best = int(np.argmax(near))
        if near[best] >= ALIKE:
            return best
        for row in np.argsort(near)[::-1][:8]:
            if near[row] < ALIKE_WITH_ANSWER:
                break
            if said in self._groups[row].answers:
                return int(row)
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
