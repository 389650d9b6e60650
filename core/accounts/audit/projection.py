"""Records decisions and knowledge changes in the audit, from the log instead of from each face."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.accounts.audit.log import Audit
from core.domain import events as ev

if TYPE_CHECKING:
    from core.domain.knowledge_change import Change

NAMED = 20  #: articles that one entry names; more are one hash over all of theirs


class AuditedDecisions:
    """A projection that records what staff did in conversations; the fact, never the text."""

    name = "audit"

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        """See `core.engine.ports.Projection.apply`; the event's number is the entry's key."""
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


class AuditedKnowledge:
    """Records each change of knowledge: who, which articles, their hashes; never a text."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def changed(self, change: Change) -> None:
        """See `core.rag.knowledge_base.service.Knowledge.on_changed`."""
        await self._audit.record(
            f"knowledge.{change.deed.value}",
            who=change.by or "system",
            subject=change.subject,
            before=_digests(change.before),
            after=_digests(change.after),
        )


def _digests(digests: Mapping[str, str]) -> Mapping[str, Any]:
    lines = [f"{article} {digest}" for article, digest in sorted(digests.items())]
    if not lines:
        return {}
    if len(lines) <= NAMED:
        return {"articles": lines}
    whole = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return {"articles": f"{len(lines)}, sha256 {whole}"}


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
        case ev.Tagged() as e:
            return "conversation.tag", e.by, "", {"added": len(e.added), "removed": len(e.removed)}
        case ev.Snoozed() as e:
            return "conversation.snooze", e.by, "", {}
        case ev.Woken() as e if e.by:
            return "conversation.wake", e.by, "", {}
        case ev.Resolved() as e:
            return "conversation.resolve", e.by, "", {}
        case ev.ConsentChanged(source=ev.ConsentSource.AGENT) as e:
            what = "opt_out" if e.opted_out else "opt_in"
            # The sentence may name the customer, whom the chain could never forget.
            return f"consent.{what}", e.by, "", {"reason": f"{len(e.reason)} characters"}
        case ev.DeliveryRequeued() as e:
            return "delivery.retry", e.by, "", {"message": e.seq}
        case _:
            return None
