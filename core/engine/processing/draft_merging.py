"""Decides which new messages join a waiting draft and which get their own; pure."""

from __future__ import annotations

from collections.abc import Sequence

from core.domain.conversation import Conversation, Review
from core.domain.drafts import Reason
from core.domain.events import ReviewExtended
from core.nlu.handoff_intent import wants_person
from core.nlu.questions import asks, pieces, same_words
from core.nlu.smalltalk import small_talk

MOST_WAITING = 5  #: drafts of one conversation; what comes on top is read on the newest of them

_CARRIED = frozenset({Reason.PERSON_REQUESTED, Reason.ATTACHMENT})
"""Reasons that the draft has not had and a person should see."""

_OWN_CARD = frozenset({Reason.ABUSE, Reason.SUSPICIOUS, Reason.SEEMS_OPT_OUT})
"""Reasons that a person sees on a card of their own."""


def extension(
    c: Conversation, reasons: Sequence[Reason], *, drafted: bool = True
) -> ReviewExtended | None:
    """What is due now as a part of a draft that waits; None where it is a matter of its own.

    A file never joins a draft, or approving that would answer what nobody has looked at; more
    files, and words for which nothing was found (`drafted` is false), join a file that waits. The
    same words again change nothing. A call for a person, a file, or what asks nothing ("my
    order number is 123") is for whoever decides the draft, who has to look again before that.
    """
    if not c.reviews or _OWN_CARD & set(reasons):
        return None
    answers = tuple(m.seq for m in c.due)
    if (known := repeated(c)) is not None:
        return ReviewExtended(draft_id=known.draft_id, version=known.version, answers=answers)
    text = "\n".join(m.text for m in c.due)
    of_files = next((r for r in reversed(c.reviews) if _waits_with_files(r)), None)
    crowded = len(c.reviews) + len(c.holds) >= MOST_WAITING
    if Reason.ATTACHMENT in reasons or (of_files is not None and not drafted):
        return _joined(of_files, answers, reasons) if of_files is not None else None
    if Reason.PERSON_REQUESTED in reasons and _asks_for_a_person_alone(text):
        into = c.reviews[0]
    elif not asks(text) or crowded:
        into = c.reviews[-1]
    else:
        return None
    return _joined(into, answers, reasons)


def _waits_with_files(review: Review) -> bool:
    return Reason.ATTACHMENT in review.reasons and not review.draft.text


def _joined(into: Review, answers: tuple[int, ...], reasons: Sequence[Reason]) -> ReviewExtended:
    return ReviewExtended(
        draft_id=into.draft_id,
        version=into.version + 1,
        answers=answers,
        reasons=tuple(r for r in reasons if r in _CARRIED),
    )


def repeated(c: Conversation) -> Review | None:
    """The draft that waits for the very words that are due now."""
    if not c.due or any(m.has_attachment for m in c.due):
        return None
    for review in c.reviews:
        if all(same_words(m.text, review.question) for m in c.due):
            return review
    return None


def wants_nothing(text: str) -> bool:
    """Whether a message asks for no answer: thanks, a goodbye, laughter."""
    return not text.strip() or (small_talk(text) is not None and "?" not in text)


def _asks_for_a_person_alone(text: str) -> bool:
    return all(
        wants_person(piece.text) or small_talk(piece.text) is not None for piece in pieces(text)
    )
