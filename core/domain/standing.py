"""The status of a conversation folded without the rest of its state, for live streams."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain import events as ev
from core.domain.conversation import Conversation, Status

#: Most of what happens; a test holds this against the fold.
KEEPS_STATUS = frozenset(
    (
        ev.Received,
        ev.AttachmentFetched,
        ev.AttachmentRead,
        ev.Sent,
        ev.DeliveryStarted,
        ev.DeliveryRecorded,
        ev.Reacted,
        ev.Deleted,
        ev.UnknownEvent,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The part of a conversation's state from which its status follows."""

    status: Status = Status.AI
    waiting: frozenset[str] = frozenset()  #: ids of the drafts that wait for a person
    held: frozenset[str] = frozenset()  #: ids of those whose decision may still be taken back

    @classmethod
    def of(cls, c: Conversation) -> Standing:
        """Where this conversation stands."""
        return cls(
            status=c.status,
            waiting=frozenset(r.draft_id for r in c.reviews),
            held=frozenset(h.draft_id for h in c.holds),
        )

    def after(self, item: ev.Numbered) -> Standing:
        """Where it stands after this event."""
        if type(item.event) in KEEPS_STATUS:
            return self
        waiting, held = self.waiting, self.held
        match item.event:
            case ev.ReviewRequested(draft_id=one):
                waiting = waiting | {one}
            case ev.ReviewSuperseded(draft_id=one) | ev.ReviewDecided(draft_id=one):
                waiting = waiting - {one}
            case ev.SendHeld(draft_id=one):
                held = held | {one}
            case ev.SendReleased(draft_id=one):
                held = held - {one}
            case ev.DecisionUndone(draft_id=one):
                waiting, held = waiting | {one}, held - {one}
            case ev.TakenOver() | ev.Resolved() | ev.Erased() | ev.Started():
                waiting, held = frozenset(), frozenset()
            case _:
                pass
        status = status_after(self.status, item.event, waits=bool(waiting or held))
        return Standing(status=status, waiting=waiting, held=held)


def status_after(before: Status, event: ev.Event, *, waits: bool) -> Status:
    """The status after this event; `waits`: a draft waits, or a decision may be taken back."""
    match event:
        case ev.TakenOver():
            return Status.HUMAN
        case ev.Resolved() | ev.Erased():
            return Status.RESOLVED
        case ev.Started() | ev.HandedBack() | ev.Reopened():
            pass
        case _ if before in (Status.HUMAN, Status.RESOLVED):
            return before
    return Status.REVIEW if waits else Status.AI
