"""Draws conversations for the quality review: a simple random sample of all of a week.

Each conversation draws a lot, a keyed hash of its id; those with the smallest lots are looked at
first. So each set of the same size is equally likely, whatever the channel, the length, the rating
or who answered; nobody can choose one or foresee it without the key; and a larger sample only adds
to a smaller one. A week is drawn from when it is over: of one that still grows, early conversations
would come up more often. docs/metrics.md says the same in words.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from core.rag.confidence.threshold import error_bound

GOAL = 20  #: conversations a week that are worth looking at
EACH_END = 0.975  #: assurance of either end of an interval, so that both hold with 95 %
LOT_BYTES = 16


def lot(conversation: int, *, key: bytes, week: str) -> bytes:
    """The lot of a conversation (the digest that stands for it) in this week (its Monday)."""
    text = f"{week}/{conversation}".encode()
    return hashlib.blake2b(
        text, digest_size=LOT_BYTES, key=key[: hashlib.blake2b.MAX_KEY_SIZE]
    ).digest()


def in_turn(conversations: Iterable[int], *, key: bytes, week: str) -> list[int]:
    """All of them in the order in which they are looked at."""
    return sorted(set(conversations), key=lambda one: lot(one, key=key, week=week))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of what was judged, and between which shares of all it surely lies."""

    good: int
    judged: int

    @property
    def least(self) -> int:
        """In 100, rounded down; Clopper–Pearson."""
        if not self.judged:
            return 0
        bad = error_bound(self.judged - self.good, self.judged, assurance=EACH_END)
        return math.floor((1.0 - bad) * 100 + 1e-9)

    @property
    def most(self) -> int:
        """In 100, rounded up."""
        if not self.judged:
            return 100
        return math.ceil(error_bound(self.good, self.judged, assurance=EACH_END) * 100 - 1e-9)
