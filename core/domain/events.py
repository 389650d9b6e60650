"""Events: everything that can happen to a conversation, as values; its state is their fold.

An event gets its number when it is appended: numbers increase by one within a conversation, start
at 1, and are what the browser sees as the id of its stream.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from core.domain.drafts import Draft, Reason
from core.domain.messages import (
    Address,
    Attachment,
    Author,
    Citation,
    DeliveryState,
    Quoted,
    Sender,
)
from core.domain.serialization import from_plain


class Decision(enum.StrEnum):
    """A person's decision about a waiting draft."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    TAKE_OVER = "take_over"


class Notice(enum.StrEnum):
    """A notice of the system to a customer about their conversation; worded in config/locales."""

    GREETING = "greeting"
    WAITING_FOR_REVIEW = "waiting_for_review"
    BEING_REVIEWED = "being_reviewed"
    STILL_WAITING = "still_waiting"
    ESCALATED = "escalated"
    SUPERVISOR_TOLD = "supervisor_told"
    OUT_OF_HOURS = "out_of_hours"
    PERSON_COMING = "person_coming"
    PERSON_JOINED = "person_joined"
    PERSON_LEFT = "person_left"
    RESOLVED = "resolved"
    TEXT_ONLY = "text_only"
    UNREADABLE = "unreadable"
    LANGUAGE_SET = "language_set"
    RATING_THANKS = "rating_thanks"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; past tense, never changed afterwards."""

    kind: ClassVar[str] = ""
    #: the lowest number of `core.runtime.version.SCHEMA` of a release that knows it
    schema: ClassVar[int] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """A customer opened a conversation."""

    kind: ClassVar[str] = "started"
    address: Address
    sender: Sender
    locale: str = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received(Event):
    """The customer wrote."""

    kind: ClassVar[str] = "received"
    text: str
    external_id: str = ""
    attachments: tuple[Attachment, ...] = ()
    group_id: str = ""
    sent_at: datetime | None = None
    #: True for commands, consent words and the like: stored and shown, never answered
    silent: bool = False
    message_id: str = ""  #: the vendor's id of the message in its chat; "": that is `external_id`
    sender: Sender | None = None  #: who wrote it; None: who the conversation began with
    quotes: tuple[Quoted, ...] = ()  #: words it points at
    place: str = ""  #: thread within the conversation; the answer goes there
    unreadable: str = ""  #: the vendor's name for what nobody here can read; the rest is empty

    @property
    def named(self) -> str:
        """By what the vendor means this message later."""
        return self.message_id or self.external_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(Event):
    """The author changed a message; this is how it reads now."""

    kind: ClassVar[str] = "edited"
    seq: int  #: number of the message
    text: str
    attachments: tuple[Attachment, ...] = ()
    quotes: tuple[Quoted, ...] = ()
    asks: bool = False  #: it wanted no answer as it was, and does now


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(Event):
    """The author took a message back."""

    kind: ClassVar[str] = "deleted"
    seq: int  #: number of the message; 0: it has not come yet
    about: str = ""  #: with 0: the vendor's id of the message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reacted(Event):
    """The customer reacted to a message with a sign; nobody has to answer that."""

    kind: ClassVar[str] = "reacted"
    sign: str  #: an emoji, or the vendor's name of one that is no letter anywhere
    removed: bool = False  #: the sign was taken back
    about: str = ""  #: the vendor's id of the message, theirs or ours
    words: str = ""  #: the beginning of what it was, where the vendor says it
    sender: Sender | None = None  #: who reacted; None: who the conversation began with


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentFetched(Event):
    """The bytes of a customer's attachment are kept, or will never be: then `problem` says why."""

    kind: ClassVar[str] = "attachment_fetched"
    seq: int  #: number of the Received event, or of the Edited one that brought it
    index: int  #: its place among that event's attachments, from 0
    attachment: Attachment | None = None  #: as it is kept: real type, size and digest
    problem: str = ""  #: a name of `approvals.attachment`; "" when it is kept
    detail: str = ""  #: the vendor's own words


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRead(Event):
    """A customer's attachment was read into text for people, or could not be."""

    kind: ClassVar[str] = "attachment_read"
    seq: int  #: number of the Received event
    index: int
    name: str = ""
    text: str = ""
    spoken: bool = False  #: a machine heard it in a recording
    problem: str = ""  #: a name of `approvals.attachment`


@dataclass(frozen=True, slots=True, kw_only=True)
class LocaleChosen(Event):
    """The customer chose their language."""

    kind: ClassVar[str] = "locale_chosen"
    locale: str


class ConsentSource(enum.StrEnum):
    """The origin of a change of consent."""

    CUSTOMER = "customer"  #: their own words
    VENDOR = "vendor"  #: refuses to deliver to them, or says what they chose
    AGENT = "agent"  #: a person set it, with their reason
    NUMBER = "number"  #: another conversation with the same phone number


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentChanged(Event):
    """The customer wants no more messages, or wants them again."""

    kind: ClassVar[str] = "consent_changed"
    opted_out: bool
    source: ConsentSource = ConsentSource.CUSTOMER
    by: str = ""  #: e-mail of the agent who set it
    reason: str = ""  #: theirs, for colleagues
    settles: tuple[int, ...] = ()  #: numbers of messages that want no answer any more


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRequested(Event):
    """The customer asked for a person."""

    kind: ClassVar[str] = "person_requested"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated(Event):
    """The customer rated the help, 1 to 5."""

    kind: ClassVar[str] = "rated"
    score: int
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent(Event):
    """A text for the customer is stored; from here on it must reach them, once."""

    kind: ClassVar[str] = "sent"
    author: Author
    text: str
    citations: tuple[Citation, ...] = ()
    by: str = ""  #: e-mail of the agent who wrote or approved it
    notice: Notice | None = None  #: set when the author is the system
    draft: Draft | None = None  #: the evidence, when the assistant answered alone
    answers: tuple[int, ...] = ()  #: numbers of the customer's messages this answers
    draft_id: str = ""  #: the reviewed draft this came from
    #: stands before the text, in the first message that a machine sends: that an AI writes
    disclosure: str = ""
    #: True where stored is delivered: the customer fetches from us (the web), or has it already
    pulled: bool = False

    @property
    def whole(self) -> str:
        """The text as the customer gets it."""
        return f"{self.disclosure}\n\n{self.text}" if self.disclosure else self.text

    @property
    def ai(self) -> bool:
        """Whether a machine wrote it, a person's approval apart."""
        return self.author is Author.AI or (self.author is Author.SYSTEM and not self.by)

    message_id: str = ""  #: the vendor's id, where a person of ours wrote it at the vendor's
    attachments: tuple[Attachment, ...] = ()  #: files that go with it, all of them kept


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRequested(Event):
    """A draft waits for a person."""

    kind: ClassVar[str] = "review_requested"
    draft_id: str
    version: int
    question: str
    draft: Draft
    reasons: tuple[Reason, ...]
    deadline: datetime
    answers: tuple[int, ...] = ()
    since: datetime | None = None  #: from when on the deadline counts; None: from now
    quoted: str = ""  #: what the question points at
    asked_by: str = ""  #: who asks, where it is not who the conversation began with


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewExtended(Event):
    """Newer messages were added to a waiting draft and are settled with it."""

    kind: ClassVar[str] = "review_extended"
    draft_id: str
    version: int  #: another one where a person has to look again before deciding
    answers: tuple[int, ...] = ()  #: numbers of the messages that came to it
    reasons: tuple[Reason, ...] = ()  #: that came to those it has


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOutdated(Event):
    """A source of a waiting draft was changed or removed; its readers have to look again."""

    kind: ClassVar[str] = "review_outdated"
    draft_id: str
    version: int
    titles: tuple[str, ...] = ()  #: of the sources


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRedrafted(Event):
    """A waiting draft was written anew, from what its sources say now."""

    kind: ClassVar[str] = "review_redrafted"
    draft_id: str
    version: int
    draft: Draft
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClaimed(Event):
    """An agent claims this draft; "" releases it."""

    kind: ClassVar[str] = "review_claimed"
    draft_id: str
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewReminded(Event):
    """A waiting draft passed a reminder (1 = half time, 2 = three quarters)."""

    kind: ClassVar[str] = "review_reminded"
    draft_id: str
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewEscalated(Event):
    """The deadline passed; supervisors are called. Nothing is sent because of it."""

    kind: ClassVar[str] = "review_escalated"
    draft_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewSuperseded(Event):
    """A waiting draft was withdrawn: another one answers the same messages."""

    kind: ClassVar[str] = "review_superseded"
    draft_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDecided(Event):
    """A person decided about a draft."""

    kind: ClassVar[str] = "review_decided"
    draft_id: str
    version: int
    decision: Decision
    by: str
    text: str = ""  #: what was sent instead, for edit and for reject with an own answer
    reason: str = ""
    seconds: float = 0.0  #: from request to decision
    opened_sources: bool = False
    remember: bool = False  #: the person thinks that this answer should become knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class SendHeld(Event):
    """A decided message is held back for a while; stands before its ReviewDecided."""

    kind: ClassVar[str] = "send_held"
    draft_id: str
    sent: Sent
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReleased(Event):
    """Nobody took the decision back in time; the Sent follows in the same commit."""

    kind: ClassVar[str] = "send_released"
    draft_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionUndone(Event):
    """A decision was taken back before anything went out; the draft waits again."""

    kind: ClassVar[str] = "decision_undone"
    draft_id: str
    version: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequested(Event):
    """A person wants another draft, done with this hint."""

    kind: ClassVar[str] = "retry_requested"
    by: str
    hint: str = ""
    answers: tuple[int, ...] = ()  #: the messages it is for; none: all that nothing answers yet


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver(Event):
    """A person speaks now; the assistant is silent until HandedBack."""

    kind: ClassVar[str] = "taken_over"
    by: str
    given_by: str = ""  #: e-mail of the colleague who gave it to them; "": they took it


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderReminded(Event):
    """The holder lets the customer wait (1: for half of the time, 2: for all)."""

    kind: ClassVar[str] = "holder_reminded"
    holder: str
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedBack(Event):
    """The assistant may speak again, and answers what nobody has answered.

    Without `by` the conversation went back by itself, because its holder did not answer.
    """

    kind: ClassVar[str] = "handed_back"
    by: str
    settles: tuple[int, ...] = ()  #: numbers of messages that want no answer any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(Event):
    """The matter is closed."""

    kind: ClassVar[str] = "resolved"
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Event):
    """The customer wrote after the matter was closed."""

    kind: ClassVar[str] = "reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """An agent wrote a note that the customer never sees."""

    kind: ClassVar[str] = "noted"
    by: str
    text: str
    mentions: tuple[str, ...] = ()  #: e-mails of the colleagues whom it names


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged(Event):
    """An agent put tags on the conversation, or took some off; customers never see them."""

    kind: ClassVar[str] = "tagged"
    by: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned(Event):
    """A draft that waits is a colleague's to look at; a sign, which keeps nobody else from it.

    It holds while a draft waits: with the last one decided, or a take-over, it ends.
    """

    kind: ClassVar[str] = "assigned"
    to: str  #: e-mail; "" takes the assignment back
    by: str = ""  #: who said so; "": the rules for assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Snoozed(Event):
    """A colleague puts the conversation aside; it comes back at the time, or with the customer."""

    kind: ClassVar[str] = "snoozed"
    by: str
    until: datetime | None = None  #: None: until the customer writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken(Event):
    """A conversation that was put aside is back."""

    kind: ClassVar[str] = "woken"
    by: str = ""  #: who brought it back; "": its time had come
    set_by: str = ""  #: who had put it aside


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStarted(Event):
    """A message is handed to the vendor; without a DeliveryRecorded its outcome is unknown."""

    kind: ClassVar[str] = "delivery_started"
    seq: int  #: number of the Sent event
    attempt: int
    #: stands before the text: that an AI writes, where what was to say it did not arrive
    disclosure: str = ""
    fence: int = 0  #: of the process that sends, where there are many: nobody with a lower one may


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecorded(Event):
    """The outcome of a send; several may follow each other (sent, delivered, read)."""

    kind: ClassVar[str] = "delivery_recorded"
    seq: int
    state: DeliveryState
    external_ids: tuple[str, ...] = ()
    detail: str = ""
    code: str = ""
    segments: int = 0
    retry_at: datetime | None = None  #: set with QUEUED: not before this time
    parts_done: int = 0
    doubled: bool = False  #: an earlier attempt may also have arrived
    awaits_customer: bool = False  #: not before the customer's next message


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRequeued(Event):
    """A dead letter is tried again."""

    kind: ClassVar[str] = "delivery_requeued"
    seq: int
    by: str  #: who asked for it; "" when the vendor said that it may get through later
    author: Author = Author.AGENT


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressMoved(Event):
    """The vendor gave the chat another id."""

    kind: ClassVar[str] = "address_moved"
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased(Event):
    """Personal data was removed on request; what remains says only that."""

    kind: ClassVar[str] = "erased"
    opted_out: bool = False  #: a STOP outlives everything else


EVENT_TYPES: Mapping[str, type[Event]] = {cls.kind: cls for cls in Event.__subclasses__()}
"""Every kind that may stand in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent(Event):
    """An event of a newer release: it is kept as it is, and nothing is decided after it."""

    kind: ClassVar[str] = "unknown"
    raw: Mapping[str, Any]


LONGEST_COMMIT = 16  #: events; so far apart are the numbers of two neighbours at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """An event with its place in its conversation."""

    conversation_id: str
    seq: int
    at: datetime
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """Events appended together, all or none; the unit that the log stores and the bus carries."""

    conversation_id: str
    base: int  #: number of the first event
    at: datetime
    events: tuple[Event, ...] = field(default_factory=tuple)
    key: str = ""  #: the inbound message's key; unique in the whole log
    _numbered: tuple[Numbered, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Everybody who hears of a commit asks for its numbered events, so they are made once.
        numbered = tuple(
            Numbered(conversation_id=self.conversation_id, seq=self.base + i, at=self.at, event=e)
            for i, e in enumerate(self.events)
        )
        object.__setattr__(self, "_numbered", numbered)

    @property
    def last(self) -> int:
        """Number of the last event."""
        return self.base + len(self.events) - 1

    def numbered(self) -> tuple[Numbered, ...]:
        """The events with their numbers."""
        return self._numbered


def event_from_plain(plain: Mapping[str, Any]) -> Event:
    """The inverse of `to_plain` for events; what only a newer release can read is an UnknownEvent.

    That is a kind that we do not know, and a kind that we know whose values we do not.
    """
    cls = EVENT_TYPES.get(plain["kind"])
    if cls is None:
        return UnknownEvent(raw=plain)
    try:
        event = from_plain(cls, plain)
    except (ValueError, TypeError):
        return UnknownEvent(raw=plain)
    assert isinstance(event, Event)
    return event
