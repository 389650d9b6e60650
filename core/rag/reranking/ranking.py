"""Fuses the matches of one search into ranked answers, with the signals of the choice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from config.languages import ANSWERING, DEFAULT
from core.rag.domain.model import Subject
from core.rag.reranking.discriminant import NO_VERDICT, Groups, Verdict
from core.rag.reranking.novelty import UNRECOGNISED, Recognition
from core.rag.reranking.overlap import overlap, words_between
from core.rag.vectors.index import Field, Match
from core.rag.vectors.lexical import normalize, token_set

VOTE_WIDTH = 0.02  #: how fast a neighbour's vote fades with its distance in cosine
NEVER = -150.0  #: log-odds of an answer that the learned ranker did not even list


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights of the signals in the order of answers; measured in docs/answers."""

    question: float = 2.5
    text: float = 5.0
    question_words: float = 1.0
    text_words: float = 0.8
    vote: float = 2.2
    head: float = 2.0
    other_language: float = -0.5


@dataclass(slots=True, kw_only=True)
class Candidate:
    """One possible answer, with its best score in every field; best passage and question too."""

    group: str
    article_id: str = ""
    topic: str = ""
    locale: str = ""
    question: float = 0.0
    text: float = 0.0
    question_words: float = 0.0
    text_words: float = 0.0
    vote: float = 0.0
    head: float = NEVER
    score: float = 0.0
    known_question: str = ""
    question_passage: str = ""
    text_passage: str = ""
    passage_text: str = ""
    called: str = ""  #: the passage's heading, or title
    worded_like: str = ""  #: the known question that shares the most words

    @property
    def passage_id(self) -> str:
        """The passage to show: the best text, or the one behind the known question."""
        return self.text_passage or self.question_passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Candidates best first, and what is known of the choice."""

    candidates: Sequence[Candidate] = ()
    signals: Mapping[str, float] = field(default_factory=dict)
    subject: Subject = field(default_factory=Subject)


def rank(
    text: str,
    found: Mapping[Field, Sequence[Match]],
    *,
    groups: Groups,
    verdict: Verdict = NO_VERDICT,
    recognition: Recognition = UNRECOGNISED,
    locale: str = "",
    weights: Weights | None = None,
    first: str = "",
) -> Ranking:
    """Fuse the four lists of one search and say how sure the choice looks.

    `first` is the answer that is chosen whatever its score.
    """
    weights = weights or Weights()
    candidates = _gather(found, groups)
    for group in verdict.scores:
        if group in candidates:
            candidates[group].head = verdict.scores[group]
    for group, share in votes(found[Field.QUESTION], groups).items():
        candidates[group].vote = share
    for candidate in candidates.values():
        candidate.score = _score(candidate, found, weights, learned=bool(verdict.scores))
        if locale and candidate.locale and candidate.locale != locale:
            candidate.score += weights.other_language
    ordered = sorted(candidates.values(), key=lambda c: (c.group != first, -c.score, c.group))
    if not ordered:
        return Ranking()
    signals = _signals(text, ordered, found, verdict, groups=groups, locale=locale)
    if signals["learned"]:
        signals |= recognition.signals(ordered[0].group)
    return Ranking(candidates=ordered, signals=signals)


def votes(matches: Sequence[Match], groups: Groups) -> dict[str, float]:
    """How the nearest known questions vote, as shares that sum to 1."""
    if not matches:
        return {}
    best = matches[0].score
    shares: dict[str, float] = {}
    for match in matches:
        group = groups.of(match.payload["answer"])
        weight = math.exp((match.score - best) / VOTE_WIDTH)
        shares[group] = shares.get(group, 0.0) + weight
    total = sum(shares.values())
    return {name: share / total for name, share in shares.items()}


def _gather(found: Mapping[Field, Sequence[Match]], groups: Groups) -> dict[str, Candidate]:
    candidates: dict[str, Candidate] = {}
    for name in Field:
        for match in found[name]:
            payload = match.payload
            group = groups.of(payload["answer"])
            candidate = candidates.get(group)
            if candidate is None:
                # Fields come in the order of their weight, so the first match names the article.
                candidate = candidates[group] = Candidate(
                    group=group,
                    article_id=payload["article_id"],
                    topic=payload["topic"],
                    locale=payload["locale"] if payload["locale"] in ANSWERING else DEFAULT,
                )
            _take(candidate, name, match)
    return candidates


def _take(candidate: Candidate, name: Field, match: Match) -> None:
    payload = match.payload
    match name:
        case Field.QUESTION:
            if match.score > candidate.question:
                candidate.question = match.score
                candidate.known_question = payload["question"]
                candidate.question_passage = payload["passage_id"]
        case Field.TEXT:
            if match.score > candidate.text:
                candidate.text = match.score
                candidate.text_passage = payload["passage_id"]
                candidate.passage_text = payload["text"]
                candidate.called = payload["heading"] or payload["title"]
        case Field.QUESTION_WORDS:
            if match.score > candidate.question_words:
                candidate.question_words = match.score
                candidate.worded_like = payload["question"]
                candidate.question_passage = candidate.question_passage or payload["passage_id"]
        case Field.TEXT_WORDS:
            candidate.text_words = max(candidate.text_words, match.score)
            if not candidate.text_passage:
                candidate.text_passage = payload["passage_id"]
                candidate.passage_text = payload["text"]
                candidate.called = payload["heading"] or payload["title"]


def _score(
    candidate: Candidate,
    found: Mapping[Field, Sequence[Match]],
    weights: Weights,
    *,
    learned: bool,
) -> float:
    # A cosine says little by itself: it counts from the worst that this search returned.
    score = (
        weights.question * _above(candidate.question, found[Field.QUESTION])
        + weights.text * _above(candidate.text, found[Field.TEXT])
        + weights.question_words * _of_top(candidate.question_words, found[Field.QUESTION_WORDS])
        + weights.text_words * _of_top(candidate.text_words, found[Field.TEXT_WORDS])
        + weights.vote * candidate.vote
    )
    if learned:
        score -= weights.head * math.sqrt(-max(candidate.head, NEVER)) / 10.0
    return score


def _signals(
    text: str,
    ordered: Sequence[Candidate],
    found: Mapping[Field, Sequence[Match]],
    verdict: Verdict,
    *,
    groups: Groups,
    locale: str,
) -> dict[str, float]:
    best = ordered[0]
    rest = ordered[1:]
    question_floor = _last(found[Field.QUESTION])
    text_floor = _last(found[Field.TEXT])
    question = best.question or question_floor
    next_question = max((c.question for c in rest), default=0.0) or question_floor
    has_text = bool(found[Field.TEXT])
    next_text = max((c.text for c in rest), default=0.0) or text_floor
    shares = [math.exp(c.score - best.score) for c in ordered]
    asked = token_set(text)
    words = words_between(
        asked,
        found,
        group=best.group,
        nearest=best.known_question or best.worded_like,
        groups=groups,
    )
    seen: set[str] = set()
    for name, key, depth in _READ:
        for match in found[name][:depth]:
            seen |= token_set(match.payload[key])
    worded = [w for w in (best.known_question, best.worded_like) if w]
    # An answer with one wording only says nothing about how its questions vary.
    learned = verdict.counts.get(best.group, 0) >= 2
    top_words = max((m.score for m in found[Field.QUESTION_WORDS][:1]), default=0.0)
    return {
        "question": question,
        "question_margin": question - next_question,
        "question_spread": question - question_floor,
        "question_floor": question_floor,
        "text": (best.text or text_floor) if has_text else 0.0,
        "text_margin": ((best.text or text_floor) - next_text) if has_text else 0.0,
        "has_text": float(has_text),
        "share": 1.0 / sum(shares),
        "lead": best.score - (rest[0].score if rest else 0.0),
        "vote": best.vote,
        "learned": float(learned),
        "head_margin": math.sqrt(min(verdict.margin, 200.0)) if learned else 0.0,
        "head_distance": min(verdict.distance, 10.0) if learned else 0.0,
        "head_agrees": float(learned and best.head == 0.0),
        "strangeness": min(verdict.strangeness, 10.0) if learned else 0.0,
        "nearness": question - verdict.nearness.get(best.group, question) if learned else 0.0,
        "question_overlap": max((overlap(asked, w) for w in worded), default=0.0),
        "text_overlap": overlap(asked, best.passage_text),
        "unknown_words": len(asked - seen) / len(asked) if asked else 1.0,
        "same_words": float(_same_words(text, best, rest)),
        "lost": words.lost,
        "lost_words": float(words.lost_words),
        "lost_weight": words.lost_weight,
        "unsaid": words.unsaid,
        "words": top_words / max(len(asked), 1),
        "words_best": best.question_words / max(len(asked), 1),
        "length": math.log1p(len(asked)),
        "other_language": float(bool(locale) and bool(best.locale) and locale != best.locale),
    }


def _same_words(text: str, best: Candidate, rest: Sequence[Candidate]) -> bool:
    """Whether exactly this was asked before, and is known to belong to this answer alone."""
    asked = normalize(text)

    def is_asked(c: Candidate) -> bool:
        return asked in (normalize(c.known_question), normalize(c.worded_like))

    return bool(asked) and is_asked(best) and not any(is_asked(c) for c in rest)


_READ = (
    (Field.QUESTION, "question", 10),
    (Field.QUESTION_WORDS, "question", 10),
    (Field.TEXT, "text", 5),
    (Field.TEXT_WORDS, "text", 5),
)


def _last(matches: Sequence[Match]) -> float:
    return matches[-1].score if matches else 0.0


def _of_top(score: float, matches: Sequence[Match]) -> float:
    return score / max(matches[0].score, 1e-9) if matches else 0.0


def _above(score: float, matches: Sequence[Match]) -> float:
    return max(score - _last(matches), 0.0) / 0.1
