"""A conversation: what is true of it now, folded from its events."""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from core import events as ev
from core.drafts import Draft, Reason, Turn
from core.messages import Address, Author, DeliveryState, Sender

MEMORY_TURNS = 12  #: how many lines of the past an answer may see
MEMORY_CHARS = 600  #: of each line
KEPT_KEYS = 4096  #: messages that a repeated one is compared with
DIGEST_BYTES = 8


class Status(enum.StrEnum):
    """Where the customer stands; he sees it in words."""

    AI = "ai"  #: the assistant answers
    REVIEW = "review"  #: an answer waits for a person
    HUMAN = "human"  #: a person has taken over; the assistant is silent
    RESOLVED = "resolved"  #: closed; the next message reopens it


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A message of the customer that nothing has answered yet."""

    seq: int
    text: str
    at: datetime
    group_id: str = ""
    has_attachment: bool = False


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
    claimed_by: str = ""
    step: int = 0  #: how far up the ladder: 0 none, 1 half, 2 three quarters, 3 escalated


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A stored message that has not reached its end at the vendor yet."""

    seq: int
    at: datetime
    author: Author
    state: DeliveryState = DeliveryState.QUEUED
    attempt: int = 0
    parts_done: int = 0
    retry_at: datetime | None = None
    awaits_customer: bool = False  #: the medium can only answer; his next message opens the way


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a decision sends, as long as the decision may be taken back."""

    draft_id: str
    sent: ev.Sent
    until: datetime
    review: Review | None = None  #: the draft as it waited; None where only the status is followed


@dataclass(frozen=True, slots=True, kw_only=True)
class LastDecision:
    """Who decided what last, for the one who comes second."""

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
    opted_out: bool = False
    person_requested: bool = False
    unanswered: tuple[Unanswered, ...] = ()
    review: Review | None = None
    last_decision: LastDecision | None = None
    held: Held | None = None
    outgoing: tuple[Outgoing, ...] = ()
    turns: int = 0  #: answers of the assistant since the last progress
    cited: tuple[str, ...] = ()  #: sources it has given; one that comes again is no progress
    told: ev.Notice | None = None  #: the last notice since anybody but the system spoke
    hint: str = ""
    memory: tuple[Turn, ...] = ()
    started_at: datetime | None = None
    updated_at: datetime | None = None
    last_customer_at: datetime | None = None
    erased: bool = False
    accepted: bytes = b""  #: short digests of the keys of its commits, the newest `KEPT_KEYS`

    @property
    def channel(self) -> str:
        """The channel's id, "" before the conversation has started."""
        return self.address.channel if self.address else ""

    def apply(self, commit: ev.Commit) -> Conversation:
        """The state after these events. The commit must follow this state directly."""
        state = self
        for item in commit.numbered():
            state = _apply(state, item)
        accepted = state.accepted
        if commit.key:
            accepted = (accepted + _digest(commit.key))[-KEPT_KEYS * DIGEST_BYTES :]
        return replace(state, seq=commit.last, updated_at=commit.at, accepted=accepted)

    def may_have_accepted(self, key: str) -> bool:
        """Whether a commit with this key is in the log, almost surely; False is certain.

        No vendor repeats a message after `KEPT_KEYS` later ones of the same conversation.
        """
        return _digest(key) in self.accepted


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(errors="replace"), digest_size=DIGEST_BYTES).digest()


#: Most of what happens; a test holds this against the fold.
KEEPS_STATUS = frozenset((ev.Received, ev.Sent, ev.DeliveryStarted, ev.DeliveryRecorded))


def status_after(status: Status, item: ev.Numbered) -> Status:
    """The status after this event, which follows from the one before and the event alone."""
    if type(item.event) in KEEPS_STATUS:
        return status
    before = Conversation(id=item.conversation_id, seq=item.seq - 1, status=status)
    return _apply(before, item).status


def _apply(c: Conversation, item: ev.Numbered) -> Conversation:
    match item.event:
        case ev.Received() as e:
            return _received(c, item, e)
        case ev.Sent() as e:
            return _sent(c, item, e)
        case ev.Started() as e:
            return replace(
                c,
                address=e.address,
                sender=e.sender,
                locale=e.locale,
                started_at=item.at,
                status=Status.AI,
                erased=False,
            )
        case ev.LocaleChosen() as e:
            return replace(c, locale=e.locale)
        case ev.ConsentChanged() as e:
            return replace(c, opted_out=e.opted_out)
        case ev.PersonRequested():
            return replace(c, person_requested=True)
        case ev.ReviewRequested() as e:
            review = Review(
                draft_id=e.draft_id,
                version=e.version,
                question=e.question,
                draft=e.draft,
                reasons=e.reasons,
                requested_at=item.at,
                deadline=e.deadline,
                answers=e.answers,
            )
            status = c.status if c.status is Status.HUMAN else Status.REVIEW
            return replace(c, review=review, status=status, hint="")
        case ev.ReviewClaimed() as e:
            return _with_review(c, e.draft_id, claimed_by=e.by, version=e.version)
        case ev.ReviewReminded() as e:
            return _with_review(c, e.draft_id, step=e.step)
        case ev.ReviewEscalated() as e:
            return _with_review(c, e.draft_id, step=3)
        case ev.ReviewSuperseded():
            return replace(c, review=None, status=_without_review(c))
        case ev.ReviewDecided() as e:
            decided = LastDecision(
                draft_id=e.draft_id, decision=e.decision.value, by=e.by, at=item.at
            )
            # While what it sends is held, the customer goes on waiting.
            now = c.status if c.held is not None else _without_review(c)
            return replace(c, review=None, status=now, last_decision=decided, turns=0, cited=())
        case ev.SendHeld() as e:
            held = Held(draft_id=e.draft_id, sent=e.sent, until=e.until, review=c.review)
            return replace(c, held=held)
        case ev.SendReleased():
            return replace(c, held=None, status=_without_review(c))
        case ev.DecisionUndone() as e:
            back = c.held.review if c.held else None
            if back is not None:
                back = replace(back, version=e.version)
            return replace(c, held=None, review=back, last_decision=None)
        case ev.RetryRequested() as e:
            return replace(c, hint=e.hint)
        case ev.TakenOver() as e:
            return replace(
                c,
                status=Status.HUMAN,
                assignee=e.by,
                review=None,
                held=None,
                person_requested=False,
                unanswered=(),
                turns=0,
                cited=(),
            )
        case ev.HandedBack():
            return replace(c, status=Status.AI, assignee="", unanswered=(), turns=0, cited=())
        case ev.Resolved():
            return replace(
                c,
                status=Status.RESOLVED,
                assignee="",
                review=None,
                held=None,
                unanswered=(),
                person_requested=False,
                turns=0,
                cited=(),
            )
        case ev.Reopened():
            return replace(c, status=Status.AI)
        case ev.DeliveryStarted() as e:
            return _with_outgoing(
                c, e.seq, state=DeliveryState.SENDING, attempt=e.attempt, retry_at=None
            )
        case ev.DeliveryRecorded() as e:
            if e.state in (DeliveryState.QUEUED, DeliveryState.SENDING):
                return _with_outgoing(
                    c,
                    e.seq,
                    state=e.state,
                    retry_at=e.retry_at,
                    parts_done=e.parts_done,
                    awaits_customer=e.awaits_customer,
                )
            return replace(c, outgoing=tuple(o for o in c.outgoing if o.seq != e.seq))
        case ev.DeliveryRequeued() as e:
            again = Outgoing(seq=e.seq, at=item.at, author=e.author)
            return replace(c, outgoing=(*c.outgoing, again))
        case ev.AddressMoved() as e:
            return replace(c, address=e.address)
        case ev.Erased() as e:
            return Conversation(
                id=c.id,
                locale=c.locale,
                status=Status.RESOLVED,
                opted_out=e.opted_out,
                erased=True,
            )
        case ev.Rated() | ev.Noted():
            return c
        case ev.Event():
            raise AssertionError(f"no rule folds {type(item.event).__name__}")
        case _:
            assert_never(item.event)


def _received(c: Conversation, item: ev.Numbered, e: ev.Received) -> Conversation:
    outgoing = _opened(c.outgoing, item.at)
    if e.silent:
        return replace(c, last_customer_at=item.at, outgoing=outgoing)
    unanswered = c.unanswered
    if c.status is not Status.HUMAN:
        waiting = Unanswered(
            seq=item.seq,
            text=e.text,
            at=item.at,
            group_id=e.group_id,
            has_attachment=bool(e.attachments),
        )
        unanswered = (*unanswered, waiting)
    return replace(
        c,
        last_customer_at=item.at,
        outgoing=outgoing,
        memory=_remember(c.memory, Author.CUSTOMER, e.text),
        unanswered=unanswered,
    )


def _opened(outgoing: tuple[Outgoing, ...], at: datetime) -> tuple[Outgoing, ...]:
    """What waited for the customer may go out now."""
    return tuple(
        replace(
            o,
            awaits_customer=False,
            # What a person wrote is not out of date because the customer came late.
            at=at if o.author is Author.AGENT else o.at,
        )
        if o.awaits_customer
        else o
        for o in outgoing
    )


def _sent(c: Conversation, item: ev.Numbered, e: ev.Sent) -> Conversation:
    told, memory = e.notice, c.memory
    if e.author is not Author.SYSTEM:
        told, memory = None, _remember(memory, e.author, e.text)
    turns, cited = c.turns, c.cited
    if e.author is Author.AI and e.draft is not None:
        sources = tuple(citation.id for citation in e.citations)
        turns = turns + 1 if any(source in cited for source in sources) else 1
        cited = tuple(dict.fromkeys((*cited, *sources)))[-MEMORY_TURNS:]
    unanswered = c.unanswered
    if e.answers:
        unanswered = tuple(u for u in unanswered if u.seq not in e.answers)
    outgoing = c.outgoing
    if not e.pulled:
        outgoing = (*outgoing, Outgoing(seq=item.seq, at=item.at, author=e.author))
    return replace(
        c,
        told=told,
        memory=memory,
        turns=turns,
        cited=cited,
        unanswered=unanswered,
        # Once a person has spoken, whoever wrote the words, nobody waits for one.
        person_requested=c.person_requested and not e.by,
        outgoing=outgoing,
    )


def _remember(memory: tuple[Turn, ...], author: Author, text: str) -> tuple[Turn, ...]:
    return (*memory, Turn(author=author.value, text=text[:MEMORY_CHARS]))[-MEMORY_TURNS:]


def _without_review(c: Conversation) -> Status:
    return Status.AI if c.status is Status.REVIEW else c.status


def _with_review(
    c: Conversation,
    draft_id: str,
    *,
    claimed_by: str | None = None,
    version: int | None = None,
    step: int | None = None,
) -> Conversation:
    if c.review is None or c.review.draft_id != draft_id:
        return c
    review = c.review
    if claimed_by is not None:
        review = replace(review, claimed_by=claimed_by)
    if version is not None:
        review = replace(review, version=version)
    if step is not None:
        review = replace(review, step=step)
    return replace(c, review=review)


def _with_outgoing(
    c: Conversation,
    seq: int,
    *,
    state: DeliveryState,
    attempt: int | None = None,
    retry_at: datetime | None = None,
    parts_done: int | None = None,
    awaits_customer: bool = False,
) -> Conversation:
    return replace(
        c,
        outgoing=tuple(
            replace(
                o,
                state=state,
                attempt=o.attempt if attempt is None else attempt,
                retry_at=retry_at,
                parts_done=o.parts_done if parts_done is None else max(parts_done, o.parts_done),
                awaits_customer=awaits_customer,
            )
            if o.seq == seq
            else o
            for o in c.outgoing
        ),
    )
