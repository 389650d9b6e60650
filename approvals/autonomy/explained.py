"""Explains a topic in words: what the assistant may do, why, how often right, what changes it."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from approvals.autonomy.promotion import NOT_NOW, UNDONE
from approvals.autonomy.standing import Standing
from approvals.autonomy.topics import Change, Level
from approvals.learning.evidence import Bound, Evidence, bound_at, next_look

WHYS: Mapping[str, str] = {
    "by a supervisor": "person",
    "a complaint": "complaint",
    "a wrong answer in the audit": "wrong",
    "wrong in the audit again": "again",
    "answers got worse": "worse",
    "a document has changed": "document",
    NOT_NOW: "not_now",
    UNDONE: "undone",
}
"""The words, below `trust.why`, for each reason that is stored with a change."""

HUNDREDTHS = 0.95  #: from this share on right answers are told of a hundred, below of ten
UNKNOWN = 0.5  #: below, what is known says nothing that would help anybody


class Freedom(enum.StrEnum):
    """The freedom that a topic has, as a newcomer would say it."""

    ALONE = "alone"  #: it answers alone wherever it is sure; decisions have earned that
    CAREFUL = "careful"  #: it asks first, unless it is very sure
    ASKS = "asks"  #: it asks first, always, until it has earned something
    NEVER = "never"  #: a person sees everything until a supervisor says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """A text by its name below `trust.plain`, and what is filled in."""

    name: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rightness:
    """The share of answers that were right, in whole numbers."""

    right: int
    judged: int
    worst: Phrase  #: the share that is right at least, with 95 % assurance


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """More freedom that a topic has earned."""

    rightness: Rightness
    more: int  #: answers, of those that were judged, that would go out alone besides


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One topic in words."""

    name: str
    freedom: Freedom
    why: Phrase
    last: Change | None  #: the newest change of the topic
    rightness: Rightness | None  #: None: nobody has judged such an answer yet
    would: bool  #: the rightness is of answers as they would go out alone, and do not now
    next: Phrase  #: what would change it
    offer: Offer | None


def explained(
    standing: Standing, *, threshold: float, reviews_first: bool, automatic: bool
) -> Explained:
    """The topic in words.

    `threshold` is the one that holds where a person does not see everything; `reviews_first` and
    `automatic` are the operator's settings.
    """
    freedom = _freedom(standing, reviews_first=reviews_first)
    would = freedom in (Freedom.NEVER, Freedom.ASKS)
    known = bound_at(standing.evidence, threshold) if would else standing.now
    offered = standing.proposal
    history = standing.topic.history
    return Explained(
        name=standing.topic.name,
        freedom=freedom,
        why=_why(standing, freedom),
        last=history[-1] if history else None,
        rightness=_rightness(standing.evidence, known),
        would=would,
        next=_next(standing, freedom, automatic=automatic),
        offer=_offer(standing, offered) if offered is not None else None,
    )


def worst(bound: float) -> Phrase:
    """The share that is right at least, where the error is at most `bound`."""
    # What is surely right is rounded down; 1e-9 is the arithmetic's own error.
    share = 1.0 - bound + 1e-9
    if share >= HUNDREDTHS:
        return Phrase(name="worst_hundred", values={"n": math.floor(share * 100)})
    if share >= UNKNOWN:
        return Phrase(name="worst_ten", values={"n": math.floor(share * 10)})
    return Phrase(name="worst_unknown")


def why_words(why: str) -> str:
    """The name of the words, below `trust.why`, for a stored reason; figures stand for earning."""
    return WHYS.get(why, "earned")


def _freedom(standing: Standing, *, reviews_first: bool) -> Freedom:
    match standing.topic.level:
        case Level.EARNED:
            return Freedom.ALONE
        case Level.REVIEW:
            return Freedom.NEVER
        case Level.BASE:
            return Freedom.ASKS if reviews_first else Freedom.CAREFUL


def _why(standing: Standing, freedom: Freedom) -> Phrase:
    reasons = [c for c in standing.topic.history if c.why != NOT_NOW]
    if not reasons:
        return Phrase(name=f"why_{freedom.value}")
    last = reasons[-1]
    if last.level is Level.BASE and last.why in ("by a supervisor", UNDONE):
        return Phrase(name=f"why_{freedom.value}")
    if last.level is Level.EARNED:
        return Phrase(name="why_alone")
    return Phrase(name=f"why_{why_words(last.why)}")


def _rightness(evidence: Sequence[Evidence], known: Bound) -> Rightness | None:
    above = [e for e in evidence if e.confidence >= known.threshold]
    if not above:
        return None
    right = sum(e.right for e in above)
    return Rightness(right=right, judged=len(above), worst=worst(known.bound))


def _next(standing: Standing, freedom: Freedom, *, automatic: bool) -> Phrase:
    if standing.proposal is not None:
        return Phrase(name="next_offer")
    match freedom:
        case Freedom.ALONE:
            return Phrase(name="next_alone")
        case Freedom.NEVER:
            return Phrase(name="next_never")
        case Freedom.ASKS | Freedom.CAREFUL:
            since = standing.topic.since
            counted = sum(since is None or e.at >= since for e in standing.evidence)
            more = next_look(counted) - counted
            name = "next_itself" if automatic else "next_look"
            return Phrase(name=name, values={"n": more})


def _offer(standing: Standing, offered: Bound) -> Offer:
    found = _rightness(standing.evidence, offered)
    assert found is not None, "nothing is offered for no evidence"
    now = sum(e.confidence >= standing.threshold for e in standing.evidence)
    return Offer(rightness=found, more=found.judged - now)
