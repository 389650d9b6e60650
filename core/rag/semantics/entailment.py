"""Checks that a sentence says what its sources say, and not more or the opposite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.languages import every
from core.rag.domain.chunks import sentences
from core.rag.domain.model import Passage
from core.rag.semantics.wording_classes import (
    CLAIMS,
    WordingClasses,
    clauses,
    plain_wording,
    spellings,
)
from core.rag.vectors.lexical import token_set
from core.text.linear_regex import LinearRegex

Polarity = tuple[bool, bool]

_CONDITIONS = CLAIMS["en"]["conditions"]
_CONDITION_SHARE: float = _CONDITIONS["share"]
_CONDITION = re.compile(
    rf"(?<![a-z])(?:{'|'.join(sorted(_CONDITIONS['begin'], key=len, reverse=True))}) ([^,;.!?]++)"
)
_NEAR = 0.34  #: share of a clause's words from which a source's clause speaks of the same
_AS_NEAR = 0.85  #: of the nearest one's share: it may as well be meant

_HOLDING = WordingClasses(*(data["hold"] for data in CLAIMS.values()))
_CUTTING = WordingClasses(*(data["cut"] for data in CLAIMS.values()))
_ALLOWING = WordingClasses(CLAIMS["en"]["told"])
_SECRETS = WordingClasses(*(data["secrets"] for data in CLAIMS.values()))
_DENIES = LinearRegex(*every("claims", "negation", "not"))
_IDIOMS = re.compile("|".join(every("claims", "negation", "idioms")))
_OF_THINGS = re.compile("|".join(every("claims", "negation", "of_things")))


def added(claim: str, passages: Sequence[Passage]) -> tuple[frozenset[str], frozenset[str]]:
    """The classes of wordings that the claim has and its sources have not.

    First those on which no answer goes out, then those that leave a sentence out.
    """
    told = [_told(passage) for passage in passages]
    holding, cutting = _classes(claim)
    return (
        holding - frozenset().union(*(h for h, _ in told)),
        cutting - frozenset().union(*(c for _, c in told)),
    )


def turned_round(claim: str, passages: Sequence[Passage]) -> bool:
    """Whether a clause denies what its source says, or says what its source denies."""
    spoken = [sentence for passage in passages for sentence in _spoken(passage)]
    return any(_opposes(clause, spoken) for clause in clauses(plain_wording(claim)))


def unfounded_condition(claim: str, passages: Sequence[Passage], *, question: str) -> bool:
    """Whether the claim sets a condition of which neither its sources nor the question speak."""
    said = token_set(question).union(*(token_set(f"{p.title}\n{p.text}") for p in passages))
    for condition in _CONDITION.finditer(plain_wording(claim)):
        words = token_set(condition[1])
        if words and len(words & said) < _CONDITION_SHARE * len(words):
            return True
    return False


def secrets_in(plain: str) -> frozenset[str]:
    """The kinds of secrets that a plain wording names."""
    return _SECRETS.of(plain)


def denies(text: str) -> bool:
    """Whether this plain wording has a "not"; idioms that only look like one do not count."""
    return _DENIES.search(_OF_THINGS.sub(" ", _IDIOMS.sub(" ", text)))


def _polarity(text: str) -> Polarity:
    """Whether a plain wording denies, and whether it speaks of things that are not something."""
    return denies(text), _OF_THINGS.search(_IDIOMS.sub(" ", text)) is not None


def _opposes(clause: str, spoken: Sequence[_Spoken]) -> bool:
    words = token_set(clause)
    if not words:
        return False
    mine = _polarity(clause)
    shares = [share for sentence in spoken for share in sentence.shares(words)]
    best = max((share for share, _ in shares), default=0.0)
    if best < _NEAR:
        # What nothing near says is another check's matter, unless it denies something.
        return mine[0] and len(words) > 2 and not any(polarity[0] for _, polarity in shares)
    near = [polarity for share, polarity in shares if share >= _AS_NEAR * best]
    return any(all(polarity[n] != mine[n] for polarity in near) for n in (0, 1))


@lru_cache(maxsize=4096)
def _classes(text: str) -> tuple[frozenset[str], frozenset[str]]:
    forms = list(spellings(text))
    holding = frozenset().union(*(_HOLDING.of(f) | _named(_SECRETS.of(f)) for f in forms))
    return holding, frozenset().union(*map(_CUTTING.of, forms))


def _named(kinds: frozenset[str]) -> frozenset[str]:
    return frozenset(f"secret:{kind}" for kind in kinds)


@lru_cache(maxsize=4096)
def _told(passage: Passage) -> tuple[frozenset[str], frozenset[str]]:
    text = f"{passage.title}\n{passage.heading}\n{passage.text}"
    holding, cutting = _classes(text)
    allowed = _ALLOWING.of(plain_wording(text))
    return holding | allowed, cutting | allowed


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A source's sentence: its words and polarity, and those of its clauses."""

    whole: tuple[frozenset[str], Polarity]
    parts: tuple[tuple[frozenset[str], Polarity], ...]

    def shares(self, words: frozenset[str]) -> list[tuple[float, Polarity]]:
        """How much of these words it says, with its polarity: of one clause where that says it."""
        told, polarity = self.whole
        share = len(words & told) / len(words)
        near = [(len(words & part) / len(words), own) for part, own in self.parts]
        near = [pair for pair in near if pair[0] >= _AS_NEAR * share]
        return near or [(share, polarity)]


@lru_cache(maxsize=4096)
def _spoken(passage: Passage) -> tuple[_Spoken, ...]:
    found = []
    for sentence in dict.fromkeys((passage.title, passage.heading, *sentences(passage.text))):
        if plain := plain_wording(sentence):
            parts = tuple((token_set(c), _polarity(c)) for c in clauses(plain))
            found.append(_Spoken((token_set(plain), _polarity(plain)), parts))
    return tuple(found)
