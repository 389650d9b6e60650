"""What the pages show: approvals and histories in plain words, without any HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from approvals.model import Approval, ApprovalState
from core import events as ev
from core.drafts import Reason
from core.messages import Attachment, Author, Citation, DeliveryState
from core.wording import Words

SURE, FAIR = 0.8, 0.5  #: from which confidence on it is called high, and middling


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source to look at; `url` is empty unless it is safe to follow."""

    title: str
    url: str
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One draft of the queue."""

    approval: Approval
    stamp: str  #: changes when the card looks different
    channel: str  #: its name
    mine: bool  #: I have claimed it
    percent: int
    level: str  #: high, fair, low
    reasons: tuple[str, ...]
    sources: tuple[Source, ...]
    outcome: str = ""  #: once it does not wait any more: what happened, in words
    tone: str = ""  #: good, plain, warn

    @property
    def waits(self) -> bool:
        """Whether somebody may still decide."""
        return self.approval.state is ApprovalState.PENDING


def card(a: Approval, *, words: Words, locale: str, me: str) -> Card:
    """The approval as the reader `me` (e-mail) sees it."""
    outcome, tone = _outcome(a, words=words, locale=locale, me=me)
    level = (
        "high" if a.draft.confidence >= SURE else "fair" if a.draft.confidence >= FAIR else "low"
    )
    return Card(
        approval=a,
        stamp=f"{a.state.value}.{a.version}.{a.step}.{a.held_until is not None:d}",
        channel=channel_name(a.channel, words=words, locale=locale),
        mine=a.claimed_by == me,
        percent=round(a.draft.confidence * 100),
        level=level,
        reasons=reasons_in_words(telling(a), words=words, locale=locale),
        sources=sources_of(a.draft.citations),
        outcome=outcome,
        tone=tone,
    )


def telling(a: Approval) -> Sequence[Reason]:
    """Without a draft, that it names no source and is unsure says nothing more."""
    if a.draft.text:
        return a.reasons
    rest = tuple(r for r in a.reasons if r not in (Reason.NO_SOURCE, Reason.LOW_CONFIDENCE))
    return rest or a.reasons


def channel_name(channel_id: str, *, words: Words, locale: str) -> str:
    """What people call the channel; a plugin's id where we have no word for it."""
    return words.called("approvals.channel", channel_id, locale)


def reasons_in_words(reasons: Sequence[Reason], *, words: Words, locale: str) -> tuple[str, ...]:
    """Why a draft waits, a sentence each."""
    return tuple(words.text(f"approvals.reason.{r.value}", locale) for r in reasons)


def sources_of(citations: Sequence[Citation]) -> tuple[Source, ...]:
    """Citations as sources; only http and https may be followed."""
    return tuple(
        Source(
            title=c.title or c.url or c.id,
            url=c.url if c.url.startswith(("https://", "http://", "/")) else "",
            quote=c.quote,
        )
        for c in citations
    )


def duration(seconds: float) -> str:
    """Minutes and seconds, with hours where there are some: 0:42, 12:05, 3:00:10."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _outcome(a: Approval, *, words: Words, locale: str, me: str) -> tuple[str, str]:
    match a.state:
        case ApprovalState.PENDING:
            return "", ""
        case ApprovalState.DECIDED:
            by = words.text("approvals.you", locale) if a.decided_by == me else a.decided_by
            said = words.text(
                f"approvals.outcome.{a.decision}", locale, by=by, after=duration(a.seconds)
            )
            return said, "good" if a.decision in ("approve", "edit") else "plain"
        case ApprovalState.SUPERSEDED | ApprovalState.CLOSED:
            return words.text(f"approvals.outcome.{a.state.value}", locale), "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a conversation's history."""

    seq: int
    at: datetime
    side: str  #: customer, ours, note, event
    author: str  #: customer, ai, agent, system, or "" for an event
    text: str
    by: str = ""
    sources: tuple[Source, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    delivery: str = ""  #: in words; "" where stored is delivered
    delivery_detail: str = ""
    trouble: bool = False  #: the delivery failed or its outcome is unknown


def thread(commits: Sequence[ev.Commit], *, words: Words, locale: str) -> list[Entry]:
    """Everything that happened in a conversation, oldest first, with what became of messages."""
    entries: dict[int, Entry] = {}
    for commit in commits:
        decided = any(isinstance(event, ev.ReviewDecided) for event in commit.events)
        for item in commit.numbered():
            match item.event:
                case ev.TakenOver() if decided:
                    pass  # the decision itself says so
                case ev.DeliveryRequeued() as e if e.seq in entries:
                    queued = words.text("approvals.delivery.queued", locale)
                    entries[e.seq] = replace(
                        entries[e.seq], delivery=queued, delivery_detail="", trouble=False
                    )
                case ev.DeliveryRecorded() as e if e.seq in entries:
                    entries[e.seq] = _delivered(entries[e.seq], e, words=words, locale=locale)
                case _:
                    entry = _entry(item, words=words, locale=locale)
                    if entry is not None:
                        entries[item.seq] = entry
    return list(entries.values())


def _entry(item: ev.Numbered, *, words: Words, locale: str) -> Entry | None:
    match item.event:
        case ev.Received() as e:
            return Entry(
                seq=item.seq,
                at=item.at,
                side="customer",
                author=Author.CUSTOMER.value,
                text=e.text,
                attachments=e.attachments,
            )
        case ev.Sent() as e:
            state = "" if e.pulled else words.text("approvals.delivery.queued", locale)
            return Entry(
                seq=item.seq,
                at=item.at,
                side="ours",
                author=e.author.value,
                text=e.text,
                by=e.by,
                sources=sources_of(e.citations),
                delivery=state,
            )
        case ev.Noted() as e:
            return Entry(
                seq=item.seq, at=item.at, side="note", author="agent", text=e.text, by=e.by
            )
        case event:
            text = _told(event, words=words, locale=locale)
            if not text:
                return None
            return Entry(seq=item.seq, at=item.at, side="event", author="", text=text)


def _delivered(entry: Entry, e: ev.DeliveryRecorded, *, words: Words, locale: str) -> Entry:
    state = words.text(f"approvals.delivery.{e.state.value}", locale)
    if e.doubled:
        state += " · " + words.text("approvals.delivery.doubled", locale)
    return replace(
        entry,
        delivery=state,
        delivery_detail=e.detail,
        trouble=e.state in (DeliveryState.FAILED, DeliveryState.UNKNOWN),
    )


def _told(event: ev.Event, *, words: Words, locale: str) -> str:
    def say(name: str, **values: object) -> str:
        return words.text(f"approvals.event.{name}", locale, **values)

    match event:
        case ev.ReviewRequested() as e:
            reasons = reasons_in_words(e.reasons, words=words, locale=locale)
            return say("review_requested", reasons=" ".join(reasons))
        case ev.ReviewClaimed(by=by):
            return say("claimed", by=by) if by else say("released")
        case ev.ReviewDecided() as e:
            reason = f" ({e.reason})" if e.reason else ""
            said = say(f"decided_{e.decision.value}", by=e.by, after=duration(e.seconds))
            return said + reason
        case ev.RetryRequested() as e:
            return say("retry", by=e.by, hint=e.hint)
        case ev.TakenOver(by=by) | ev.HandedBack(by=by) | ev.Resolved(by=by):
            return say(event.kind, by=by)
        case ev.Rated() as e:
            return say("rated", score=e.score, comment=e.comment).strip()
        case ev.ConsentChanged() as e:
            return say("opted_out" if e.opted_out else "opted_in")
        case ev.LocaleChosen() as e:
            return say("locale_chosen", locale=e.locale)
        case (
            ev.Started()
            | ev.PersonRequested()
            | ev.ReviewReminded()
            | ev.ReviewEscalated()
            | ev.ReviewSuperseded()
            | ev.Reopened()
            | ev.Erased()
        ):
            return say(event.kind)
        case _:
            return ""
