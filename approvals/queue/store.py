"""The store of approvals: the queue, and the history of each draft."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from pymongo import ReplaceOne

from approvals.queue.arrival import is_about_arrival
from approvals.queue.fold import Known, fold, is_about_approvals, is_said
from approvals.queue.model import Approval, ApprovalState
from core.domain.conversation import Conversation
from core.domain.events import Commit, Numbered
from core.domain.serialization import from_plain, to_plain
from core.engine.repository import Conversations
from core.storage.client import MongoCollection
from core.storage.errors import store_errors
from core.storage.writes import replace_unless_newer
from core.web.http.responses import read_cursor, write_cursor

PAGE = 50

NextStepAt = Callable[[Approval], datetime | None]
"""When the next step of escalation is due for a pending approval; None when nothing is left."""


def to_document(approval: Approval, *, mark: int, next_at: datetime | None) -> dict[str, Any]:
    """Top-level fields are what lists filter by; `approval` is what reading gives back.

    `mark` is the number of the event up to which the conversation has been taken in.
    """
    return {
        "_id": approval.id,
        "c": approval.conversation_id,
        "seq": approval.seq,
        "mark": mark,
        "state": approval.state.value,
        "deadline": approval.deadline,
        "next_at": next_at if approval.state is ApprovalState.PENDING else None,
        "decided_at": approval.decided_at,
        "decided_by": approval.decided_by,
        "alarm": approval.arrival is not None and approval.arrival.alarming,
        "approval": to_plain(approval),
    }


def from_document(document: Mapping[str, Any]) -> Approval:
    """The inverse of `to_document`."""
    approval = from_plain(Approval, document["approval"])
    assert isinstance(approval, Approval)
    return approval


class ApprovalsProjection:
    """Keeps one document a draft, whatever the order or repetition of the commits.

    What plainly follows on the stored document is folded onto it; a repeat, a gap or a late
    event is answered from the log itself, which is the truth.
    """

    name = "approvals"

    def __init__(
        self,
        collection: MongoCollection,
        *,
        conversations: Conversations,
        next_step_at: NextStepAt,
    ) -> None:
        self._collection = collection
        self._conversations = conversations
        self._next_step_at = next_step_at

    async def apply(self, commits: Sequence[Commit]) -> None:
        """See `core.engine.ports.Projection.apply`."""
        items: dict[str, list[Numbered]] = defaultdict(list)
        for commit in commits:
            relevant = await self._relevant(commit)
            if relevant:
                items[commit.conversation_id].extend(relevant)
        if not items:
            return
        stored: dict[str, dict[str, Approval]] = {key: {} for key in items}
        marks: dict[str, int] = defaultdict(int)
        with store_errors():
            found = await self._collection.find({"c": {"$in": list(items)}}).to_list()
        for document in found:
            conversation_id = document["c"]
            stored[conversation_id][document["_id"]] = from_document(document)
            marks[conversation_id] = max(marks[conversation_id], document["mark"])
        writes: list[ReplaceOne[dict[str, Any]]] = []
        for conversation_id, happened in items.items():
            before = stored[conversation_id]
            after, mark = await self._after(
                conversation_id, before, happened, mark=marks[conversation_id]
            )
            writes += [self._write(a, mark) for a in after.values() if before.get(a.id) != a]
        if writes:
            await self._write_all(writes)

    async def _after(
        self, conversation_id: str, known: Known, happened: Sequence[Numbered], *, mark: int
    ) -> tuple[Known, int]:
        about = await self._conversations.peek(conversation_id)
        # An event may come before an earlier one; only what ends the conversation so far, in
        # order, plainly follows on what is stored.
        in_order = all(a.seq < b.seq for a, b in pairwise(happened))
        if in_order and happened[0].seq > mark and happened[-1].seq >= about.seq:
            try:
                return _folded(known, happened, about), happened[-1].seq
            except KeyError:
                pass  # an event of a draft whose request was never taken in
        history = [
            item
            for commit in await self._conversations.history(conversation_id)
            for item in commit.numbered()
        ]
        return _folded({}, history, about), history[-1].seq

    async def _relevant(self, commit: Commit) -> list[Numbered]:
        """What an approval shows of this commit; most of what is said is said to none."""
        items = commit.numbered()
        if not any(is_said(item.event) or is_about_arrival(item.event) for item in items):
            return [i for i in items if is_about_approvals(i.event)]
        state = await self._conversations.peek(commit.conversation_id)
        waits, decided = bool(state.reviews), state.last_decision is not None
        return [
            i
            for i in items
            if is_about_approvals(i.event)
            or (waits and is_said(i.event))
            or (decided and is_about_arrival(i.event))
        ]

    def _write(self, a: Approval, mark: int) -> ReplaceOne[dict[str, Any]]:
        document = to_document(a, mark=mark, next_at=self._next_step_at(a))
        return ReplaceOne({"_id": a.id, "mark": {"$lte": mark}}, document, upsert=True)

    async def _write_all(self, writes: Sequence[ReplaceOne[dict[str, Any]]]) -> None:
        with store_errors():
            await replace_unless_newer(self._collection, writes)


def _folded(known: Known, happened: Sequence[Numbered], about: Conversation) -> Known:
    for item in happened:
        known = fold(known, item, about=about)
    return known


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list; `next` is the cursor of the following one, "" at the end."""

    items: tuple[Approval, ...]
    next: str = ""
    total: int = 0


class ApprovalStore:
    """Reads the approvals."""

    def __init__(self, collection: MongoCollection) -> None:
        self._collection = collection

    async def get(self, approval_id: str) -> Approval | None:
        """The approval, or None."""
        with store_errors():
            document = await self._collection.find_one({"_id": approval_id})
        return from_document(document) if document else None

    async def pending(self, *, cursor: str = "", limit: int = PAGE) -> Page:
        """The queue, most urgent first. Raises BadInput for a cursor that is none of ours."""
        return await self._page(
            {"state": ApprovalState.PENDING.value}, "deadline", cursor=cursor, limit=limit
        )

    async def decided(
        self, *, since: datetime, until: datetime, cursor: str = "", limit: int = PAGE
    ) -> Page:
        """What people decided in this time, newest first."""
        return await self._page(
            {
                "state": ApprovalState.DECIDED.value,
                "decided_at": {"$gte": since, "$lt": until},
            },
            "decided_at",
            cursor=cursor,
            limit=limit,
            newest_first=True,
        )

    async def undelivered(self, *, since: datetime, limit: int = PAGE) -> list[Approval]:
        """Decided since then, not arrived, and nobody has done anything about it; newest first."""
        with store_errors():
            found = await self._collection.find(
                {"alarm": True, "decided_at": {"$gte": since}}
            ).to_list()
        found.sort(key=lambda d: (d["decided_at"], d["_id"]), reverse=True)
        return [from_document(d) for d in found[:limit]]

    async def due(self, now: datetime) -> list[Approval]:
        """Pending approvals whose next step of escalation is due by now."""
        with store_errors():
            found = await self._collection.find(
                {"state": ApprovalState.PENDING.value, "next_at": {"$lte": now}}
            ).to_list()
        # None compares lower than a date in some servers.
        return [from_document(d) for d in found if d["next_at"] is not None]

    async def postpone(self, approval: Approval, next_at: datetime | None) -> None:
        """Nothing was due after all: look again then, unless something happens before."""
        with store_errors():
            await self._collection.update_one(
                {"_id": approval.id, "seq": approval.seq}, {"$set": {"next_at": next_at}}
            )

    async def of_conversation(self, conversation_id: str) -> list[Approval]:
        """All approvals of a conversation, oldest first."""
        with store_errors():
            found = await self._collection.find({"c": conversation_id}).to_list()
        return sorted(map(from_document, found), key=lambda a: a.requested_at)

    async def _page(
        self,
        query: Mapping[str, Any],
        by: str,
        *,
        cursor: str,
        limit: int,
        newest_first: bool = False,
    ) -> Page:
        after = tuple(read_cursor(cursor, int, str)) if cursor else None
        with store_errors():
            # An index gives no order on every server, so the keys are sorted here and only the
            # page itself is read whole.
            keys = await self._collection.find(query, {"_id": 1, by: 1}).to_list()
            rest = sorted(((_millis(k[by]), k["_id"]) for k in keys), reverse=newest_first)
            if after:
                rest = [k for k in rest if (k < after if newest_first else k > after)]
            chosen = rest[:limit]
            found = await self._collection.find(
                {"_id": {"$in": [approval_id for _, approval_id in chosen]}}
            ).to_list()
        by_id = {d["_id"]: from_document(d) for d in found}
        return Page(
            items=tuple(by_id[key] for _, key in chosen if key in by_id),
            next=write_cursor(*chosen[-1]) if len(rest) > limit else "",
            total=len(keys),
        )


def _millis(at: datetime) -> int:
    return round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000)
