"""Tells whether two answers say the same in about the same words, by what is kept of each.

A help desk answers the same question with the same text, in a frame that changes ("Happy to help!
…"). What is kept of an answer is its MinHash (Broder 1997, "On the resemblance and containment of
documents"): the share of equal places is about the share of words that two answers have in common.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
import numpy.typing as npt

from core.text.anonymization import without_holes

PLACES = 64
ALIKE = 0.5  #: share of their words, of both together, from which on two answers are one
_PRIME = np.uint64((1 << 31) - 1)
_RANDOM = np.random.default_rng(20261201)
_TIMES = _RANDOM.integers(1, int(_PRIME), size=PLACES, dtype=np.uint64)
_PLUS = _RANDOM.integers(0, int(_PRIME), size=PLACES, dtype=np.uint64)

Sketch = npt.NDArray[np.uint32]
"""What is kept of an answer: `PLACES` numbers."""
Matrix32 = npt.NDArray[np.uint32]
"""Sketches, a row each."""


def sketch_of(answer: str) -> Sketch:
    """The answer's MinHash, of its words; of languages that write none apart, of their pairs."""
    words: set[str] = set()
    for word in re.findall(r"\w+", without_holes(answer).casefold()):
        pairs = () if word.isascii() else (word[at : at + 2] for at in range(len(word) - 1))
        words.update((word,) if word.isascii() or len(word) < 3 else pairs)
    if not words:
        return np.zeros(PLACES, dtype=np.uint32)
    hashed = np.array([zlib.crc32(word.encode()) for word in words], dtype=np.uint64) % _PRIME
    mixed = (hashed[:, None] * _TIMES + _PLUS) % _PRIME
    kept: Sketch = mixed.min(axis=0).astype(np.uint32)
    return kept


def alike(one: Sketch, others: Matrix32) -> npt.NDArray[np.bool_]:
    """Which of the others, a row each, are as good as the same answer."""
    return np.asarray((others == one).mean(axis=1) >= ALIKE)
