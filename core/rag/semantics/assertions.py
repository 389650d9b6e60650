"""Parses a passage into assertions: subject, amounts and polarity, clause by clause.

Read for comparing two sources (`groundedness.contradictions`). The words that decide are data
(`config/locales/*/patterns/contradictions.toml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from core.rag.domain.chunks import plain, sentences
from core.rag.domain.model import Passage
from core.rag.semantics.amounts.number_words import EN as NUMBERS_EN
from core.rag.semantics.amounts.quantities import Quantity, quantities
from core.rag.semantics.entailment import denies
from core.rag.semantics.facets import facets
from core.rag.semantics.keywords import EN, KO, Word, forget_matter_words, strong_of, words_of
from core.rag.semantics.statements import is_question
from core.rag.semantics.wording_classes import WordingClasses, clauses, plain_wording

LONGEST = 400  #: characters of a sentence that is compared; a longer one says several things
MOST = 40  #: sentences of a passage
FEW = 3  #: sentences that are an answer to their title
AMOUNTS = 4  #: of a clause; one of more is a table
FIGURES = 8  #: numbers in digits of a sentence
WORDS = 10  #: of weight in a clause; one of more tells a story

_BEGINS = re.compile(r"(?<![가-힣])[가-힣]{2}|\b[a-zß-ɏ]{4}")
_DIGITS = re.compile(r"\d+")
_ORDINAL = re.compile(r"(?<![\d.,:])(\d{1,2})(?:st|nd|rd|th)\b")
_MONTHS = "|".join(NUMBERS_EN["dates"]["short_months"])
_FIRST = re.compile(rf"(?<![\d.,:])1 (?:of )?(?:{_MONTHS})|\b(?:{_MONTHS})[a-z]* 1(?![\d.,:])")
_ITEM = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_CONDITION = re.compile(rf"(?:{'|'.join(map(re.escape, EN['supposes']))})\b")
_FREE_OF = re.compile(r"-free\b|\bfree (?:of|from) (?!charge)")
_OWNER = re.compile(r"\b(hour|day|week|month|year)(?:'s|s')")
_OPENING = re.compile(rf"^({'|'.join((*EN['opening'], *KO['opening']))})[,.!] ?")
_HOW = re.compile(r"\bhow [a-z]+")
_WORKING = re.compile(r"\b(?:working|business|banking|work|calendar) days?\b")
_SAYS = WordingClasses(EN["says"], KO["says"])
_PREDICATES = WordingClasses(EN["predicates"], KO["predicates"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """The subject of a clause: its words, and those of its title or heading."""

    words: tuple[Word, ...]
    strong: tuple[Word, ...]  #: those of weight, each once
    keys: frozenset[str]  #: what they are all compared by
    above: tuple[Word, ...]  #: of weight, of its title, heading or question
    above_keys: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """One clause of a source: its subject, amounts and polarity."""

    text: str  #: the sentence as it is written
    clause: str  #: in plain wording
    whole: str  #: its sentence in plain wording
    above: str  #: the title, heading or question that it stands under
    answers: bool  #: it answers that, and so need not name its matter itself
    letters: frozenset[str] = frozenset()  #: how the words of its sentence and title begin
    amounts: tuple[Quantity, ...] = ()
    denied: bool = False
    free: bool = False  #: that it costs nothing
    paid: bool = False  #: that it costs something

    # Read only of the few that come so far: it takes most of the time.

    @property
    def matter(self) -> Matter | None:
        """What it is about; None where it does not say, or tells a story."""
        says = bool(self.amounts or self.denied or self.free or self.paid)
        return _matter(self.clause, self.whole, self.above, answers=self.answers, says=says)

    @property
    def numbers(self) -> tuple[Quantity, ...]:
        """Those of what stands above it."""
        return _amounts(plain_wording(self.above))

    @property
    def facets(self) -> Mapping[str, frozenset[str]]:
        """The values it names with what stands above it, by facet."""
        said = f"{_HOW.sub('how', self.above.lower())} {self.clause}"
        return facets(_WORKING.sub(" ", said))

    @property
    def predicates(self) -> frozenset[str]:
        """What it says or denies: that it is included, open, allowed."""
        return _predicates(self.clause)


@lru_cache(maxsize=2048)
def assertions(passage: Passage) -> tuple[Assertion, ...]:
    """What the passage says, in order."""
    found: list[Assertion] = []
    titles = f"{passage.title} {passage.heading}"
    above = plain(titles)
    told = sentences(passage.text)[:MOST]
    few = answers = len(told) <= FEW
    for sentence in told:
        if len(sentence) > LONGEST:
            continue
        if is_question(sentence):
            above, answers = plain(f"{titles} {sentence}"), True
            continue
        found += _of_sentence(plain(sentence), above, answers=answers)
        answers = few
    return tuple(found)


def forget_assertions() -> None:
    """Remember no text that was read."""
    for remembered in (assertions, _matter, _amounts, _predicates):
        remembered.cache_clear()
    forget_matter_words()


def _of_sentence(sentence: str, above: str, *, answers: bool) -> Iterator[Assertion]:
    whole = plain_wording(_ITEM.sub("", sentence))
    if len(_DIGITS.findall(whole)) > FIGURES:
        return  # a row of a table
    letters = frozenset(_BEGINS.findall(f"{above.lower()} {whole}"))
    # "Yes, …" is no clause of its own.
    for clause in clauses(_OPENING.sub(r"\1 ", whole)):
        amounts = _amounts(clause)
        if len(amounts) > AMOUNTS or (not amounts and _CONDITION.match(clause)):
            continue  # a table, or what is only supposed
        said = _SAYS.of(clause)
        free = "free" in said and ("free" in _SAYS.of(_FREE_OF.sub(" ", clause)))
        yield Assertion(
            text=sentence,
            clause=clause,
            whole=whole,
            above=above,
            answers=answers,
            letters=letters,
            amounts=amounts,
            # What comes without something is not denied.
            denied=not free and ("no" in said or denies(clause.replace("without ", ""))),
            free=free and "paid" not in said,
            paid="paid" in said,
        )


@lru_cache(maxsize=8192)
def _matter(clause: str, whole: str, above: str, *, answers: bool, says: bool) -> Matter | None:
    own, over = words_of(clause), words_of(above)
    if not strong_of(own) and strong_of(words_of(whole)):
        if not says:
            return None  # "…; please bring your own" says nothing by itself
        own = words_of(whole)
    if not strong_of(own):
        if not answers:
            return None  # of a long text the title says too little
        own = (*own, *over)
    strong = strong_of(own)
    if len(strong) > WORDS:
        return None
    return Matter(
        words=own,
        strong=strong,
        keys=frozenset(word.key for word in own),
        above=strong_of(over),
        above_keys=frozenset(word.key for word in over),
    )


@lru_cache(maxsize=4096)
def _predicates(clause: str) -> frozenset[str]:
    return _PREDICATES.of(clause)


@lru_cache(maxsize=8192)
def _amounts(clause: str) -> tuple[Quantity, ...]:
    """The amounts of a plain wording; days of a month as such."""
    clause = _OWNER.sub(r"\1s", clause)
    days = [Fraction(match[1]) for match in _ORDINAL.finditer(clause)]
    days += [Fraction(1) for _ in _FIRST.finditer(clause)]
    found = list(quantities(_ORDINAL.sub(" ", clause)))
    if any(amount.unit == "month_of_year" for amount in found):
        found = [
            replace(amount, unit="day_of_month")
            if not amount.unit and 1 <= amount.value <= 31
            else amount
            for amount in found
        ]
    return (*found, *(Quantity(value=day, unit="day_of_month") for day in days))
