"""Searches a question in its conversation: as it stands, or with its subject added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.domain.drafts import Reason, Turn
from core.nlu.questions import without_leads
from core.rag.domain.model import Found, Hit, Retriever
from core.rag.retrieval.followups import (
    FollowUp,
    Stance,
    is_about,
    names_all,
    stance,
    subject_of,
)

CHARS = 1000  #: of a question that are searched for
LOOKED_AT = 3  #: hits that may answer a follow-up


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """The outcome of a question's search, and the words it was searched by."""

    question: str  #: the customer's own words
    text: str  #: what was searched for
    found: Found
    subject: str = ""  #: the earlier question it stands on; "" where it stands by itself
    reason: Reason | None = None  #: why nothing of it may go out alone


Score = Callable[[Found], float]
"""How sure the answer from what was found is, 0 to 1."""

DOUBTFUL = 0.6  #: below this what was just given is asked whether it says it


def search_text(question: str, history: Sequence[Turn]) -> str:
    """What is searched for first; the other searches of a follow-up are quick or rare."""
    question = _plain(question)
    subject = subject_of(history) if stance(question) is not Stance.OWN else None
    return subject.text if subject is not None else without_leads(question)


async def search(
    retriever: Retriever, question: str, history: Sequence[Turn], *, locale: str, score: Score
) -> Searched:
    """What the knowledge says to this question, said after this history.

    Raises what the retriever does.
    """
    question = _plain(question)
    text = without_leads(question)
    subject = subject_of(history)
    asked = None
    if subject is not None:
        asked = FollowUp(question=question, stance=stance(question), subject=subject)
    if asked is not None and asked.stance is not Stance.OWN:
        return await _follow(retriever, asked, locale=locale)
    found = await retriever.search(text, locale=locale)
    alone = Searched(question=question, text=text, found=found)
    if asked is None:
        named = stance(question) in (Stance.OWN, Stance.THING) or found.signals.get("same_words")
        if named or names_all(question, found.subject.wording):
            return alone
        # It stands on something, and there is nothing for it to stand on.
        return replace(alone, reason=Reason.UNCLEAR_FOLLOW_UP)
    assert subject is not None
    if not found.hits or found.signals.get("same_words"):
        return alone
    if _among(found.hits[0], subject.sources):
        if is_about(question, found.hits[0]):
            return alone
        return replace(alone, subject=subject.text, reason=Reason.UNCLEAR_FOLLOW_UP)
    given = await _given(retriever, asked, locale=locale)
    if given is not None and asked.fits_given(given.found.hits[0]):
        ours, theirs = asked.says(given.found.hits[0]), asked.says(found.hits[0])
        if ours > theirs or (ours == theirs and score(found) < DOUBTFUL):
            return given
    return alone


async def _given(retriever: Retriever, asked: FollowUp, *, locale: str) -> Searched | None:
    """What the subject was answered with, where the question may be about that; its vector is
    remembered.
    """
    if not asked.subject.sources or not asked.is_short:
        return None
    before = await retriever.search(asked.subject.text, locale=locale)
    if not before.hits or not _among(before.hits[0], asked.subject.sources):
        return None
    text = asked.subject.text
    return Searched(question=asked.question, text=text, found=before, subject=text)


async def _follow(retriever: Retriever, asked: FollowUp, *, locale: str) -> Searched:
    subject, question = asked.subject, asked.question
    given = await _given(retriever, asked, locale=locale)
    if given is not None and asked.fits_given(given.found.hits[0]):
        return given
    joint = f"{subject.text} {without_leads(question)}"
    together = await retriever.search(joint, locale=locale)
    before = given.found.hits[0] if given is not None else None
    for hit in together.hits[:LOOKED_AT]:
        if subject.sources and asked.fits(hit, before):
            return Searched(
                question=question, text=joint, found=_led(together, hit), subject=subject.text
            )
    text = without_leads(question)
    alone = await retriever.search(text, locale=locale)
    for hit in alone.hits[:1]:
        if asked.fits_alone(hit):
            return Searched(question=question, text=text, found=alone)
    return Searched(
        question=question,
        text=joint,
        found=together,
        subject=subject.text,
        reason=Reason.UNCLEAR_FOLLOW_UP,
    )


def _plain(question: str) -> str:
    return " ".join(question[:CHARS].split())


def _led(found: Found, hit: Hit) -> Found:
    return replace(found, hits=[hit, *(h for h in found.hits if h is not hit)])


def _among(hit: Hit, sources: Sequence[str]) -> bool:
    return hit.passage.id in sources or hit.passage.article_id in sources
