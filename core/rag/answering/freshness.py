"""A responder that drafts again when a source changed while it was writing."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from core.domain.drafts import Draft, Question, Turn
from core.engine.ports import OnDelta, Responder, Sources
from core.errors import StoreUnavailable

log = logging.getLogger(__name__)


class FreshResponder:
    """`core.engine.ports.Responder` that drafts once more when a source was changed meanwhile.

    A model takes seconds, in which an article may be corrected. What is changed after that is
    noticed before sending (`core.engine.processing.pipeline`).
    """

    def __init__(self, responder: Responder, sources: Sources) -> None:
        self._responder = responder
        self._sources = sources

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        """See Responder; never raises for a failing part."""
        draft = await self._responder.draft(question, on_delta=on_delta)
        try:
            changed = await self._sources.changed(draft.citations)
        except StoreUnavailable:
            return draft  # nothing is sent without the store either
        if not changed:
            return draft
        log.info("a source changed while %s was drafted; drafting anew", question.conversation_id)
        return await self._responder.draft(question)

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """See Responder."""
        self._responder.foresee(text, history)
