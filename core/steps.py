"""What is due next in a conversation; pure, so that every worker would do the same."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core import events as ev
from core.conversations import Conversation, Outgoing, Status, Unanswered


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
    """What happens once a held message is due; nothing while it is not."""
    if c.held is None or now < c.held.until:
        return ()
    return (ev.SendReleased(draft_id=c.held.draft_id), c.held.sent)


def wants_answer(c: Conversation) -> bool:
    """Whether the assistant owes the customer a reaction."""
    if c.review is not None or c.held is not None or c.status is Status.HUMAN or c.erased:
        return False
    return bool(c.unanswered) or c.person_requested


def is_idle(c: Conversation) -> bool:
    """Whether nothing is due, now or later, without somebody doing something first."""
    blocked = all(outgoing.awaits_customer for outgoing in c.outgoing[:1])
    return blocked and c.held is None and not wants_answer(c)


def next_step(c: Conversation, *, now: datetime, settled_at: datetime | None) -> Step:
    """What a worker does next with this conversation.

    `settled_at` is when the customer's burst counts as finished (None: it already is).
    """
    later: datetime | None = settled_at
    for outgoing in c.outgoing:
        if outgoing.awaits_customer:
            break
        if outgoing.retry_at is None or outgoing.retry_at <= now:
            return Deliver(outgoing=outgoing)
        # Later messages wait behind an earlier one that is retried: the customer reads in order.
        later = min(outgoing.retry_at, later) if later else outgoing.retry_at
        break
    if c.held is not None:
        if c.held.until <= now:
            return Release()
        if c.outgoing and c.outgoing[0].retry_at is not None:
            return WaitUntil(at=min(c.held.until, c.outgoing[0].retry_at))
        return WaitUntil(at=c.held.until)
    if wants_answer(c):
        if settled_at is None or settled_at <= now:
            return Answer(messages=c.unanswered)
        return WaitUntil(at=settled_at)
    if c.outgoing and not c.outgoing[0].awaits_customer and later is not None:
        return WaitUntil(at=max(later, now + timedelta(milliseconds=1)))
    return Idle()
