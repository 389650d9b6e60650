"""Follows what a decision sent to the customer: whether it arrived, and if not, why; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.domain import events as ev
from core.domain.messages import NOT_ARRIVED, DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """The message that a decision sent, on its way to the customer."""

    seq: int  #: number of the Sent event
    state: DeliveryState
    reason: str = ""  #: in the vendor's words or ours, where it did not arrive
    code: str = ""  #: the channel's code for that reason
    settled: bool = False  #: somebody has taken another way since, or the matter is closed

    @property
    def trouble(self) -> bool:
        """Whether it did not arrive."""
        return self.state in NOT_ARRIVED

    @property
    def alarming(self) -> bool:
        """Whether somebody should do something about it."""
        return self.trouble and not self.settled

    @property
    def retriable(self) -> bool:
        """Whether the same message may be sent once more."""
        return self.state in (DeliveryState.FAILED, DeliveryState.UNKNOWN)


def sent(item: ev.Numbered, e: ev.Sent) -> Arrival:
    """A decision's message is stored; where customers fetch theirs it has arrived with that."""
    state = DeliveryState.DELIVERED if e.pulled else DeliveryState.QUEUED
    return Arrival(seq=item.seq, state=state)


def moved(arrival: Arrival | None, event: ev.Event) -> Arrival | None:
    """The arrival after this event; unchanged by what is about another message."""
    if arrival is None:
        return None
    match event:
        case ev.DeliveryRecorded(seq=arrival.seq) as e:
            reason = (e.detail or e.code) if e.state in NOT_ARRIVED else ""
            code = e.code if reason else ""
            return replace(arrival, state=e.state, reason=reason, code=code, settled=False)
        case ev.DeliveryRequeued(seq=arrival.seq):
            return replace(arrival, state=DeliveryState.QUEUED, reason="", code="", settled=False)
        case ev.TakenOver() | ev.Resolved():
            return replace(arrival, settled=True)
        case ev.Sent(by=by) if by:
            return replace(arrival, settled=True)  # a person has written since
        case _:
            return arrival


def is_about_arrival(event: ev.Event) -> bool:
    """Whether the event may move the message of a decision."""
    match event:
        case ev.Sent(draft_id=draft_id, by=by):
            return bool(draft_id or by)
        case ev.DeliveryRecorded() | ev.DeliveryRequeued():
            return True
        case _:
            return False


def is_trouble(event: ev.Event) -> bool:
    """Whether a message is known not to have arrived from now on."""
    return isinstance(event, ev.DeliveryRecorded) and event.state in NOT_ARRIVED
