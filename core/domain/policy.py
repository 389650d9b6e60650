"""Decides whether a draft is sent without review: pure rules over its evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Reason, Trait, having

MAX_TURNS = 6
DOUBTFUL = 0.5  #: where all is reviewed: from here down the draft is rather wrong than right
BURST_SECONDS = 0.7  #: pause after an unfinished line before it counts as the whole thought
TYPING_SECONDS = 3.0  #: a typing sign is believed for so long
BURST_LIMIT_SECONDS = 1.8  #: after their last line nobody waits longer, or the 3 s are lost

BLOCKING = having(Trait.BLOCKS)
"""Reasons that hold a draft back whatever its confidence; the others only explain it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules in force; `thresholds` are per topic, from earlier decisions."""

    threshold: float = 0.95
    thresholds: Mapping[str, float] = field(default_factory=dict)
    review_all: bool = False
    max_turns: int = MAX_TURNS
    audit: bool = False  #: this draft was drawn for the random audit


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoSend:
    """The draft goes out now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The draft waits for a person, for these reasons."""

    reasons: tuple[Reason, ...]


Verdict = AutoSend | Review


def decide(draft: Draft, rules: Rules, *, conversation: Conversation) -> Verdict:
    """Whether this draft may be sent without a person."""
    if Reason.SEEMS_OPT_OUT in draft.reasons:
        return Review(reasons=(Reason.SEEMS_OPT_OUT,))  # nothing was drafted to judge
    reasons = [reason for reason in draft.reasons if reason in BLOCKING]
    if conversation.person_requested:
        reasons.append(Reason.PERSON_REQUESTED)
    if any(message.has_attachment for message in conversation.due):
        reasons.append(Reason.ATTACHMENT)
    if any(message.too_late for message in conversation.due):
        reasons.append(Reason.LATE)
    if not draft.citations and draft.answerer != "smalltalk":
        reasons.append(Reason.NO_SOURCE)
    if conversation.wants_no_machine:
        reasons.append(Reason.OPTED_OUT if conversation.opted_out else Reason.SEEMS_OPT_OUT)
    if conversation.turns >= rules.max_turns:
        reasons.append(Reason.TOO_MANY_TURNS)
    if conversation.hint or rules.review_all:
        reasons.append(Reason.REVIEW_ALL)
    # Of several questions each has to pass; a draft without parts is one.
    judged = [(part.topic, part.confidence) for part in draft.parts]
    for topic, confidence in (*judged, (draft.topic, draft.confidence)):
        threshold = rules.thresholds.get(topic, rules.threshold)
        # A threshold of 1 sends everything to review: no confidence is certainty, and doubt is
        # the reason only where there is some.
        if threshold >= 1.0 and Reason.REVIEW_ALL not in reasons:
            reasons.append(Reason.REVIEW_ALL)
        if confidence < (threshold if threshold < 1.0 else DOUBTFUL):
            reasons.append(Reason.LOW_CONFIDENCE)
    if not draft.sendable and not reasons:
        reasons.append(Reason.UNSUPPORTED)
    if not reasons and rules.audit:
        reasons.append(Reason.AUDIT)
    if not reasons:
        return AutoSend()
    explained = [reason for reason in draft.reasons if reason not in BLOCKING]
    return Review(reasons=tuple(dict.fromkeys([*reasons, *explained])))


def may_go_alone(conversation: Conversation, *, max_turns: int) -> bool:
    """Whether any draft at all could be sent here without a person, by `decide`."""
    return not (
        conversation.person_requested
        or conversation.wants_no_machine
        or conversation.hint
        or conversation.turns >= max_turns
        or any(message.has_attachment or message.too_late for message in conversation.due)
    )


_FINISHED = re.compile(r"[.!?。？！…)\]]\s*$")
_KOREAN_END = re.compile(r"(요|다|까|죠|나|니|지|세요|네|어|해|줘|음|임)\s*$")
_KOREAN = re.compile(r"[가-힣]")


def looks_finished(text: str) -> bool:
    """Whether this line reads as a whole thought rather than as the start of a burst."""
    text = text.strip()
    if _FINISHED.search(text):
        return True
    if _KOREAN.search(text):
        return (len(text) >= 8 and bool(_KOREAN_END.search(text))) or len(text) >= 20
    return len(text.split()) >= 5


def burst_ends_at(
    conversation: Conversation, *, typing_at: datetime | None = None, quiet: float = BURST_SECONDS
) -> datetime | None:
    """When the customer's burst counts as one finished thought; None when it does now.

    An unfinished line waits `quiet` seconds for the next one, an album for its other pictures,
    and a customer who is seen typing for the end of their sentence.
    """
    if not conversation.due or conversation.person_requested:
        return None
    last = conversation.due[-1]
    limit = last.at + timedelta(seconds=BURST_LIMIT_SECONDS)
    ends: datetime | None = None
    if last.group_id or not looks_finished(last.text):
        ends = last.at + timedelta(seconds=quiet)
    if typing_at is not None and typing_at > last.at:
        typed = typing_at + timedelta(seconds=TYPING_SECONDS)
        ends = typed if ends is None else max(ends, typed)
    return None if ends is None else min(ends, limit)
