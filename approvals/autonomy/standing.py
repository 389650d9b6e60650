"""The standing of a topic: its level, what it has earned, whether it got worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from approvals.autonomy.topics import Topic
from approvals.learning.evidence import Bound, Evidence, Kind, earned
from core.rag.confidence.threshold import error_bound

RECENT = 60  #: newest answers that are looked at for drift
LEAST_RECENT = 8  #: fewer than so many say nothing about drift
WRONG = 2  #: answers found wrong in the audit that cost a topic even its cold start ...
WRONG_TIME = timedelta(days=7)  #: ... within this time
STEP = 0.002  #: a smaller change of a threshold is not worth a supervisor's time


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A topic with its evidence and what could be done about it."""

    topic: Topic
    threshold: float  #: that counts now; 1 and more sends nothing alone
    evidence: Sequence[Evidence] = field(default=())
    now: Bound
    proposal: Bound | None = None  #: a lower threshold that the evidence allows

    def is_wrong_again(self, now: datetime) -> bool:
        """Whether the audit found so many wrong answers lately that even the cold start is lost."""
        since = max(now - WRONG_TIME, self.topic.since or datetime.min.replace(tzinfo=UTC))
        found = [e for e in self.evidence if e.kind is Kind.AUDIT and not e.right and e.at >= since]
        return len(found) >= WRONG

    def drifts(self, target: float) -> bool:
        """Whether the newest answers above the threshold are surely worse than promised."""
        above = [e for e in _counted(self.topic, self.evidence) if e.confidence >= self.threshold]
        newest = above[-RECENT:]
        wrong = sum(not e.right for e in newest)
        # The upper bound of being right is what is left for the error from below.
        least_error = 1.0 - error_bound(len(newest) - wrong, len(newest)) if newest else 0.0
        return len(newest) >= LEAST_RECENT and least_error > 1.0 - target


def proposal(
    topic: Topic, evidence: Sequence[Evidence], *, threshold: float, target: float
) -> Bound | None:
    """A threshold below this one that the evidence since the last loss allows."""
    counted = _counted(topic, evidence)
    if sum(e.weight for e in counted) < topic.declined * 1.5:
        return None
    found = earned(counted, target=target)
    return found if found is not None and found.threshold < threshold - STEP else None


def _counted(topic: Topic, evidence: Sequence[Evidence]) -> list[Evidence]:
    return [e for e in evidence if topic.since is None or e.at >= topic.since]
