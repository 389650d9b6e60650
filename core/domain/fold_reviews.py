"""The fold of the events about waiting drafts: extended, outdated, redrafted, undone; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from core.domain import events as ev
from core.domain.conversation import Conversation, Held, Review
from core.domain.drafts import Reason, with_changed_sources, with_reason


def extended(c: Conversation, e: ev.ReviewExtended) -> Conversation:
    """Newer messages were added to a waiting draft."""
    reviews = tuple(
        replace(
            r,
            version=e.version,
            written=e.version if e.version != r.version else r.written,
            answers=tuple(dict.fromkeys((*r.answers, *e.answers))),
            reasons=tuple(dict.fromkeys((*r.reasons, *e.reasons))),
        )
        if r.draft_id == e.draft_id
        else r
        for r in c.reviews
    )
    return replace(c, reviews=reviews)


def undone(c: Conversation, e: ev.DecisionUndone) -> Conversation:
    """A decision was taken back: its draft waits again, in its place by time."""
    held = c.held_of(e.draft_id)
    reviews = c.reviews
    if held is not None and held.review is not None:
        back = replace(held.review, version=e.version)
        reviews = tuple(sorted((*reviews, back), key=lambda r: r.requested_at))
    return replace(c, holds=without(c.holds, e.draft_id), reviews=reviews, last_decision=None)


_Drafted = TypeVar("_Drafted", Review, Held)


def without(items: tuple[_Drafted, ...], draft_id: str) -> tuple[_Drafted, ...]:
    """The drafts, or the held messages, except those of this draft."""
    return tuple(item for item in items if item.draft_id != draft_id)


def outdated(c: Conversation, e: ev.ReviewOutdated) -> Conversation:
    """A source of a waiting draft was changed: the draft says so."""
    review = c.review_of(e.draft_id)
    if review is None:
        return c
    return _in_place(
        c,
        replace(
            review,
            version=e.version,
            written=e.version,
            outdated=True,
            draft=with_changed_sources(review.draft, e.titles),
            reasons=with_reason(review.reasons, Reason.SOURCE_CHANGED),
        ),
    )


def redrafted(c: Conversation, e: ev.ReviewRedrafted) -> Conversation:
    """A waiting draft was written anew, in its place."""
    review = c.review_of(e.draft_id)
    if review is None:
        return c
    return _in_place(
        c,
        replace(
            review,
            version=e.version,
            written=e.version,
            outdated=False,
            draft=e.draft,
            reasons=e.reasons,
        ),
    )


def _in_place(c: Conversation, review: Review) -> Conversation:
    same = review.draft_id
    return replace(c, reviews=tuple(review if r.draft_id == same else r for r in c.reviews))


def with_review(
    c: Conversation,
    draft_id: str,
    *,
    claimed_by: str | None = None,
    version: int | None = None,
    step: int | None = None,
) -> Conversation:
    """A waiting draft with this changed; None keeps what it is."""
    review = c.review_of(draft_id)
    if review is None:
        return c
    if claimed_by is not None:
        review = replace(review, claimed_by=claimed_by)
    if version is not None:
        review = replace(review, version=version)
    if step is not None:
        review = replace(review, step=step)
    return _in_place(c, review)
