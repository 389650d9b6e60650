"""Keeps waiting drafts fresh: has them written anew from changed sources and from new ones."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from approvals.queue.model import Approval, conversation_of
from approvals.queue.store import ApprovalStore
from core.domain import events as ev
from core.domain.conversation import Conversation, Review
from core.domain.drafts import (
    Draft,
    Reason,
    Trait,
    having,
    with_changed_sources,
    with_new_source,
    with_reason,
)
from core.domain.events import Event
from core.domain.policy import Review as Held
from core.domain.policy import Verdict
from core.engine.ports import Sources
from core.engine.repository import Conversations
from core.rag.knowledge.digests import article_of
from core.rag.knowledge.store import Newer

log = logging.getLogger(__name__)

SETTLING_SECONDS = 0.5  #: many changes of the knowledge in a row are one
RETRY_SECONDS = 2.0
PATIENCE = 2
"""Times that a search which loses the source is asked again: it hears of a change a moment after
the store, and on a busy machine it may be out of time."""

CARRIED = frozenset({Reason.PERSON_REQUESTED, Reason.ATTACHMENT, Reason.TOO_MANY_TURNS})
"""Reasons that are about the customer, not about the draft: they stay."""

MISSING = having(Trait.MISSING)

FindNewer = Callable[[str, datetime], Awaitable[Newer | None]]
"""The likeliest source of a question, if it came after a moment; see `Knowledge.newer`."""

Redraft = Callable[[Conversation, Review], Awaitable[tuple[Draft, Verdict]]]
"""Writes a waiting draft anew; see `core.engine.processing.pipeline.Pipeline.redraft`."""


class Freshness:
    """Checks waiting drafts whenever the knowledge has changed, and once at the start."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        store: ApprovalStore,
        sources: Sources,
        redraft: Redraft,
        newer: FindNewer,
    ) -> None:
        self._conversations = conversations
        self._store = store
        self._sources = sources
        self._redraft = redraft
        self._newer = newer
        self._tried: dict[str, Newer] = {}  # by draft: none is written twice from one
        self._lost: dict[str, int] = {}  # by draft: how often its source was not found again
        self._changed = asyncio.Event()

    async def knowledge_changed(self, _change: object = None) -> None:
        """Look soon; see `core.domain.knowledge_change.OnChange`."""
        self._changed.set()

    async def look(self, approval_id: str) -> None:
        """Note it now, if a source of this draft has changed: somebody is about to approve it."""
        c = await self._conversations.peek(conversation_of(approval_id))
        review = c.review_of(approval_id)
        if review is not None and not review.outdated:
            await self._note(approval_id, review.draft)

    async def run(self) -> None:
        """Work for ever; what was changed while nothing ran is found at the start."""
        while True:
            left = True
            try:
                self._changed.clear()
                left = await self.sweep()
            except Exception:
                log.exception("the sources of waiting drafts could not be looked at; again soon")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS if left else None):
                    await self._changed.wait()
                    await asyncio.sleep(SETTLING_SECONDS)

    async def sweep(self) -> bool:
        """Note what is out of date and write it anew; gives whether something is left to do."""
        waiting = await self._waiting()
        outdated = [a.id for a in waiting if await self._is_outdated(a)]
        is_done = all([await self._anew(approval_id) for approval_id in outdated])
        self._tried = {a.id: self._tried[a.id] for a in waiting if a.id in self._tried}
        self._lost = {a.id: self._lost[a.id] for a in waiting if a.id in self._lost}
        for approval in waiting:
            if approval.id not in outdated and MISSING.intersection(approval.reasons):
                await self._offer(approval.id)
        return not is_done

    async def _offer(self, approval_id: str) -> None:
        """Write it anew where its answer was missing, and somebody has written one since.

        A draft that a colleague has claimed is theirs, and they may be writing already.
        """
        c = await self._conversations.peek(conversation_of(approval_id))
        review = c.review_of(approval_id)
        if review is None or review.outdated or review.claimed_by:
            return
        new = await self._newer(review.question, review.requested_at)
        if (
            new is None
            or new.article_id in _articles(review.draft)
            or self._tried.get(approval_id) == new
        ):
            return
        self._tried[approval_id] = new
        draft, verdict = await self._redraft(c, review)
        if new.article_id not in _articles(draft):
            return
        reasons = _carried(review, verdict)
        title, written = new.title, review.written

        def events(c: Conversation) -> Sequence[Event]:
            now = c.review_of(approval_id)
            if now is None or now.written != written or now.outdated or now.claimed_by:
                return ()
            return (
                ev.ReviewRedrafted(
                    draft_id=approval_id,
                    version=now.version + 1,
                    draft=with_new_source(draft, title),
                    reasons=with_reason(reasons, Reason.NEW_SOURCE),
                ),
            )

        await self._conversations.update(c.id, events)

    async def _waiting(self) -> list[Approval]:
        found: list[Approval] = []
        cursor = ""
        while True:
            page = await self._store.pending(cursor=cursor, limit=200)
            found += page.items
            cursor = page.next
            if not cursor:
                return found

    async def _is_outdated(self, approval: Approval) -> bool:
        return approval.outdated or await self._note(approval.id, approval.draft)

    async def _note(self, approval_id: str, draft: Draft) -> bool:
        titles = tuple(await self._sources.changed(draft.citations))
        if not titles:
            return False

        def events(c: Conversation) -> Sequence[Event]:
            review = c.review_of(approval_id)
            # A draft that was written anew meanwhile rests on something else.
            if review is None or review.outdated or review.draft.citations != draft.citations:
                return ()
            version = review.version + 1
            return (ev.ReviewOutdated(draft_id=approval_id, version=version, titles=titles),)

        change = await self._conversations.update(conversation_of(approval_id), events)
        return change.commit is not None

    async def _anew(self, approval_id: str) -> bool:
        """Write it anew; False when what is found is still what was known before."""
        c = await self._conversations.peek(conversation_of(approval_id))
        review = c.review_of(approval_id)
        if review is None or not review.outdated:
            return True
        written = review.written
        draft, verdict = await self._redraft(c, review)
        if await self._sources.changed(draft.citations):
            return False  # the changed article is still being read
        if not _articles(draft) & _articles(review.draft):
            self._lost[approval_id] = lost = self._lost.get(approval_id, 0) + 1
            if lost <= PATIENCE:
                return False
        self._lost.pop(approval_id, None)
        reasons = _carried(review, verdict)
        titles = tuple(
            finding.values["title"]
            for finding in review.draft.findings
            if finding.reason is Reason.SOURCE_CHANGED
        )

        def events(c: Conversation) -> Sequence[Event]:
            now = c.review_of(approval_id)
            if now is None or now.written != written:
                return ()
            return (
                ev.ReviewRedrafted(
                    draft_id=approval_id,
                    version=now.version + 1,
                    draft=with_changed_sources(draft, titles, anew=True),
                    reasons=with_reason(reasons, Reason.SOURCE_CHANGED),
                ),
            )

        await self._conversations.update(c.id, events)
        return True


def _articles(draft: Draft) -> set[str]:
    return {article_of(citation) for citation in draft.citations}


def _carried(review: Review, verdict: Verdict) -> tuple[Reason, ...]:
    """What holds the new draft, and what held the old one because of the customer."""
    reasons = verdict.reasons if isinstance(verdict, Held) else ()
    return (*(r for r in review.reasons if r in CARRIED), *reasons)
