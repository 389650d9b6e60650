"""Finds the answer whose known question asks the very thing that was asked, if any does.

A ranking says what a question is nearest to, and the nearest to "Do you deliver to Portugal?" is
"Do you deliver to Norway?". So the wordings of the likeliest answers are read beside the question,
one answer after the other, until one asks the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.domain.drafts import Finding, Reason
from core.nlu.questions import asks
from core.rag.domain.model import BOUND, Found, Passage, Subject
from core.rag.reranking.discriminant import Groups
from core.rag.reranking.question_matcher import Matcher
from core.rag.reranking.ranking import Candidate
from core.rag.reranking.wording_model import worded_alike
from core.rag.semantics.alignment import differing_words, other_number, shares_missing
from core.rag.semantics.amounts.quantities import other_amount
from core.rag.semantics.facets import facet_signals
from core.rag.semantics.thesaurus import put_as
from core.rag.vectors.index import Field, Match

CONSIDERED = 3  #: answers, from the likeliest on
WORDINGS = 2  #: of one answer, the nearest by meaning
CLASH = 3.0  #: log-odds that another weekday, number or place costs
WORDED = 0.7  #: weight of the wording model beside the matcher's log-odds and the ranking's score
VARIED = 2  #: questions known to an answer, from which on a ranker has learned how they vary
SPOKEN_OF = 2.5  #: log-odds of a passage that speaks of everything asked
SAME = 1.5  #: log-odds from which on a less likely answer overtakes


async def subject_of(
    asked: str,
    candidates: Sequence[Candidate],
    found: Mapping[Field, Sequence[Match]],
    *,
    groups: Groups,
    matcher: Matcher,
    learned: Mapping[str, int] | None = None,
) -> Subject:
    """The answer that was asked for, or how far the likeliest one is from it.

    `learned` says how many questions are known to each answer that the learned ranker knows.
    """
    considered: list[tuple[float, Subject]] = []
    for place, candidate in enumerate(candidates[:CONSIDERED]):
        wordings = _wordings(candidate, found, groups)
        if not wordings:
            continue
        source = candidate.passage_text
        # Of many known questions each is one of many ways to ask, of a few each may be terse.
        few = (learned or {}).get(candidate.group, 0) < VARIED
        wording, odds, signals = await nearest(
            asked, wordings, source, matcher=matcher, own=candidate.called if few else None
        )
        subject = Subject(
            group=candidate.group,
            odds=max(-BOUND, min(BOUND, odds)),
            place=place,
            wording=wording,
            differing=signals,
        )
        considered.append((_nearness(subject) + candidate.score, subject))
        if subject.odds >= SAME and not subject.clashes and (place or _every_word(signals)):
            break
    return max(considered, key=lambda one: one[0], default=(0.0, Subject()))[1]


def _every_word(signals: Mapping[str, float]) -> bool:
    """Whether the two questions have the same words, so that nothing else can be meant."""
    return not signals["asked_missing"] and not signals["known_missing"]


async def nearest(
    asked: str,
    wordings: Sequence[str],
    source: str,
    *,
    matcher: Matcher,
    own: str | None = None,
) -> tuple[str, float, Mapping[str, float]]:
    """The wording that asks most surely the same, the log-odds that it does, and its signals.

    With `own`, which is what the source is called, another wording counts only where it has all
    words of the question: beside a terse one that was learned, "whitening price?", also "how much
    is laser whitening?" seems to ask the same in more words.
    """
    if not any(map(asks, wordings)):
        signals = _under_heading(asked, wordings[0], source)
        return wordings[0], -SPOKEN_OF if signals["asked_missing"] else SPOKEN_OF, signals
    if own is not None and len(wordings) > 1:
        whole = [one for one in wordings if _has_all(one, asked)]
        wordings = list(dict.fromkeys((own, *whole))) if asks(own) else whole or wordings
    odds = [(await matcher.judge(put_as(asked, one), [one]))[0] for one in wordings]
    best = max(range(len(wordings)), key=odds.__getitem__)
    return wordings[best], odds[best], compared(asked, wordings[best], source)


def _has_all(known: str, asked: str) -> bool:
    """Whether a known question has all words of the question."""
    return not shares_missing(put_as(asked, known), known, "")["asked_missing"]


def compared(asked: str, known: str, source: str) -> Mapping[str, float]:
    """Signals of how the words, numbers and facets of a question differ from a known one's.

    What is missing is counted once the question is put in the known one's words.
    """
    return {
        **shares_missing(put_as(asked, known), known, source),
        **facet_signals(asked, known, source),
        "worded": worded_alike(asked, known),
        "other_number": float(
            other_number(asked, known, source) or other_amount(asked, known, source)
        ),
    }


def _under_heading(asked: str, heading: str, source: str) -> Mapping[str, float]:
    """Signals for a passage under a heading, which is no question that could be the same.

    All that can be told is whether the passage speaks of everything that was asked; that the
    heading says less than the question, or something else, says nothing.
    """
    nothing = {"known_missing": 0.0, "facets_new": 0.0, "worded": 0.0}
    return {**compared(asked, heading, source), **nothing}


def _nearness(subject: Subject) -> float:
    return subject.odds + WORDED * subject.differing["worded"] - CLASH * subject.clashes


def _wordings(
    candidate: Candidate, found: Mapping[Field, Sequence[Match]], groups: Groups
) -> Sequence[str]:
    near = [candidate.known_question, candidate.worded_like]
    near += [
        match.payload["question"]
        for match in found[Field.QUESTION]
        if groups.of(match.payload["answer"]) == candidate.group
    ]
    return list(dict.fromkeys(wording for wording in near if wording))[:WORDINGS]


def differing(asked: str, found: Found) -> Finding:
    """How the first hit differs from what was asked; `asked` is what was searched for."""
    return finding(asked, found.subject.wording, found.hits[0].passage)


def finding(asked: str, known: str, passage: Passage) -> Finding:
    """What a source speaks of and the customer does not, and the other way round, in words."""
    source = f"{passage.title} {passage.heading} {passage.text}"
    words = differing_words(asked, known, source)
    values = {"asked": ", ".join(words.asked), "known": ", ".join(words.known)}
    match bool(words.asked), bool(words.known):
        case True, True:
            wording = "other_thing"
        case True, False:
            wording = "unknown_thing"
        case False, True:
            wording = "unasked_thing"
        case _:
            # Word order or little words differ: the bare reason is said.
            return Finding(reason=Reason.OTHER_THING)
    return Finding(reason=Reason.OTHER_THING, values=values, wording=wording)
