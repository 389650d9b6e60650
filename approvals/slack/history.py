"""Reads from a conversation's log what Slack shows of it: its strands, in order; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from approvals.queue.fold import Known, fold
from approvals.queue.model import Approval, ApprovalState
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.fold import fold_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A span in which people held the conversation, from the first take-over on."""

    since: int  #: number of that take-over
    by: str
    out_of: str = ""  #: the draft that ended with it, whose thread it goes on in


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """The content of one thread: a draft and its talk, or a talk that no draft led to."""

    id: str
    since: int  #: number of the event it begins with
    approval: Approval | None  #: None for a talk
    items: Sequence[ev.Numbered] = ()  #: what happened in it, its first event left out
    held: bool = False  #: a person holds the conversation now, in this strand


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationHistory:
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
        talks: dict[int, str] = {}
        for talk in self.talks:
            talks[talk.since] = talk.out_of
            if talk.out_of not in shown:
                talks[talk.since] = talk_id(self.state.id, talk.since)
                begun.append((talk.since, talks[talk.since], None))
        begun.sort(key=lambda one: one[0])
        owned, talking = self._owned([(at, name) for at, name, _ in begun], talks)
        human = self.state.status is Status.HUMAN
        return [
            Strand(
                id=strand_id,
                since=since,
                approval=approval,
                items=owned.get(strand_id, ()),
                held=human and strand_id == talking,
            )
            for since, strand_id, approval in begun
        ]

    def _owned(
        self, begun: Sequence[tuple[int, str]], talks: Mapping[int, str]
    ) -> tuple[Mapping[str, list[ev.Numbered]], str]:
        """What happened by the strand it belongs to, and the strand of the talk going on now.

        Several drafts may wait at a time: what is about one of them is its own, what is said to a
        person belongs to the talk, and everything else to the strand that began last.
        """
        starts = dict(begun)
        owned: dict[str, list[ev.Numbered]] = defaultdict(list)
        drafts = {name for _, name in begun}
        newest, talking = "", ""
        sent: dict[int, str] = {}  #: which draft's decision has sent which message
        for item in self.items:
            own = getattr(item.event, "draft_id", "")
            if item.seq in talks:
                talking = talks[item.seq]
            strand = talking or (own if own in drafts else newest)
            if isinstance(item.event, ev.Sent) and own in drafts:
                sent[item.seq] = own
            elif isinstance(item.event, ev.DeliveryRecorded):
                strand = sent.get(item.event.seq, strand)
            if item.seq in starts:
                newest = starts[item.seq]
            elif strand:
                owned[strand].append(item)
            if isinstance(item.event, ev.HandedBack | ev.Resolved | ev.Erased):
                talking = ""
        return owned, talking

    def asked(self, strand: Strand) -> ev.ReviewRequested | None:
        """The request that a draft's strand begins with."""
        for item in self.items:
            if item.seq == strand.since and isinstance(item.event, ev.ReviewRequested):
                return item.event
        return None

    def taken_at(self, strand: Strand) -> int:
        """Number of the strand's first take-over; beyond the end where there is none."""
        for item in strand.items:
            if isinstance(item.event, ev.TakenOver):
                return item.seq
        return self.state.seq + 1


def talk_id(conversation_id: str, since: int) -> str:
    """Names a talk as drafts are named: the conversation stands before the last dot."""
    return f"{conversation_id}.t{since}"


def past_of(conversation_id: str, commits: Sequence[ev.Commit]) -> ConversationHistory:
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
        state = fold_commit(state, commit)
    known: Known = {}
    asked: dict[str, int] = {}
    for item in items:
        known = fold(known, item, about=state)
        if isinstance(item.event, ev.ReviewRequested):
            asked[item.event.draft_id] = item.seq
    ordered = sorted(((a, asked[a.id]) for a in known.values()), key=lambda pair: pair[1])
    return ConversationHistory(state=state, items=items, approvals=ordered, talks=talks)


def alarms(a: Approval) -> bool:
    """Whether what was decided did not arrive, so that its card and thread have to say so."""
    return a.arrival is not None and a.arrival.alarming


def waits(a: Approval) -> bool:
    """Whether something can still be pressed on the draft's card."""
    return a.state is ApprovalState.PENDING or a.held_until is not None
