"""A cache of answers to identical questions, valid until the knowledge changes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

from core.domain.drafts import Draft
from core.runtime.lru import LruDict

REMEMBERED = 512  #: answers kept; the one not asked for longest goes first


class AnswerCache:
    """Drafts by question; `revision` gives a new value whenever the knowledge has changed."""

    def __init__(self, revision: Callable[[], object], *, limit: int = REMEMBERED) -> None:
        self._revision = revision
        self._drafts: LruDict[Hashable, Draft] = LruDict(limit)
        self._forgotten = 0
        self._made_at: object = self.now()

    def get(self, key: Hashable) -> Draft | None:
        """The draft as it was made from the knowledge of now, None when there is none."""
        self._forget_the_old()
        draft = self._drafts.get(key)
        if draft is None:
            return None
        # Nothing was spent this time.
        signals = {k: v for k, v in draft.signals.items() if not k.startswith("tokens_")}
        return replace(draft, signals={**signals, "recalled": 1.0}, stages={})

    def put(self, key: Hashable, draft: Draft, *, made_at: object) -> None:
        """Remember it, unless the knowledge has changed since `made_at`, when it was begun."""
        self._forget_the_old()
        if made_at != self._made_at:
            return
        self._drafts[key] = draft

    def now(self) -> object:
        """The revision of the knowledge that a draft begun now rests on."""
        return self._revision(), self._forgotten

    def clear(self) -> None:
        """Forget everything, also the drafts that are being made now."""
        self._forgotten += 1
        self._drafts.clear()

    def _forget_the_old(self) -> None:
        revision = self.now()
        if revision != self._made_at:
            self._drafts.clear()
            self._made_at = revision
