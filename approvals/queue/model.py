"""An approval, a draft that waits or waited for a person, and a person's ruling on it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from approvals.queue.arrival import Arrival
from core.domain.drafts import Draft, Reason, Turn
from core.domain.events import Decision
from core.errors import AlreadyDecided, NotFound, NotYours

MAX_TEXT = 20_000  #: characters of one text that a person sends


class ApprovalState(enum.StrEnum):
    """The state of an approval."""

    PENDING = "pending"  #: it waits for a person
    DECIDED = "decided"  #: a person decided
    SUPERSEDED = "superseded"  #: another draft took its place before anybody decided
    CLOSED = "closed"  #: the conversation was resolved or erased over it


class Then(enum.StrEnum):
    """The consequence of a rejection."""

    TELL = "tell"  #: the customer reads the person's text, or a truthful notice without one
    RETRY = "retry"  #: the assistant tries again, with a hint
    TAKE_OVER = "take_over"  #: the person goes on themselves
    OPT_OUT = "opt_out"  #: the customer wants no messages: none is sent, this one included


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A person's ruling on a draft."""

    decision: Decision
    text: str = ""  #: for edit, and for a rejection with an own answer
    reason: str = ""  #: for colleagues and for learning; the customer never sees it
    then: Then = Then.TELL
    hint: str = ""  #: for RETRY: what the assistant should do better
    opened_sources: bool = False
    remember: bool = False  #: propose this answer as knowledge
    undo_seconds: float | None = None  #: how long it may be taken back; None: as the setting says


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """The outcome of a ruling."""

    approval_id: str
    conversation_id: str
    decision: Decision
    by: str
    at: datetime
    sent_seq: int | None = None  #: number of the message that went to the customer


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A draft in the queue or in its history."""

    id: str
    conversation_id: str
    seq: int  #: number of the last event taken in
    state: ApprovalState = ApprovalState.PENDING
    version: int = 1
    channel: str = ""
    customer: str = ""
    is_invented: bool = False  #: nobody asked: the demonstration shop has brought it
    locale: str = "en"
    question: str = ""
    quoted: str = ""  #: what the question points at
    answers: tuple[int, ...] = ()  #: numbers of the customer's messages it is for
    files: int = 0  #: of them that have come in while it waited
    draft: Draft = field(default_factory=lambda: Draft(text=""))
    reasons: tuple[Reason, ...] = ()
    requested_at: datetime
    at: datetime  #: of the last event about the draft itself
    deadline: datetime
    since: datetime | None = None  #: from when on the deadline counts; None: from the request
    said: tuple[Turn, ...] = ()  #: what the customer and the assistant have said since
    outdated: bool = False  #: a source of the draft was changed or removed since it was written
    step: int = 0  #: how far the escalation is
    opted_out: bool = False  #: what is decided here reaches nobody, as long as this holds
    told_closed: bool = False  #: the customer knows that nobody is there and when they are back
    claimed_by: str = ""
    decided_by: str = ""
    decision: str = ""
    decided_at: datetime | None = None
    held_until: datetime | None = None  #: the decision may be taken back until then
    seconds: float = 0.0  #: from request to decision
    text: str = ""
    reason: str = ""
    arrival: Arrival | None = None  #: of what the decision sent; None while it has sent nothing

    @property
    def undelivered(self) -> bool:
        """Whether what was decided did not reach the customer."""
        return self.arrival is not None and self.arrival.trouble

    @property
    def topic(self) -> str:
        """The draft's topic."""
        return self.draft.topic

    @property
    def waits_since(self) -> datetime:
        """From when on the deadline counts."""
        return self.since or self.requested_at


class ChangedSince(AlreadyDecided):
    """Somebody changed this draft after you read it; look again."""

    def __init__(self, *, by: str, claimed: bool, outdated: bool = False) -> None:
        """`outdated`: what has changed is a source of the draft, or the draft because of it."""
        decision = "source_changed" if outdated else "claim" if claimed else ""
        super().__init__(decided_by=by, decision=decision)
        if outdated:
            self.detail = (
                "A source of this draft was changed or removed since you read it; look at it again."
            )
        elif claimed:
            self.detail = f"{by} has claimed this draft since you read it."
        else:
            self.detail = "This draft has changed since you read it; look at it again."


class Withdrawn(AlreadyDecided):
    """Nobody needs to decide this any more."""

    def __init__(self, *, by: str, state: ApprovalState) -> None:
        super().__init__(decided_by=by, decision=state.value)
        self.detail = (
            "Another draft has taken the place of this one."
            if state is ApprovalState.SUPERSEDED
            else "The conversation was closed over this draft."
        )


class NotTakenOver(NotYours):
    """Take this conversation over first."""

    def __init__(self) -> None:
        super().__init__(held_by="")
        self.detail = "Take this conversation over first."


class TooLate(AlreadyDecided):
    """What was decided has gone out; it cannot be taken back."""

    def __init__(self) -> None:
        super().__init__(decided_by="", decision="")
        self.detail = (type(self).__doc__ or "").strip()


def conversation_of(approval_id: str) -> str:
    """The conversation an approval belongs to. Raises NotFound for what cannot be an id."""
    conversation_id, dot, rest = approval_id.rpartition(".")
    if not (conversation_id and dot and rest):
        raise NotFound
    return conversation_id


def given_to(giver: str, receiver: str) -> str:
    """The note that stands behind a take-over by which a colleague was given a conversation."""
    return f"{giver} → {receiver}"
