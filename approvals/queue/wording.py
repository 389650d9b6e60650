"""Approvals and histories in plain words, for pages; no HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from approvals.queue.model import Approval, ApprovalState
from core.domain import events as ev
from core.domain.amended import UNCHANGED, Amended, amended
from core.domain.drafts import Finding, Reason
from core.domain.lateness import is_late
from core.domain.messages import Attachment, Author, Citation, DeliveryState, Sender, SenderKind
from core.domain.quoting import whole
from core.engine.outbound.failure_words import failure_in_words
from core.i18n import Words

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
    percent: int  #: of answers like this are right
    needed: int  #: from which percent on they go out alone; 0: never
    level: str  #: high (goes out alone, were it not for the reasons), fair, low
    reasons: tuple[str, ...]
    sources: tuple[Source, ...]
    outcome: str = ""  #: once it does not wait any more: what happened, in words
    tone: str = ""  #: good, plain, warn

    @property
    def seems_opt_out(self) -> bool:
        """Whether the first thing to decide is the customer's consent."""
        return Reason.SEEMS_OPT_OUT in self.approval.reasons and not self.approval.opted_out

    @property
    def waits(self) -> bool:
        """Whether somebody may still decide."""
        return self.approval.state is ApprovalState.PENDING


def card(a: Approval, *, words: Words, locale: str, me: str, threshold: float = SURE) -> Card:
    """The approval as the reader `me` (e-mail) sees it; from `threshold` on it goes out alone."""
    outcome, tone = _outcome(a, words=words, locale=locale, me=me)
    sure = a.draft.confidence
    level = "high" if sure >= threshold else "fair" if sure >= min(FAIR, threshold) else "low"
    return Card(
        approval=a,
        stamp=_stamp(a),
        channel=channel_name(a.channel, words=words, locale=locale),
        mine=a.claimed_by == me,
        # Never rounded up to what is needed.
        percent=math.floor(sure * 100),
        needed=math.ceil(threshold * 100) if threshold < 1.0 else 0,
        level=level,
        reasons=reasons_in_words(
            _unsaid(a, threshold), words=words, locale=locale, findings=a.draft.findings
        ),
        sources=sources_of(a.draft.citations),
        outcome=outcome,
        tone=tone,
    )


def _unsaid(a: Approval, threshold: float) -> Sequence[Reason]:
    """The reasons that the figures beside them do not say already, in particulars."""
    told = telling(a)
    if not a.draft.text or a.draft.confidence >= threshold or threshold >= 1.0:
        return told
    return tuple(r for r in told if r is not Reason.LOW_CONFIDENCE)


def _stamp(a: Approval) -> str:
    flags = f"{a.held_until is not None:d}.{a.opted_out:d}"
    arrived = a.arrival.state.value if a.arrival else ""
    return f"{a.state.value}.{a.version}.{a.step}.{flags}.{_last(a)}.{a.files}.{arrived}"


def _last(a: Approval) -> int:
    return a.said[-1].seq if a.said else 0


def telling(of: Approval | ev.ReviewRequested) -> Sequence[Reason]:
    """Without a draft, that it names no source and is unsure says nothing more."""
    if of.draft.text:
        return of.reasons
    rest = tuple(r for r in of.reasons if r not in (Reason.NO_SOURCE, Reason.LOW_CONFIDENCE))
    return rest or of.reasons


def consent_in_words(e: ev.ConsentChanged, *, words: Words, locale: str) -> str:
    """What the customer wants, and by whom we know it."""
    what = "opted_out" if e.opted_out else "opted_in"
    name = f"approvals.consent.{what}_{e.source.value}"
    return words.text(name, locale, by=e.by, reason=e.reason).strip()


def channel_name(channel_id: str, *, words: Words, locale: str) -> str:
    """What people call the channel; a plugin's id where we have no word for it."""
    return words.called("approvals.channel", channel_id, locale)


def reasons_in_words(
    reasons: Sequence[Reason], *, words: Words, locale: str, findings: Sequence[Finding] = ()
) -> tuple[str, ...]:
    """Why a draft waits, a sentence each; in particulars where there are findings."""
    told: list[str] = []
    for reason in reasons:
        found = [f for f in findings if f.reason is reason and (f.values or f.wording)]
        told += [_found(f, words=words, locale=locale) for f in found]
        if not found:
            told.append(words.text(f"approvals.reason.{reason.value}", locale))
    return tuple(told)


def _found(finding: Finding, *, words: Words, locale: str) -> str:
    values = {name: words.called("", value, locale) for name, value in finding.values.items()}
    name = finding.wording or finding.reason.value
    return words.text(f"approvals.finding.{name}", locale, **values)


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


def arrival_in_words(a: Approval, *, words: Words, locale: str) -> str:
    """What became of the message that the decision sent, with the reason; "" where it arrived."""
    if a.arrival is None or not a.arrival.trouble:
        return ""
    state = words.text(f"approvals.delivery.{a.arrival.state.value}", locale)
    reason = failure_in_words(
        words, locale, channel=a.channel, code=a.arrival.code, detail=a.arrival.reason
    )
    return f"{state}: {reason}" if reason else state


def _outcome(a: Approval, *, words: Words, locale: str, me: str) -> tuple[str, str]:
    match a.state:
        case ApprovalState.PENDING:
            return "", ""
        case ApprovalState.DECIDED:
            by = words.text("approvals.you", locale) if a.decided_by == me else a.decided_by
            said = words.text(
                f"approvals.outcome.{a.decision}", locale, by=by, after=duration(a.seconds)
            )
            if a.undelivered:
                return f"{said} · {arrival_in_words(a, words=words, locale=locale)}", "warn"
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
    late_since: datetime | None = None  #: when the customer wrote it, where it came late
    trouble: bool = False  #: the delivery failed or its outcome is unknown
    sender: str = ""  #: who wrote it, where it is not who the conversation began with
    quoted: str = ""  #: the words it points at
    before: str = ""  #: how it read before its author changed it
    edited: bool = False
    deleted: bool = False
    signs: tuple[str, ...] = ()  #: reactions under it
    until: datetime | None = None  #: a time that ends the text


def thread(commits: Sequence[ev.Commit], *, words: Words, locale: str) -> list[Entry]:
    """Everything that happened in a conversation, oldest first, with what became of messages."""
    entries: dict[int, Entry] = {}
    channel = next(
        (e.address.channel for c in commits for e in c.events if isinstance(e, ev.Started)), ""
    )
    later = amended(item for commit in commits for item in commit.numbered())
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
                    entries[e.seq] = _delivered(
                        entries[e.seq], e, channel=channel, words=words, locale=locale
                    )
                case _:
                    entry = _entry(item, words=words, locale=locale)
                    if entry is not None:
                        entries[item.seq] = entry
    return [_amended(entry, later.get(entry.seq, UNCHANGED)) for entry in entries.values()]


def _amended(entry: Entry, since: Amended) -> Entry:
    entry = replace(entry, signs=since.signs, deleted=since.deleted_at is not None)
    if since.text is None:
        return entry
    return replace(
        entry,
        text=since.text,
        quoted=whole("", since.quotes),
        attachments=since.attachments,
        before=entry.text if entry.text != since.text else "",
        edited=True,
    )


def sender_in_words(sender: Sender | None, *, words: Words, locale: str) -> str:
    """What a sender is called, and in whose name they write; "" for nobody in particular."""
    if sender is None:
        return ""
    if sender.kind is SenderKind.PERSON:
        return sender.name
    kind = words.text(f"approvals.sender.{sender.kind.value}", locale)
    return f"{sender.name} ({kind})" if sender.name else kind


def _entry(item: ev.Numbered, *, words: Words, locale: str) -> Entry | None:
    match item.event:
        case ev.Received() as e:
            return Entry(
                seq=item.seq,
                at=item.at,
                side="customer",
                author=Author.CUSTOMER.value,
                text=e.text or (f"[{e.unreadable}]" if e.unreadable else ""),
                attachments=e.attachments,
                sender=sender_in_words(e.sender, words=words, locale=locale),
                quoted=whole("", e.quotes),
                late_since=e.sent_at if is_late(e.sent_at, item.at) else None,
            )
        case ev.Sent() as e:
            state = "" if e.pulled else words.text("approvals.delivery.queued", locale)
            return Entry(
                seq=item.seq,
                at=item.at,
                side="ours",
                author=e.author.value,
                text=e.whole,
                by=e.by,
                sources=sources_of(e.citations),
                delivery=state,
            )
        case ev.Noted() as e:
            return Entry(
                seq=item.seq, at=item.at, side="note", author="agent", text=e.text, by=e.by
            )
        case ev.Snoozed(by=by, until=until):
            name = "snoozed_until" if until else "snoozed"
            text = words.text(f"approvals.event.{name}", locale, by=by)
            return Entry(seq=item.seq, at=item.at, side="event", author="", text=text, until=until)
        case event:
            text = _told(event, words=words, locale=locale)
            if not text:
                return None
            return Entry(seq=item.seq, at=item.at, side="event", author="", text=text)


def _delivered(
    entry: Entry, e: ev.DeliveryRecorded, *, channel: str, words: Words, locale: str
) -> Entry:
    state = words.text(f"approvals.delivery.{e.state.value}", locale)
    if e.doubled:
        state += " · " + words.text("approvals.delivery.doubled", locale)
    return replace(
        entry,
        delivery=state,
        delivery_detail=failure_in_words(
            words, locale, channel=channel, code=e.code, detail=e.detail
        ),
        trouble=e.state in (DeliveryState.FAILED, DeliveryState.UNKNOWN),
    )


def _told(event: ev.Event, *, words: Words, locale: str) -> str:
    def say(name: str, **values: object) -> str:
        return words.text(f"approvals.event.{name}", locale, **values)

    match event:
        case ev.ReviewRequested() as e:
            reasons = reasons_in_words(
                telling(e), words=words, locale=locale, findings=e.draft.findings
            )
            name = "review_requested" if e.draft.text else "review_requested_bare"
            return say(name, reasons=" ".join(reasons))
        case ev.ReviewClaimed(by=by):
            return say("claimed", by=by) if by else say("released")
        case ev.ReviewDecided() as e:
            reason = f" ({e.reason})" if e.reason else ""
            said = say(f"decided_{e.decision.value}", by=e.by, after=duration(e.seconds))
            return said + reason
        case ev.RetryRequested() as e:
            return say("retry", by=e.by, hint=e.hint)
        case ev.HolderReminded() as e:
            return say(f"holder_reminded_{e.step}", by=e.holder)
        case ev.HandedBack(by=""):
            return say("handed_back_late")
        case ev.TakenOver(by=by) | ev.HandedBack(by=by) | ev.Resolved(by=by):
            return say(event.kind, by=by)
        case ev.Tagged() as e:
            changed = [f"+ {tag}" for tag in e.added] + [f"− {tag}" for tag in e.removed]
            return say("tagged", by=e.by, tags=", ".join(changed))
        case ev.Assigned(to=""):
            return say("unassigned", by=event.by)
        case ev.Assigned(by="") as e:
            return say("assigned_by_rule", to=e.to)
        case ev.Assigned() as e:
            return say("assigned", to=e.to, by=e.by)
        case ev.Woken(by=by):
            return say("woken_by", by=by) if by else say("woken")
        case ev.Rated() as e:
            return say("rated", score=e.score, comment=e.comment).strip()
        case ev.ConsentChanged() as e:
            return consent_in_words(e, words=words, locale=locale)
        case ev.LocaleChosen() as e:
            return say("locale_chosen", locale=e.locale)
        case ev.Reacted() as e:
            return say("reaction_removed" if e.removed else "reacted", sign=e.sign)
        case ev.Deleted(seq=0):
            return ""  # it will say so again where its message stands
        case ev.Edited() | ev.Deleted():
            return say(event.kind)
        case (
            ev.Started()
            | ev.PersonRequested()
            | ev.ReviewReminded()
            | ev.ReviewEscalated()
            | ev.ReviewSuperseded()
            | ev.ReviewExtended()
            | ev.ReviewOutdated()
            | ev.ReviewRedrafted()
            | ev.Reopened()
            | ev.Erased()
        ):
            return say(event.kind)
        case _:
            return ""
