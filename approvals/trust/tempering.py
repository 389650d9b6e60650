"""Keeps the confidence tempered by what people decided here, the newest decisions of it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from approvals.trust.evidence import Evidence
from core.rag.tempering import FIRST, GROWTH, NEWEST, Experience, TemperedConfidence, refitted


class Tempering:
    """Gathers experience, the newest `NEWEST`, and refits whenever it has grown by a quarter.

    Nothing of it is stored: a start makes it again from the evidence.
    """

    def __init__(self, confidence: TemperedConfidence) -> None:
        self._confidence = confidence
        self._known: OrderedDict[str, Experience] = OrderedDict()
        self._fresh = 0
        self._next = FIRST

    async def begin(self, evidence: Sequence[Evidence]) -> None:
        """Start from what is known, oldest first."""
        for one in evidence[-NEWEST:]:
            self._take(one)
        await self._refit()

    async def learn(self, one: Evidence) -> None:
        """Take this in; perhaps refit, on a thread of its own."""
        self._take(one)
        self._fresh += 1
        if self._fresh >= self._next:
            await self._refit()

    async def forget(self, ids: Sequence[str]) -> None:
        """These say nothing any more: their documents have changed."""
        if [key for key in ids if self._known.pop(key, None) is not None]:
            await self._refit()

    def _take(self, one: Evidence) -> None:
        if not one.signals or one.weight <= 0.0:
            return
        self._known[one.id] = Experience(
            signals=dict(one.signals), right=one.right, weight=one.weight
        )
        while len(self._known) > NEWEST:
            self._known.popitem(last=False)

    async def _refit(self) -> None:
        known = list(self._known.values())
        self._fresh, self._next = 0, max(FIRST - len(known), int(len(known) * (GROWTH - 1.0)), 10)
        self._confidence.adopt(await asyncio.to_thread(refitted, self._confidence.prior, known))
