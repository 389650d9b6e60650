"""Decides what is due next in a conversation; pure, so every worker decides alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.domain import events as ev
from core.domain.conversation import Conversation, Outgoing, Status, Unanswered
from core.domain.drafts import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Nothing is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntil:
    """Something is due at this time, not before."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """A stored message has to be handed to its vendor."""

    outgoing: Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The customer waits for an answer to these messages."""

    messages: tuple[Unanswered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Nobody took the decision back: what it sends goes out."""


Step = Idle | WaitUntil | Deliver | Answer | Release


def released(c: Conversation, now: datetime) -> tuple[ev.Event, ...]:
    """What happens once a held message is due; nothing while none is."""
    if c.held is None or now < c.held.until:
        return ()
    # Another message may have said meanwhile that an AI writes.
    sent = replace(c.held.sent, disclosure="") if c.disclosed else c.held.sent
    return (ev.SendReleased(draft_id=c.held.draft_id), sent)


def wants_answer(c: Conversation) -> bool:
    """Whether the assistant owes the customer a reaction, drafts that wait apart."""
    if c.status is Status.HUMAN or c.erased:
        return False
    return bool(c.due) or (c.person_requested and not _is_called(c))


def _is_called(c: Conversation) -> bool:
    """Whether the queue knows that the customer wants a person, or one is about to speak."""
    return bool(c.holds) or any(Reason.PERSON_REQUESTED in r.reasons for r in c.reviews)


def is_idle(c: Conversation) -> bool:
    """Whether nothing is due, now or later, without somebody doing something first."""
    blocked = all(outgoing.awaits_customer for outgoing in c.outgoing[:1])
    return blocked and not c.holds and not wants_answer(c)


def next_step(c: Conversation, *, now: datetime, settled_at: datetime | None) -> Step:
    """What a worker does next with this conversation.

    `settled_at` is when the customer's burst counts as finished (None: it already is).
    """
    later: list[datetime] = []
    # Later messages wait behind an earlier one that is retried: the customer reads in order.
    for outgoing in c.outgoing[:1]:
        if outgoing.awaits_customer:
            break
        if outgoing.retry_at is None or outgoing.retry_at <= now:
            return Deliver(outgoing=outgoing)
        later.append(outgoing.retry_at)
    if c.held is not None:
        if c.held.until <= now:
            return Release()
        later.append(c.held.until)
    if wants_answer(c):
        if settled_at is None or settled_at <= now:
            return Answer(messages=c.due)
        later.append(settled_at)
    if later:
        return WaitUntil(at=max(min(later), now + timedelta(milliseconds=1)))
    return Idle()
