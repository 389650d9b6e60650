"""The state of a conversation as a value; `fold` computes it from the events."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from core.domain import events as ev
from core.domain.drafts import Draft, Reason, Turn
from core.domain.lateness import is_too_late
from core.domain.messages import DEMONSTRATION, Address, Author, DeliveryState, Sender

KEPT_KEYS = 4096  #: messages that a repeated one is compared with
DIGEST_BYTES = 8


class Status(enum.StrEnum):
    """The status of a conversation; the customer sees it in words."""

    AI = "ai"  #: the assistant answers
    REVIEW = "review"  #: an answer waits for a person
    HUMAN = "human"  #: a person has taken over; the assistant is silent
    RESOLVED = "resolved"  #: closed; the next message reopens it


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A message of the customer that has no answer yet."""

    seq: int
    text: str
    at: datetime
    group_id: str = ""
    has_attachment: bool = False
    quoted: str = ""  #: what it replies to
    asked_by: str = ""  #: who wrote it, where it is not who the conversation began with
    place: str = ""  #: the thread in which the answer goes
    unreadable: bool = False  #: nobody here can read it, a person neither
    files: tuple[str, ...] = ()  #: what came beside the text, by name or else by kind
    read: str = ""  #: what stands in its files, for people
    sent_at: datetime | None = None  #: when they wrote it, where the vendor says so

    @property
    def too_late(self) -> bool:
        """Whether it lay at the vendor's for more than a day."""
        return is_too_late(self.sent_at, self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A draft that waits for a person."""

    draft_id: str
    version: int
    question: str
    draft: Draft
    reasons: tuple[Reason, ...]
    requested_at: datetime
    deadline: datetime
    answers: tuple[int, ...] = ()
    since: datetime | None = None  #: from when on the deadline counts; None: from the request
    claimed_by: str = ""
    written: int = 1  #: the version from which on only claims have changed anything
    outdated: bool = False  #: a source of the draft was changed or removed since it was written
    step: int = 0  #: how far the escalation is: 0 none, 1 half, 2 three quarters, 3 escalated
    quoted: str = ""  #: what the question points at


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A stored message whose delivery has not ended yet."""

    seq: int
    at: datetime
    author: Author
    by_person: bool = False  #: a person wrote it, approved it, or asked for it again
    state: DeliveryState = DeliveryState.QUEUED
    attempt: int = 0
    parts_done: int = 0
    retry_at: datetime | None = None
    awaits_customer: bool = False  #: the medium can only answer; the next message opens the way
    place: str = ""  #: the thread within the conversation that it belongs in
    fence: int = 0  #: of the process that began to send it last


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A decided message, held back as long as the decision may be undone."""

    draft_id: str
    sent: ev.Sent
    until: datetime
    review: Review | None = None  #: the draft as it waited; None where only the status is followed


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDecision:
    """The last decision and who made it, for whoever comes second."""

    draft_id: str
    decision: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """The state after event number `seq`; 0 means that nothing has happened yet."""

    id: str
    seq: int = 0
    address: Address | None = None
    sender: Sender | None = None
    locale: str = "en"
    status: Status = Status.AI
    assignee: str = ""
    disclosed: int = 0  #: number of the message that said that an AI writes; 0: none has yet
    opted_out: bool = False
    consent: ev.ConsentChanged | None = None  #: the last change of it
    consent_at: datetime | None = None
    person_requested: bool = False
    unanswered: tuple[Unanswered, ...] = ()
    reviews: tuple[Review, ...] = ()  #: the drafts that wait for a person, oldest first
    last_decision: LastDecision | None = None
    holds: tuple[Held, ...] = ()  #: what decisions will send, the first one due first
    outgoing: tuple[Outgoing, ...] = ()
    turns: int = 0  #: answers of the assistant since the last progress
    cited: tuple[str, ...] = ()  #: sources it has given; one that comes again is no progress
    told: ev.Notice | None = None  #: the last notice since anybody but the system spoke
    hint: str = ""
    hint_for: tuple[int, ...] = ()  #: the messages it is for; none: all that are open
    memory: tuple[Turn, ...] = ()
    started_at: datetime | None = None
    updated_at: datetime | None = None
    last_customer_at: datetime | None = None
    erased: bool = False
    erased_at: datetime | None = None  #: what was written before is not taken in again
    accepted: bytes = b""  #: short digests of the keys of its commits, the newest `KEPT_KEYS`
    messages: bytes = b""  #: by which `message_index` finds messages by their vendor's ids
    place: str = ""  #: the thread within it in which the customer wrote last
    held_since: datetime | None = None  #: since when the assignee holds it
    held_step: int = 0  #: how far the assignee was reminded: 0 to 2
    tags: tuple[str, ...] = ()  #: what colleagues call its matter, in order
    #: number of the first event that this release does not know, 0 of none: whoever cannot say what
    #: it means neither decides, nor sends, nor keeps a list by what follows
    unknown: int = 0
    assigned: str = ""  #: whose the waiting draft is to look at; nobody holds it by that
    snoozed_by: str = ""  #: who has put it aside; "": it is not aside
    snoozed_until: datetime | None = None  #: None with `snoozed_by`: until the customer writes

    @property
    def channel(self) -> str:
        """The channel's id, "" before the conversation has started."""
        return self.address.channel if self.address else ""

    @property
    def is_invented(self) -> bool:
        """Whether nobody had it: the demonstration shop has brought it."""
        return self.address is not None and self.address.account == DEMONSTRATION

    @property
    def review(self) -> Review | None:
        """The draft that has waited longest."""
        return self.reviews[0] if self.reviews else None

    @property
    def held(self) -> Held | None:
        """What goes out first of all that may still be taken back."""
        return self.holds[0] if self.holds else None

    @property
    def open(self) -> tuple[Unanswered, ...]:
        """The messages that nothing answers yet: no draft that waits, and nothing decided."""
        if not (self.reviews or self.holds):
            return self.unanswered
        taken = {seq for review in self.reviews for seq in review.answers}
        taken.update(seq for held in self.holds for seq in held.sent.answers)
        return tuple(u for u in self.unanswered if u.seq not in taken)

    @property
    def due(self) -> tuple[Unanswered, ...]:
        """Those of the open messages that the next answer is for: a hint is for its own only."""
        if self.hint_for:
            meant = tuple(u for u in self.open if u.seq in self.hint_for)
            return meant or self.open
        return self.open

    @property
    def reply_address(self) -> Address | None:
        """Where to write now: in the thread in which the customer wrote last."""
        return placed(self.address, self.place)

    @property
    def wants_no_machine(self) -> bool:
        """Whether nothing may be sent by machine: opted out, or a person has to find out."""
        return self.opted_out or any(Reason.SEEMS_OPT_OUT in r.reasons for r in self.reviews)

    def review_of(self, draft_id: str) -> Review | None:
        """The draft with this id, as long as it waits."""
        return next((r for r in self.reviews if r.draft_id == draft_id), None)

    def held_of(self, draft_id: str) -> Held | None:
        """What the decision about this draft will send, as long as it may be taken back."""
        return next((h for h in self.holds if h.draft_id == draft_id), None)

    def accepting(self, key: str) -> bytes:
        """`accepted` with this key as its newest."""
        return (self.accepted + _digest(key))[-KEPT_KEYS * DIGEST_BYTES :]

    def may_have_accepted(self, key: str) -> bool:
        """Whether a commit with this key is in the log, almost surely; False is certain.

        No vendor repeats a message after `KEPT_KEYS` later ones of the same conversation.
        """
        return _digest(key) in self.accepted


def placed(address: Address | None, place: str) -> Address | None:
    """The address of a thread within a conversation; where it has none, that of all of it."""
    return replace(address, thread=place) if address is not None and place else address


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(errors="replace"), digest_size=DIGEST_BYTES).digest()
