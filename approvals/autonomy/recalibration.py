"""Refits the confidence on the newest decisions, in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from approvals.autonomy.fits import FitStore
from approvals.learning.evidence import Evidence
from core.rag.confidence.recalibration import (
    FIRST,
    GROWTH,
    NEWEST,
    Experience,
    RecalibratedConfidence,
    refitted,
)
from core.runtime.lru import LruDict


class Recalibration:
    """Gathers the newest `NEWEST` decisions, and refits whenever they grow by a quarter.

    A process alone stores nothing of it: a start makes it again from the evidence. Of many, one
    makes the fit and publishes it, so that the same question is as sure in all of them.
    """

    def __init__(self, confidence: RecalibratedConfidence, *, fits: FitStore | None) -> None:
        """`fits` is where it is published; None: there is one process."""
        self._confidence = confidence
        self._fits = fits
        self._known: LruDict[str, Experience] = LruDict(NEWEST)
        self._fresh = 0
        self._next = FIRST

    async def begin(self, evidence: Sequence[Evidence]) -> None:
        """Start from what is known, oldest first."""
        for one in evidence[-NEWEST:]:
            self._take(one)
        if self._fits is not None:
            self._fresh = self._next  # whoever makes the fits looks what is due
            await self.adopt_published()
            return
        await self._refit()

    async def learn(self, one: Evidence) -> None:
        """Take this in; perhaps refit, on a thread of its own."""
        self.take(one)
        if self._fits is None:
            await self.refit_if_due()

    def take(self, one: Evidence) -> None:
        """Count this among what is known, or no more, where it weighs nothing."""
        if one.weight <= 0.0:
            if self._known.pop(one.id, None) is not None:
                self._fresh = self._next
            return
        self._take(one)
        self._fresh += 1

    async def refit_if_due(self) -> bool:
        """Fit, and publish it, if enough is new; whether it was."""
        if self._fresh < self._next:
            return False
        await self._refit()
        return True

    async def adopt_published(self) -> None:
        """Go by the newest fit of all processes. Raises StoreUnavailable."""
        assert self._fits is not None
        self._confidence.adopt(await self._fits.published(self._confidence.prior))

    async def forget(self, ids: Sequence[str]) -> None:
        """These say nothing any more: their documents have changed."""
        if [key for key in ids if self._known.pop(key, None) is not None]:
            self._fresh = self._next
            if self._fits is None:
                await self._refit()

    def _take(self, one: Evidence) -> None:
        if not one.signals or one.weight <= 0.0:
            return
        self._known[one.id] = Experience(
            signals=dict(one.signals), right=one.right, weight=one.weight
        )

    async def _refit(self) -> None:
        known = list(self._known.values())
        self._fresh, self._next = 0, max(FIRST - len(known), int(len(known) * (GROWTH - 1.0)), 10)
        fit = await asyncio.to_thread(refitted, self._confidence.prior, known)
        if self._fits is not None:
            await self._fits.publish(fit)
        self._confidence.adopt(fit)
