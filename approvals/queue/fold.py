"""The fold of approvals: how each event of a conversation changes its drafts; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from approvals.queue import arrival
from approvals.queue.model import Approval, ApprovalState
from core.domain import events as ev
from core.domain.conversation import Conversation
from core.domain.drafts import Reason, Turn, with_changed_sources, with_reason
from core.domain.fold_messages import with_read
from core.domain.messages import Author
from core.domain.quoting import whole

SAID_LINES = 12  #: of what was said since a draft began to wait; the newest
SAID_CHARS = 600  #: of each

Known = Mapping[str, Approval]
"""The approvals of one conversation by id."""


def words_of(e: ev.Received) -> str:
    """What the customer wrote; of a message that is files alone, their names."""
    files = ", ".join(a.name or a.kind for a in e.attachments)
    return whole(e.text, e.quotes) or (f"📎 {files}" if files else "")


def is_said(event: ev.Event) -> bool:
    """Whether a draft that waits shows this as said since; of no interest to any other."""
    match event:
        case ev.Received(silent=silent):
            return not silent
        case ev.Sent(author=author):
            return author is not Author.SYSTEM
        case ev.Edited() | ev.Deleted():
            return True
        case _:
            return False


def is_about_approvals(event: ev.Event) -> bool:
    """Whether the event can change an approval, what is said while it waits left out."""
    match event:
        case ev.Sent(notice=notice):
            return notice is not None
        case (
            ev.ReviewRequested()
            | ev.ReviewExtended()
            | ev.AttachmentFetched()
            | ev.AttachmentRead()
            | ev.ReviewOutdated()
            | ev.ReviewRedrafted()
            | ev.ReviewClaimed()
            | ev.ReviewReminded()
            | ev.ReviewEscalated()
            | ev.ReviewSuperseded()
            | ev.ReviewDecided()
            | ev.SendHeld()
            | ev.SendReleased()
            | ev.DecisionUndone()
            | ev.ConsentChanged()
            | ev.TakenOver()
            | ev.Resolved()
            | ev.Erased()
        ):
            return True
        case _:
            return False


def fold(known: Known, item: ev.Numbered, *, about: Conversation) -> Known:
    """The conversation's approvals after this event.

    `about` gives channel, customer, and whether there ever was one. Raises KeyError for a draft
    that is not known.
    """
    known = _arrived(known, item)
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
                    customer=e.asked_by or (about.sender.name if about.sender else ""),
                    locale=about.locale,
                    question=e.question,
                    quoted=e.quoted,
                    answers=e.answers,
                    draft=e.draft,
                    reasons=e.reasons,
                    requested_at=item.at,
                    deadline=e.deadline,
                    since=e.since,
                    opted_out=Reason.OPTED_OUT in e.reasons,
                    is_invented=about.is_invented,
                ),
            }
        case ev.ReviewExtended() as e:
            one = known[e.draft_id]
            reasons = tuple(dict.fromkeys((*one.reasons, *e.reasons)))
            answers = tuple(dict.fromkeys((*one.answers, *e.answers)))
            one = replace(one, version=e.version, reasons=reasons, answers=answers)
        case ev.AttachmentFetched(seq=seq):
            return _with_file(known, item, seq)
        case ev.AttachmentRead(seq=seq) as e:
            return _with_file(known, item, seq, read=e)
        case ev.ReviewOutdated() as e:
            one = known[e.draft_id]
            one = replace(
                one,
                version=e.version,
                outdated=True,
                draft=with_changed_sources(one.draft, e.titles),
                reasons=with_reason(one.reasons, Reason.SOURCE_CHANGED),
            )
        case ev.ReviewRedrafted() as e:
            one = replace(
                known[e.draft_id],
                version=e.version,
                outdated=False,
                draft=e.draft,
                reasons=e.reasons,
            )
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
        case ev.ConsentChanged() as e:
            return _consent(known, item, opted_out=e.opted_out)
        case ev.Erased():
            return {key: _erased(a, item) for key, a in known.items()}
        case ev.Sent(notice=ev.Notice() as notice):
            return _told(known, item, closed=notice is ev.Notice.OUT_OF_HOURS)
        case ev.Received() as e if is_said(e):
            name = e.sender.name if e.sender else ""
            return _said(known, item, Author.CUSTOMER, words_of(e), name=name)
        case ev.Sent(text=text) as e if is_said(e):
            return _said(known, item, e.author, text)
        case ev.Edited() as e:
            return _said_anew(known, item, e.seq, whole(e.text, e.quotes))
        case ev.Deleted() as e:
            return _said_anew(known, item, e.seq, "")
        case _:
            return known
    return {**known, one.id: replace(one, seq=item.seq, at=item.at)}


def _arrived(known: Known, item: ev.Numbered) -> Known:
    """The approvals whose message this event has sent or moved."""
    after = {}
    for key, a in known.items():
        moved = arrival.moved(a.arrival, item.event)
        if isinstance(item.event, ev.Sent) and item.event.draft_id == key:
            moved = arrival.sent(item, item.event)
        after[key] = a if moved == a.arrival else replace(a, arrival=moved, seq=item.seq)
    return after


def _with_file(
    known: Known, item: ev.Numbered, of: int, *, read: ev.AttachmentRead | None = None
) -> Known:
    """What stands in a file belongs to the question; `files` makes its readers look again."""
    return {
        key: replace(
            a,
            question=with_read(a.question, read) if read else a.question,
            files=a.files + 1,
            seq=item.seq,
        )
        if of in a.answers and a.state is ApprovalState.PENDING
        else a
        for key, a in known.items()
    }


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


def _consent(known: Known, item: ev.Numbered, *, opted_out: bool) -> Known:
    return {
        key: replace(a, opted_out=opted_out, seq=item.seq)
        if a.state is ApprovalState.PENDING and a.opted_out is not opted_out
        else a
        for key, a in known.items()
    }


def _told(known: Known, item: ev.Numbered, *, closed: bool) -> Known:
    return {
        key: replace(a, told_closed=closed, seq=item.seq, at=item.at)
        if a.state is ApprovalState.PENDING and a.told_closed is not closed
        else a
        for key, a in known.items()
    }


def _said(known: Known, item: ev.Numbered, author: Author, text: str, *, name: str = "") -> Known:
    turn = Turn(author=author.value, text=text[:SAID_CHARS], seq=item.seq, at=item.at, name=name)
    return {
        key: replace(a, said=(*a.said, turn)[-SAID_LINES:], seq=item.seq)
        if a.state is ApprovalState.PENDING
        else a
        for key, a in known.items()
    }


def _said_anew(known: Known, item: ev.Numbered, seq: int, text: str) -> Known:
    """A line that was said since was changed; without a text it was taken back."""

    def now(a: Approval) -> Approval:
        kept = tuple(t for t in a.said if t.seq != seq or text)
        said = tuple(replace(t, text=text[:SAID_CHARS]) if t.seq == seq else t for t in kept)
        return replace(a, said=said, seq=item.seq)

    return {key: now(a) if a.state is ApprovalState.PENDING else a for key, a in known.items()}


def _erased(a: Approval, item: ev.Numbered) -> Approval:
    if a.state is ApprovalState.PENDING:
        a = _ended(a, item, ApprovalState.CLOSED)
    draft = replace(a.draft, text="", citations=(), findings=(), parts=())
    return replace(
        a,
        seq=item.seq,
        at=item.at,
        question="",
        quoted="",
        customer="",
        text="",
        reason="",
        said=(),
        draft=draft,
    )
