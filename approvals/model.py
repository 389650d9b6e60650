"""An approval: a draft that waits, or waited, for a person; the fold of its events."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from core import events as ev
from core.conversations import Conversation
from core.drafts import Draft, Reason
from core.errors import AlreadyDecided, NotFound, NotYours
from core.events import Decision

MAX_TEXT = 20_000  #: characters of one text that a person sends


class ApprovalState(enum.StrEnum):
    """What has become of a draft."""

    PENDING = "pending"  #: it waits for a person
    DECIDED = "decided"  #: a person decided
    SUPERSEDED = "superseded"  #: the customer wrote again before anybody decided
    CLOSED = "closed"  #: the conversation was resolved or erased over it


class Then(enum.StrEnum):
    """What follows on a rejection."""

    TELL = "tell"  #: the customer reads the person's text, or a truthful notice without one
    RETRY = "retry"  #: the assistant tries again, with a hint
    TAKE_OVER = "take_over"  #: the person goes on himself


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What a person says about a draft."""

    decision: Decision
    text: str = ""  #: for edit, and for a rejection with an own answer
    reason: str = ""  #: for colleagues and for learning; the customer never sees it
    then: Then = Then.TELL
    hint: str = ""  #: for RETRY: what the assistant should do better
    opened_sources: bool = False
    remember: bool = False  #: propose this answer as knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What became of a ruling."""

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
    locale: str = "en"
    question: str = ""
    draft: Draft = field(default_factory=lambda: Draft(text=""))
    reasons: tuple[Reason, ...] = ()
    requested_at: datetime
    at: datetime  #: of the last event taken in
    deadline: datetime
    step: int = 0  #: how far up the ladder
    told_closed: bool = False  #: the customer knows that nobody is there and when they are back
    claimed_by: str = ""
    decided_by: str = ""
    decision: str = ""
    decided_at: datetime | None = None
    held_until: datetime | None = None  #: the decision may be taken back until then
    seconds: float = 0.0  #: from request to decision
    text: str = ""
    reason: str = ""

    @property
    def topic(self) -> str:
        """The draft's topic."""
        return self.draft.topic


class ChangedSince(AlreadyDecided):
    """Somebody changed this draft after you read it; look again."""

    def __init__(self, *, by: str, claimed: bool) -> None:
        super().__init__(decided_by=by, decision="claim" if claimed else "")
        self.detail = (
            f"{by} has claimed this draft since you read it."
            if claimed
            else "This draft has changed since you read it; look at it again."
        )


class Withdrawn(AlreadyDecided):
    """Nobody needs to decide this any more."""

    def __init__(self, *, by: str, state: ApprovalState) -> None:
        super().__init__(decided_by=by, decision=state.value)
        self.detail = (
            "The customer has written again; this draft is out of date."
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


Known = Mapping[str, Approval]
"""The approvals of one conversation by id."""


def given_to(giver: str, receiver: str) -> str:
    """The note that stands behind a take-over by which a colleague was given a conversation."""
    return f"{giver} → {receiver}"


def is_about_approvals(event: ev.Event) -> bool:
    """Whether the event can change an approval."""
    match event:
        case ev.Sent(notice=notice):
            return notice is not None
        case (
            ev.ReviewRequested()
            | ev.ReviewClaimed()
            | ev.ReviewReminded()
            | ev.ReviewEscalated()
            | ev.ReviewSuperseded()
            | ev.ReviewDecided()
            | ev.SendHeld()
            | ev.SendReleased()
            | ev.DecisionUndone()
            | ev.TakenOver()
            | ev.Resolved()
            | ev.Erased()
        ):
            return True
        case _:
            return False


def fold(known: Known, item: ev.Numbered, *, about: Conversation) -> Known:
    """The conversation's approvals after this event.

    `about` gives channel and customer only. Raises KeyError for a draft that is not known.
    """
    match item.event:
        case ev.ReviewRequested() as e:
            return {
                **known,
                e.draft_id: Approval(
                    id=e.draft_id,
                    conversation_id=item.conversation_id,
                    seq=item.seq,
                    at=item.at,
                    version=e.version,
                    channel=about.channel,
                    customer=about.sender.name if about.sender else "",
                    locale=about.locale,
                    question=e.question,
                    draft=e.draft,
                    reasons=e.reasons,
                    requested_at=item.at,
                    deadline=e.deadline,
                ),
            }
        case ev.ReviewClaimed() as e:
            one = replace(known[e.draft_id], version=e.version, claimed_by=e.by)
        case ev.ReviewReminded() as e:
            one = replace(known[e.draft_id], step=e.step)
        case ev.ReviewEscalated() as e:
            one = replace(known[e.draft_id], step=3)
        case ev.ReviewSuperseded() as e:
            one = _ended(known[e.draft_id], item, ApprovalState.SUPERSEDED)
        case ev.ReviewDecided() as e:
            one = replace(
                _ended(known[e.draft_id], item, ApprovalState.DECIDED, by=e.by),
                decision=e.decision.value,
                seconds=e.seconds,
                text=e.text,
                reason=e.reason,
            )
        case ev.SendHeld() as e:
            one = replace(known[e.draft_id], held_until=e.until)
        case ev.SendReleased() as e:
            one = replace(known[e.draft_id], held_until=None)
        case ev.DecisionUndone() as e:
            one = replace(
                known[e.draft_id],
                state=ApprovalState.PENDING,
                version=e.version,
                decided_by="",
                decision="",
                decided_at=None,
                held_until=None,
                seconds=0.0,
                text="",
                reason="",
            )
        case ev.TakenOver() as e:
            return _close(known, item, by=e.by)
        case ev.Resolved() as e:
            return _close(known, item, by=e.by)
        case ev.Erased():
            return {key: _erased(a, item) for key, a in known.items()}
        case ev.Sent(notice=ev.Notice() as notice):
            return _told(known, item, closed=notice is ev.Notice.OUT_OF_HOURS)
        case _:
            return known
    return {**known, one.id: replace(one, seq=item.seq, at=item.at)}


def _ended(a: Approval, item: ev.Numbered, state: ApprovalState, *, by: str = "") -> Approval:
    return replace(
        a,
        state=state,
        seq=item.seq,
        at=item.at,
        decided_by=by,
        decided_at=item.at,
        seconds=(item.at - a.requested_at).total_seconds(),
    )


def _close(known: Known, item: ev.Numbered, *, by: str) -> Known:
    return {
        key: _ended(a, item, ApprovalState.CLOSED, by=by) if a.state is ApprovalState.PENDING else a
        for key, a in known.items()
    }


def _told(known: Known, item: ev.Numbered, *, closed: bool) -> Known:
    return {
        key: replace(a, told_closed=closed, seq=item.seq, at=item.at)
        if a.state is ApprovalState.PENDING and a.told_closed is not closed
        else a
        for key, a in known.items()
    }


def _erased(a: Approval, item: ev.Numbered) -> Approval:
    if a.state is ApprovalState.PENDING:
        a = _ended(a, item, ApprovalState.CLOSED)
    draft = replace(a.draft, text="", citations=())
    return replace(
        a, seq=item.seq, at=item.at, question="", customer="", text="", reason="", draft=draft
    )
