"""Extracts facts from a conversation's events, in order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import numpy as np

from analytics.facts.model import AGAIN, Fact, Kind
from core.domain import events as ev
from core.domain.drafts import Draft, Reason, Trait, having
from core.domain.messages import DEMONSTRATION, Author, DeliveryState

COMPARED_CHARS = 4_000  #: of a draft and its edited text, for the edit distance

MISSING, FALLBACK = having(Trait.MISSING), having(Trait.FALLBACK)


class FactExtractor:
    """The state of one conversation from which its next facts are made."""

    __slots__ = (
        "_answered",
        "_audit",
        "_drafts",
        "_first_at",
        "_held",
        "_is_invented",
        "_last_answer",
        "_missed",
        "_opened_at",
        "_rated",
        "_reviews",
        "_waiting",
        "channel",
        "conversation_id",
        "locale",
        "seq",
    )

    def __init__(self, conversation_id: str) -> None:
        self.conversation_id = conversation_id
        self.seq = 0
        self.channel = ""
        self.locale = ""
        self._is_invented = False  # nobody had it: no figure counts it
        self._opened_at: datetime | None = None
        self._first_at: datetime | None = None
        self._waiting: dict[int, datetime] = {}  # messages that nothing has answered
        self._answered = False
        self._last_answer = ""
        self._rated = False  #: since the last answer
        self._drafts: dict[str, tuple[str, str]] = {}  # draft id -> topic, text
        self._audit: set[str] = set()
        self._reviews: set[str] = set()
        self._held: dict[str, list[Fact]] = {}
        self._missed: set[int] = set()  # messages whose answer is counted as missing

    def take(self, commit: ev.Commit) -> list[Fact]:
        """The facts in this commit, which must be the next one."""
        facts = [fact for item in commit.numbered() for fact in self._facts(item)]
        self.seq = commit.last
        return facts

    def _facts(self, item: ev.Numbered) -> Sequence[Fact]:
        at, e = item.at, item.event
        if isinstance(e, ev.Started):
            self._is_invented = e.address.account == DEMONSTRATION
        if self._is_invented:
            return ()
        if ends_question(e):
            self._missed -= self._settled(e, self._missed)
        match e:
            case ev.Started():
                self.channel, self.locale = e.address.channel, e.locale
                self._opened_at = at
                return [self._fact(item, Kind.STARTED)]
            case ev.LocaleChosen():
                self.locale = e.locale
                return ()
            case ev.AddressMoved():
                self.channel = e.address.channel
                return ()
            case ev.Received() if not e.silent:
                self._first_at = self._first_at or at
                self._waiting[item.seq] = at
                return [self._fact(item, Kind.ASKED)]
            case ev.Edited(seq=seq, asks=True) if seq not in self._waiting:
                self._first_at = self._first_at or at
                self._waiting[seq] = at
                return [self._fact(item, Kind.ASKED)]
            case ev.Deleted(seq=seq):
                self._waiting.pop(seq, None)
                return ()
            case ev.Sent():
                return self._sent(item, e)
            case ev.ReviewRequested():
                return self._requested(item, e)
            case ev.SendHeld():
                self._held[e.draft_id] = []
                return ()
            case ev.ReviewDecided():
                facts = self._decided(item, e)
                if e.draft_id not in self._held:
                    return facts
                # It may still be taken back; then it has not happened.
                self._held[e.draft_id] = facts
                return ()
            case ev.SendReleased():
                return self._held.pop(e.draft_id, [])
            case ev.DecisionUndone():
                self._held.pop(e.draft_id, None)
                return ()
            case ev.ReviewEscalated():
                return [self._fact(item, Kind.EXPIRED, topic=self._topic(e.draft_id))]
            case ev.ReviewSuperseded():
                topic = self._topic(e.draft_id)
                self._drafts.pop(e.draft_id, None)
                return [self._fact(item, Kind.SUPERSEDED, topic=topic)]
            case ev.PersonRequested():
                return [self._fact(item, Kind.PERSON_WANTED)]
            case ev.TakenOver():
                return [self._fact(item, Kind.TAKEN_OVER, agent=e.by)]
            case ev.HandedBack():
                return [self._fact(item, Kind.HANDED_BACK, agent=e.by)]
            case ev.Resolved():
                seconds = _seconds(self._opened_at or at, at)
                self._waiting.clear()
                return [self._fact(item, Kind.RESOLVED, agent=e.by, value=seconds)]
            case ev.Reopened():
                self._opened_at = at
                return [self._fact(item, Kind.REOPENED)]
            case ev.Rated():
                more, self._rated = (AGAIN if self._rated else ""), True
                label, score = self._last_answer, float(e.score)
                return [self._fact(item, Kind.RATED, label=label, more=more, value=score)]
            case ev.DeliveryRecorded() if e.state in (
                DeliveryState.FAILED,
                DeliveryState.UNKNOWN,
            ):
                return [self._fact(item, Kind.UNDELIVERED, label=e.state.value)]
            case ev.Erased():
                self._forget()
                return ()
            case _:
                return ()

    def _forget(self) -> None:
        """Whoever writes next here is somebody new; of whom wrote before nothing is remembered."""
        self._opened_at = self._first_at = None
        self._answered = False
        self._last_answer, self._rated = "", False
        self._waiting.clear()
        self._missed.clear()
        for remembered in (self._drafts, self._audit, self._reviews, self._held):
            remembered.clear()

    def _sent(self, item: ev.Numbered, e: ev.Sent) -> list[Fact]:
        if e.author is Author.SYSTEM:
            if e.draft is not None:  # small talk: they have been heard, and had asked nothing
                self._heard(e)
                self._first_at = self._first_at if self._answered else None
            label = e.notice.value if e.notice else "smalltalk"
            return [self._fact(item, Kind.NOTICE, label=label)]
        how = "reviewed" if e.draft_id else "person" if e.author is Author.AGENT else "alone"
        topic = e.draft.topic if e.draft else self._topic(e.draft_id)
        since = self._heard(e)
        waited = _seconds(since, item.at) if since else 0.0
        facts = [self._fact(item, Kind.ANSWERED, agent=e.by, topic=topic, label=how, value=waited)]
        if not self._answered and self._first_at is not None:
            self._answered = True
            first = _seconds(self._first_at, item.at)
            facts.append(
                self._fact(item, Kind.FIRST_ANSWER, agent=e.by, topic=topic, label=how, value=first)
            )
        facts += [
            self._fact(item, Kind.USED, agent=e.by, topic=topic, label=title)
            for title in dict.fromkeys(c.title for c in e.citations)
        ]
        if e.draft is not None and not e.draft_id:
            facts += self._drafted(item, e.draft)
        self._drafts.pop(e.draft_id, None)
        self._last_answer, self._rated = how, False
        return facts

    def _heard(self, e: ev.Sent) -> datetime | None:
        """What this answers waits no more; gives since when it has waited."""
        settled = self._settled(e, self._waiting)
        since = min((self._waiting[seq] for seq in settled), default=None)
        for seq in settled:
            del self._waiting[seq]
        return since

    @staticmethod
    def _settled(e: ev.Event, waiting: Collection[int]) -> set[int]:
        """Which of these messages the event settles: all, where it does not say."""
        answers = e.answers if isinstance(e, ev.Sent) else ()
        # 0 stands for requests that did not say what they were for.
        return {seq for seq in waiting if seq in answers} if answers else set(waiting)

    def _requested(self, item: ev.Numbered, e: ev.ReviewRequested) -> list[Fact]:
        topic = e.draft.topic
        again = e.draft_id in self._reviews
        self._reviews.add(e.draft_id)
        self._drafts[e.draft_id] = (topic, e.draft.text)
        if again:
            return []
        if Reason.AUDIT in e.reasons:
            self._audit.add(e.draft_id)
        reasons = list(dict.fromkeys(e.reasons))
        first = reasons[0].value if reasons else ""
        facts = [self._fact(item, Kind.REVIEW, topic=topic, label=first)]
        facts += [self._fact(item, Kind.REASON, topic=topic, label=r.value) for r in reasons]
        asked = set(e.answers) or {0}
        counted = self._missed if 0 in asked else self._missed & {0, *asked}
        if MISSING.intersection(reasons) and not counted:
            # Asking on, or another try, is no other question.
            self._missed |= asked
            facts.append(self._fact(item, Kind.MISSING, topic=topic, label=first))
        return facts + self._drafted(item, e.draft, reasons)

    def _drafted(
        self, item: ev.Numbered, draft: Draft, reasons: Sequence[Reason] = ()
    ) -> list[Fact]:
        topic = draft.topic
        facts = [
            self._fact(
                item,
                Kind.DRAFTED,
                topic=topic,
                label=draft.answerer or "none",
                value=float(sum(draft.stages.values())),
            )
        ]
        if FALLBACK.intersection((*draft.reasons, *reasons)):
            facts.append(self._fact(item, Kind.FELL_BACK, topic=topic))
        spent = {way: float(draft.signals.get(f"tokens_{way}", 0.0)) for way in ("in", "out")}
        facts += [
            self._fact(item, Kind.TOKENS, topic=topic, label=way, value=tokens)
            for way, tokens in spent.items()
            if tokens
        ]
        return facts

    def _decided(self, item: ev.Numbered, e: ev.ReviewDecided) -> list[Fact]:
        topic, text = self._drafts.get(e.draft_id, ("", ""))
        facts = [
            self._fact(
                item,
                Kind.DECIDED,
                agent=e.by,
                topic=topic,
                label=e.decision.value,
                more=e.reason if e.decision is ev.Decision.REJECT else "",
                value=float(e.seconds),
            )
        ]
        if e.decision is ev.Decision.EDIT:
            distance = edit_distance(text, e.text)
            facts.append(self._fact(item, Kind.EDITED, agent=e.by, topic=topic, value=distance))
        if e.draft_id in self._audit and e.decision is not ev.Decision.TAKE_OVER:
            right = float(e.decision is ev.Decision.APPROVE)
            facts.append(self._fact(item, Kind.AUDITED, agent=e.by, topic=topic, value=right))
        return facts

    def _topic(self, draft_id: str) -> str:
        return self._drafts.get(draft_id, ("", ""))[0]

    def _fact(
        self,
        item: ev.Numbered,
        kind: Kind,
        *,
        agent: str = "",
        topic: str = "",
        label: str = "",
        more: str = "",
        value: float = 0.0,
    ) -> Fact:
        return Fact(
            kind=kind,
            at=item.at,
            conversation_id=self.conversation_id,
            seq=item.seq,
            channel=self.channel,
            locale=self.locale,
            agent=agent,
            topic=topic,
            label=label,
            more=more,
            value=value,
        )


def ends_question(e: ev.Event) -> bool:
    """Whether what waited for an answer waits no more: answered, declined, taken over, closed."""
    match e:
        case ev.Sent():
            return e.author is not Author.SYSTEM or bool(e.draft_id)
        case ev.TakenOver() | ev.Resolved():
            return True
        case _:
            return False


def edit_distance(before: str, after: str) -> float:
    """Characters to insert, delete or replace, over the longer text's length: 0 same, 1 other."""
    a, b = before[:COMPARED_CHARS], after[:COMPARED_CHARS]
    if a == b:
        return 0.0
    if not a or not b:
        return 1.0
    other = np.frombuffer(b.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    steps = np.arange(len(b) + 1)
    row = steps.copy()
    for i, character in enumerate(a, start=1):
        new = np.empty_like(row)
        new[0] = i
        np.minimum(row[1:] + 1, row[:-1] + (other != ord(character)), out=new[1:])
        # An insertion costs one a step: the least of all that stand to the left.
        row = np.minimum.accumulate(new - steps) + steps
    return float(row[-1]) / max(len(a), len(b))


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
