"""Decisions stand in the audit because they stand in the log: no face can forget to record one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core import events as ev
from core.accounts.audit import Audit


class AuditedDecisions:
    """A projection that records what staff did in conversations; the fact, never the text."""

    name = "audit"

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        """See `core.ports.Projection.apply`; the event's number is the entry's key."""
        for commit in commits:
            for item in commit.numbered():
                found = _entry(item.event)
                if found is None:
                    continue
                what, who, subject, after = found
                await self._audit.record(
                    what,
                    who=who or "system",
                    subject=subject or item.conversation_id,
                    after={**after, "at": item.at},
                    key=f"{item.conversation_id}/{item.seq}",
                )


def _entry(event: ev.Event) -> tuple[str, str, str, Mapping[str, Any]] | None:
    match event:
        case ev.ReviewDecided() as e:
            after = {"version": e.version, "seconds": round(e.seconds, 1)}
            return f"draft.{e.decision.value}", e.by, e.draft_id, after
        case ev.DecisionUndone() as e:
            return "draft.undo", e.by, e.draft_id, {}
        case ev.RetryRequested() as e:
            return "draft.retry", e.by, "", {}
        case ev.TakenOver() as e:
            return "conversation.take_over", e.by, "", {}
        case ev.HandedBack() as e:
            return "conversation.hand_back", e.by, "", {}
        case ev.Resolved() as e:
            return "conversation.resolve", e.by, "", {}
        case ev.DeliveryRequeued() as e:
            return "delivery.retry", e.by, "", {"message": e.seq}
        case _:
            return None
