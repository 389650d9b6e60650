"""Recalibrates the shipped confidence on local decisions; it may only lower it.

A refit that could also raise the confidence sent more and was wrong more often: known questions
pile up while people decide, so that yesterday's decisions promise too much for tomorrow. The lower
of the two sends nothing that the prior alone would not have sent (figures in docs/answers.md).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.rag.confidence.model import Confidence, kind_of

NEWEST = 2_000  #: decisions that a refit is made from
FIRST = 40  #: fewer say nothing
GROWTH = 1.25  #: another refit when there is a quarter more
TAUGHT = 0.7  #: the older decisions a trial is fitted on; it is tried on the newer ones
LEAST_TRIED = 10
SURELY = 1.0  #: standard errors by which the trial has to be better
EDGE = 1e-3


class Scorer(Protocol):
    """The port to a confidence score."""

    def score(self, signals: Mapping[str, float]) -> float:
        """The probability, 0 to 1; 0 without signals."""
        ...

    def held(self, signals: Mapping[str, float]) -> bool:
        """Whether the answer is about another thing than the one asked about."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Experience:
    """One answer with its signals and its outcome."""

    signals: Mapping[str, float]
    right: bool
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """The prior refitted on decisions, for the kinds of answers where it foretold better."""

    model: Confidence
    kinds: frozenset[str]


class RecalibratedConfidence:
    """`Scorer` that gives the lower of the shipped confidence and of its refit."""

    def __init__(self, prior: Confidence) -> None:
        self.prior = prior
        self._refit: Refit | None = None

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of answers on which experience has its say."""
        return self._refit.kinds if self._refit is not None else frozenset()

    def score(self, signals: Mapping[str, float]) -> float:
        """See Scorer; never above the shipped confidence."""
        shipped = self.prior.score(signals)
        refit = self._refit
        if refit is None or not signals or kind_of(signals) not in refit.kinds:
            return shipped
        return min(shipped, refit.model.score(signals))

    def held(self, signals: Mapping[str, float]) -> bool:
        """See Scorer; experience has no say in it."""
        return self.prior.held(signals)

    def threshold(self, target: float) -> float:
        """That of the prior: what is sent at it is a part of what the prior would send."""
        return self.prior.threshold(target)

    def adopt(self, refit: Refit | None) -> None:
        """Go by this refit from now on; None is the prior alone."""
        self._refit = refit


def refitted(prior: Confidence, experience: Sequence[Experience]) -> Refit | None:
    """The refit on these decisions, oldest first; None when the prior does as well.

    It computes for a tenth of a second on 2,000 decisions: call it on a thread.
    """
    known = [e for e in experience if e.weight > 0.0 and "question" in e.signals][-NEWEST:]
    if len(known) < FIRST:
        return None
    kinds = _better(prior, known)
    return Refit(model=_fit(prior, known), kinds=kinds) if kinds else None


def _better(prior: Confidence, known: Sequence[Experience]) -> frozenset[str]:
    """The kinds of answers whose newer decisions a fit on the older ones foresaw better."""
    middle = int(len(known) * TAUGHT)
    trial = _fit(prior, known[:middle])
    found: set[str] = set()
    for kind in prior.models:
        newer = [e for e in known[middle:] if kind_of(e.signals) == kind]
        if len(newer) < LEAST_TRIED:
            continue
        weights = np.array([e.weight for e in newer])
        gained = np.array([_surprise(prior, e) - _surprise(trial, e) for e in newer])
        mean = float(np.average(gained, weights=weights))
        spread = float(np.sqrt(np.average((gained - mean) ** 2, weights=weights) / weights.sum()))
        if mean > SURELY * spread:
            found.add(kind)
    return frozenset(found)


def _surprise(model: Confidence, one: Experience) -> float:
    score = min(max(model.score(one.signals), EDGE), 1.0 - EDGE)
    return float(-np.log(score if one.right else 1.0 - score))


def _fit(prior: Confidence, known: Collection[Experience]) -> Confidence:
    return prior.refit(
        [e.signals for e in known], [e.right for e in known], weights=[e.weight for e in known]
    )
