"""Evidence from decisions that answers were right or wrong, and the bound that follows."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any

from approvals.queue.model import Approval
from core.clock import Clock
from core.domain.drafts import Draft, Trait, having
from core.domain.events import Decision
from core.domain.serialization import from_plain, to_plain
from core.rag.confidence.threshold import NEVER, error_bound
from core.storage.client import MongoCollection, unhurried
from core.storage.errors import store_errors

LIGHT = 0.85  #: from this likeness on an edited answer was right in what it said
READ_CHARS_A_SECOND = 40.0  #: nobody reads faster; quicker approvals were not readings
HASTY = 0.5  #: what an approval counts that was faster than reading, with no source opened
LEAST = 20.0  #: decisions before anything is said about a topic
FIRST_LOOK = 59.0  #: fewer earn nothing, were they all right
LOOK_GROWTH = 1.5  #: another look when there is half as much again


JUDGED = having(Trait.JUDGED)


class Kind(enum.StrEnum):
    """The source of the evidence."""

    REVIEW = "review"  #: a person decided before it was sent
    AUDIT = "audit"  #: a supervisor looked at what had gone out alone
    COMPLAINT = "complaint"  #: the customer rated what had gone out alone with 1 or 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One answer that is known to be right or wrong."""

    id: str
    at: datetime
    kind: Kind
    topic: str
    confidence: float
    right: bool
    weight: float = 1.0
    by: str = ""
    article: str = ""  #: what the answer rested on
    signals: Mapping[str, float] = field(default_factory=dict)
    """What the confidence was made from; kept for the refit, and in the store only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The error of sending without review from a threshold on, as far as is known."""

    threshold: float
    sent: float  #: weighted count of answers at or above the threshold
    wrong: float
    total: float
    bound: float  #: one-sided 95 % upper bound of the error (Clopper–Pearson)

    @property
    def precision(self) -> float:
        """The share that was right."""
        return 1.0 - self.wrong / self.sent if self.sent else 1.0

    @property
    def coverage(self) -> float:
        """The share that would have gone out alone."""
        return self.sent / self.total if self.total else 0.0


class EvidenceStore:
    """The evidence in one collection."""

    def __init__(self, collection: MongoCollection, *, clock: Clock) -> None:
        self._collection = collection
        self._clock = clock

    async def put(self, evidence: Evidence) -> None:
        """Write it; the same id again takes its place."""
        now = self._clock.now()
        document = {"_id": evidence.id, "evidence": to_plain(evidence), "put": now}
        with store_errors():
            await self._collection.replace_one({"_id": evidence.id}, document, upsert=True)

    async def all(self) -> list[Evidence]:
        """Everything, oldest first."""
        with store_errors(), unhurried():
            found = await self._collection.find({}).to_list()
        return sorted((_evidence(d) for d in found), key=lambda e: (e.at, e.id))

    async def since(self, moment: datetime) -> list[Evidence]:
        """What was written after this moment, by the writers' clocks; oldest first."""
        with store_errors(), unhurried():
            found = await self._collection.find({"put": {"$gt": moment}}).to_list()
        return sorted((_evidence(d) for d in found), key=lambda e: (e.at, e.id))


def _evidence(document: Mapping[str, Any]) -> Evidence:
    evidence = from_plain(Evidence, document["evidence"])
    assert isinstance(evidence, Evidence)
    return evidence


def from_decision(approval: Approval, *, opened_sources: bool) -> Evidence | None:
    """What a decision says; None when it says nothing about the answer."""
    if not approval.draft.text.strip() or approval.draft.confidence <= 0.0:
        return None
    if approval.draft.demonstration:
        # It says how good the product's guide is, not what the company knows.
        return None
    if not JUDGED.issuperset(approval.reasons):
        # Who asked for a person was not refused an answer because it was wrong.
        return None
    right, weight = True, 1.0
    match approval.decision:
        case Decision.APPROVE.value:
            weight = HASTY if is_hasty(approval, opened_sources=opened_sources) else 1.0
        case Decision.EDIT.value:
            same = likeness(approval.draft.text, approval.text)
            right = same >= LIGHT
            weight = same if right else 1.0
        case Decision.REJECT.value:
            right = False
        case _:
            return None
    return Evidence(
        id=approval.id,
        at=approval.decided_at or approval.at,
        kind=Kind.REVIEW,
        topic=approval.topic,
        confidence=approval.draft.confidence,
        right=right,
        weight=weight,
        by=approval.decided_by,
        article=article_of(approval.draft),
        signals=approval.draft.signals,
    )


def is_hasty(approval: Approval, *, opened_sources: bool) -> bool:
    """Whether it was decided faster than anybody reads, with no source opened."""
    return approval.seconds < len(approval.draft.text) / READ_CHARS_A_SECOND and not opened_sources


def article_of(draft: Draft) -> str:
    """The article a draft rests on first; "" without a source."""
    return draft.citations[0].id.rpartition("#")[0] if draft.citations else ""


def likeness(one: str, other: str) -> float:
    """1 minus the normalized edit distance of two texts, over words where they are long."""
    a: Sequence[str] = " ".join(one.split())
    b: Sequence[str] = " ".join(other.split())
    if max(len(a), len(b)) > 400:
        a, b = one.split(), other.split()
    if not a and not b:
        return 1.0
    return 1.0 - _distance(a, b) / max(len(a), len(b))


def _distance(a: Sequence[str], b: Sequence[str]) -> int:
    """The edit distance, a column of its table as the bits of one number (Myers, Hyyrö 2003).

    Cell by cell two texts of four thousand words held the loop for seconds.
    """
    if not a:
        return len(b)
    places: dict[str, int] = {}
    for at, one in enumerate(a):
        places[one] = places.get(one, 0) | 1 << at
    every, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    more, less, distance = every, 0, len(a)  # where the column grows by one, and falls by one
    for one in b:
        same = places.get(one, 0)
        down = same | less
        across = (((same & more) + more) ^ more) | same
        grows, falls = less | (every & ~(across | more)), more & across
        distance += bool(grows & last) - bool(falls & last)
        grows, falls = (grows << 1 | 1) & every, (falls << 1) & every
        more, less = falls | (every & ~(down | grows)), grows & down
    return distance


def bound_at(evidence: Sequence[Evidence], threshold: float) -> Bound:
    """What is known of answers from this threshold on."""
    above = [e for e in evidence if e.confidence >= threshold]
    wrong = sum(e.weight for e in above if not e.right)
    sent = sum(e.weight for e in above)
    return Bound(
        threshold=threshold,
        sent=sent,
        wrong=wrong,
        total=sum(e.weight for e in evidence),
        # Weights make counts uneven; rounding them to our disadvantage keeps the promise.
        bound=error_bound(math.ceil(wrong), math.floor(sent)),
    )


def earned(evidence: Sequence[Evidence], *, target: float) -> Bound | None:
    """The lowest threshold whose bound keeps the target; None when there is none yet.

    `evidence` is in the order of time. A bound that is looked at after every decision holds by
    luck sooner or later, so the threshold comes from the decisions up to the last look, and looks
    are few: at the first 59, 88, 132, 199, … decisions. What came since may only speak against it.
    """
    if target >= 1.0 or sum(e.weight for e in evidence) < LEAST:
        return None
    lowest = _lowest(evidence[: last_look(len(evidence))], allowed=1.0 - target)
    if lowest is None:
        return None
    found = bound_at(evidence, lowest)
    return found if found.bound < 1.0 - target else None


def _lowest(looked: Sequence[Evidence], *, allowed: float) -> float | None:
    """The lowest threshold whose bound is below what is allowed; one pass, after a sorting."""
    ordered = sorted(looked, key=lambda e: -e.confidence)
    sent = list(accumulate(e.weight for e in ordered))
    wrong = list(accumulate(0.0 if e.right else e.weight for e in ordered))
    for last in range(len(ordered) - 1, -1, -1):
        threshold = ordered[last].confidence
        if threshold >= NEVER or (
            # Answers with the same confidence are sent together or not at all.
            last + 1 < len(ordered) and ordered[last + 1].confidence == threshold
        ):
            continue
        errors, count = math.ceil(wrong[last]), math.floor(sent[last])
        if errors <= allowed * count and error_bound(errors, count) < allowed:
            return threshold
    return None


def last_look(count: int) -> int:
    """How many of so many decisions had come when thresholds were looked at last; 0 for none."""
    look = 0.0
    following = FIRST_LOOK
    while following <= count:
        look, following = following, following * LOOK_GROWTH
    return int(look)


def next_look(count: int) -> int:
    """At how many decisions thresholds are looked at next, after so many."""
    following = FIRST_LOOK
    while following <= count:
        following *= LOOK_GROWTH
    return math.ceil(following)


def curve(evidence: Sequence[Evidence], *, points: int = 40) -> list[Bound]:
    """Risk and coverage at thresholds from strict to lax."""
    thresholds = sorted({e.confidence for e in evidence}, reverse=True)
    step = max(1, len(thresholds) // points)
    return [bound_at(evidence, t) for t in thresholds[::step]]


def reliability(evidence: Sequence[Evidence], *, bins: int = 10) -> list[tuple[float, float, int]]:
    """(mean confidence, share right, count) of each tenth that holds anything."""
    rows = []
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        mine = [
            e
            for e in evidence
            if low <= e.confidence < high or (number == bins - 1 and e.confidence >= high)
        ]
        weight = sum(e.weight for e in mine)
        if weight:
            mean = sum(e.confidence * e.weight for e in mine) / weight
            rows.append((mean, sum(e.weight for e in mine if e.right) / weight, len(mine)))
    return rows
