"""What the log of a conversation says that Slack should show: its strands, in order; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from approvals import model
from approvals.model import Approval, ApprovalState, fold
from core import events as ev
from core.conversations import Conversation, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A time in which people held the conversation, from the first take-over on."""

    since: int  #: number of that take-over
    by: str
    out_of: str = ""  #: the draft that ended with it, whose thread it goes on in


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """What is shown in one thread: a draft and its talk, or a talk that no draft led to."""

    id: str
    since: int  #: number of the event it begins with
    until: int  #: number of the first event that is another strand's
    approval: Approval | None  #: None for a talk
    is_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A conversation as its log tells it."""

    state: Conversation
    items: Sequence[ev.Numbered]
    approvals: Sequence[tuple[Approval, int]]  #: each with the number of its request, in order
    talks: Sequence[Talk]

    def strands(self, *, shown: frozenset[str]) -> list[Strand]:
        """All strands in order. `shown` are the drafts that have a card: a talk that came out of
        a draft without one is a strand of its own.
        """
        begun: list[tuple[int, str, Approval | None]] = [(at, a.id, a) for a, at in self.approvals]
        begun += [
            (talk.since, talk_id(self.state.id, talk.since), None)
            for talk in self.talks
            if talk.out_of not in shown
        ]
        begun.sort(key=lambda one: one[0])
        ends = [*(since for since, _, _ in begun), self.state.seq + 1][1:]
        return [
            Strand(
                id=strand_id,
                since=since,
                until=until,
                approval=approval,
                is_last=number + 1 == len(begun),
            )
            for number, ((since, strand_id, approval), until) in enumerate(
                zip(begun, ends, strict=True)
            )
        ]

    def asked(self, strand: Strand) -> ev.ReviewRequested | None:
        """The request that a draft's strand begins with."""
        for item in self.items:
            if item.seq == strand.since and isinstance(item.event, ev.ReviewRequested):
                return item.event
        return None

    def taken_at(self, strand: Strand) -> int:
        """Number of the strand's first take-over; beyond the end where there is none."""
        for item in self.items:
            if strand.since <= item.seq < strand.until and isinstance(item.event, ev.TakenOver):
                return item.seq
        return self.state.seq + 1

    def is_held(self, strand: Strand) -> bool:
        """Whether a person holds the conversation now, in this strand."""
        return strand.is_last and self.state.status is Status.HUMAN


def talk_id(conversation_id: str, since: int) -> str:
    """Names a talk as drafts are named: the conversation stands before the last dot."""
    return f"{conversation_id}.t{since}"


def past_of(conversation_id: str, commits: Sequence[ev.Commit]) -> Past:
    """Reads the log once."""
    state = Conversation(id=conversation_id)
    items: list[ev.Numbered] = []
    talks: list[Talk] = []
    status = Status.AI
    for commit in commits:
        decided = [e.draft_id for e in commit.events if isinstance(e, ev.ReviewDecided)]
        for item in commit.numbered():
            items.append(item)
            match item.event:
                case ev.TakenOver(by=by):
                    if status is not Status.HUMAN:
                        out_of = decided[0] if decided else ""
                        talks.append(Talk(since=item.seq, by=by, out_of=out_of))
                    status = Status.HUMAN
                case ev.HandedBack() | ev.Resolved() | ev.Erased():
                    status = Status.AI
                case _:
                    pass
        state = state.apply(commit)
    known: model.Known = {}
    asked: dict[str, int] = {}
    for item in items:
        known = fold(known, item, about=state)
        if isinstance(item.event, ev.ReviewRequested):
            asked[item.event.draft_id] = item.seq
    ordered = sorted(((a, asked[a.id]) for a in known.values()), key=lambda pair: pair[1])
    return Past(state=state, items=items, approvals=ordered, talks=talks)


def waits(a: Approval) -> bool:
    """Whether something can still be pressed on the draft's card."""
    return a.state is ApprovalState.PENDING or a.held_until is not None
