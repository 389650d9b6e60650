"""Groups waiting drafts with the same question, and decides them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from approvals.queue.model import Approval, Ruling
from approvals.queue.service import ApprovalService
from core.accounts.roles import Action, User
from core.domain.events import Decision
from core.errors import AlreadyDecided, BadInput, ContactCenterError
from core.rag.vectors.encoder import Vector
from core.rag.vectors.lexical import token_set

ALIKE = 0.94  #: cosine from which on two questions of the queue ask the same
SHARED = 0.3  #: of the words of the shorter one; the same sentence about something else has fewer
MOST = 500  #: drafts that are compared


class Embedder(Protocol):
    """The port to embeddings."""

    async def question(self, text: str) -> Vector:
        """A unit vector."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Drafts that wait for the same answer, the longest waiting first."""

    approvals: Sequence[Approval]

    @property
    def locales(self) -> tuple[str, ...]:
        """The languages of their customers."""
        return tuple(sorted({a.locale for a in self.approvals}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome for one draft of a group."""

    approval_id: str
    sent: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """One draft as it was read."""

    approval_id: str
    version: int
    locale: str = field(default="")


class Incidents:
    """Finds and decides groups; each customer gets the answer in their own conversation."""

    def __init__(self, embedder: Embedder, approvals: ApprovalService) -> None:
        self._embedder = embedder
        self._approvals = approvals

    async def groups(self, user: User) -> list[Group]:
        """Groups of two and more among what waits, the largest first."""
        waiting: list[Approval] = []
        cursor = ""
        while len(waiting) < MOST:
            page = await self._approvals.pending(user, cursor=cursor, limit=100)
            waiting += page.items
            cursor = page.next or ""
            if not cursor:
                break
        asked = [a for a in waiting if a.question.strip()]
        vectors = [await self._embedder.question(a.question[:1000]) for a in asked]
        groups: list[list[int]] = []
        for i, approval in enumerate(asked):
            for group in groups:
                first = group[0]
                alike = float(np.dot(vectors[first], vectors[i])) >= ALIKE
                if alike and _share_words(asked[first].question, approval.question):
                    group.append(i)
                    break
            else:
                groups.append([i])
        found = [Group(approvals=[asked[i] for i in g]) for g in groups if len(g) > 1]
        return sorted(found, key=lambda g: -len(g.approvals))

    async def decide(
        self, user: User, picked: Sequence[Picked], ruling: Ruling, *, texts: Mapping[str, str]
    ) -> list[Outcome]:
        """Decide all of these alike; what a colleague was faster with is left to them.

        `texts` are the answers by language, for an edit; who reads another language keeps
        waiting.
        """
        user.require(Action.DRAFT_DECIDE)
        if ruling.decision is Decision.EDIT and not any(t.strip() for t in texts.values()):
            raise BadInput("A text is needed.")
        outcomes = []
        for one in picked:
            own = ruling
            if ruling.decision is Decision.EDIT:
                text = texts.get(one.locale, "")
                if not text.strip():
                    outcomes.append(
                        Outcome(approval_id=one.approval_id, sent=False, why="other language")
                    )
                    continue
                own = replace(ruling, text=text)
            try:
                await self._approvals.decide(user, one.approval_id, own, version=one.version)
            except AlreadyDecided as error:
                why = f"already decided by {error.decided_by}"
                outcomes.append(Outcome(approval_id=one.approval_id, sent=False, why=why))
            except ContactCenterError as error:
                outcomes.append(Outcome(approval_id=one.approval_id, sent=False, why=error.detail))
            else:
                outcomes.append(Outcome(approval_id=one.approval_id, sent=True))
        return outcomes


def _share_words(one: str, other: str) -> bool:
    a, b = token_set(one), token_set(other)
    return len(a & b) >= SHARED * min(len(a), len(b))
