"""Word overlap of a question and an answer, rare words weighing more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.rag.reranking.discriminant import Groups
from core.rag.vectors.index import Field, Match
from core.rag.vectors.lexical import token_set


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words that a question and its answer do not share, by weight."""

    lost: float  #: the share of the question that the answer does not say
    lost_words: int
    lost_weight: float
    unsaid: float  #: the share of its nearest known question that the question does not say


def words_between(
    asked: frozenset[str],
    found: Mapping[Field, Sequence[Match]],
    *,
    group: str,
    nearest: str,
    groups: Groups,
) -> Words:
    """What the question says and its answer does not, and the other way round.

    A word weighs more the fewer of the passages and questions found know it: an answer about
    approving an answer fits "approve" and loses "loan".
    """
    known: Counter[str] = Counter()
    said: set[str] = set()
    seen: set[str] = set()
    for name in Field:
        for match in found[name]:
            if match.id in seen:
                continue
            seen.add(match.id)
            words = words_of(match.payload)
            known.update(words)
            if groups.of(match.payload["answer"]) == group:
                said |= words

    def weight(words: Collection[str]) -> float:
        return sum(math.log((len(seen) + 1) / (known[word] + 0.5)) for word in words)

    lost = asked - said
    total = weight(asked)
    wording = token_set(nearest)
    said_there = weight(wording)
    return Words(
        lost=weight(lost) / total if total > 0 else 1.0,
        lost_words=len(lost),
        lost_weight=weight(lost),
        unsaid=weight(wording - asked) / said_there if said_there > 0 else 1.0,
    )


def words_of(payload: Mapping[str, Any]) -> frozenset[str]:
    """All that a point says: a question, or a passage under its title and heading."""
    if "question" in payload:
        return token_set(payload["question"])
    return token_set(payload["text"]) | token_set(f"{payload['title']} {payload['heading']}")


def overlap(asked: frozenset[str], text: str) -> float:
    """The share of the question's words that the text has."""
    return len(asked & token_set(text)) / len(asked) if asked else 0.0
