"""Splits a source into sentences with the features by which an answer's clauses are compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.languages import patterns
from core.rag.domain.chunks import sentences
from core.rag.domain.model import Passage
from core.rag.semantics.alignment import FOUND, Word, found_in, run_together, words
from core.rag.semantics.amounts.quantities import counting_words
from core.rag.semantics.amounts.weekdays import weekdays
from core.rag.semantics.facets import facets
from core.rag.semantics.wording_classes import plain_wording
from core.rag.vectors.lexical import stem, token_set

REPEATS = 0.5  #: share of a clause's words from which it repeats a source's sentence
AS_NEAR = 0.85  #: of the nearest one's share: it may as well be meant
LONGEST = 600  #: characters of a source's sentence that are compared
CANDIDATES = 12  #: sentences that are laid beside a clause, by the tokens that they share

COUNTING = counting_words()

_DATA = patterns("departures")
_CARRYING = frozenset(stem(word) for word in _DATA["en"]["carrying"])
_CARRYING_KO = re.compile(
    f"(?:{'|'.join(_DATA['ko']['carrying'])})(?:{'|'.join(_DATA['ko']['endings'])})*"
)
_ADVERBIAL = re.compile("|".join(_DATA["ko"]["adverbial"]))
_FULL_STOP = re.compile(r"(?<=[.!?]) +(?=[A-Z가-힣])")
_MADE_OF_NOUN = re.compile("^([가-힣]{2,6}?)(?:하|되|할|될|한|된|합|됩|해|돼|했|됐|드)")
_POLITE = re.compile("([가-힣]{2,6}?)으?[시실신셔십세][가-힣]{0,4}")
#: "이십일 일간" is a number, "이부프로펜" is none
_AFTER_UNIT = "(?:간|째|씩|짜리|쯤|정도|이내|이상|이하|미만|마다|까지|부터|당|동안|안|전|후|뒤)*"
_UNITS = "|".join(
    sorted((unit for unit in COUNTING if len(unit) > 1 and unit > "가"), key=len)[::-1]
)
_NUMERAL = re.compile(
    f"[\\d영일이삼사오육칠팔구십백천만억,]+(?:{_UNITS}|원|일|개|분|명|장|년|월|주|달|번|회|시|초|배|살)?{_AFTER_UNIT}"
)
_UNIT = re.compile(f"(?:{_UNITS}|[가-힣]){_AFTER_UNIT}")
_COUNTED = frozenset(
    map(stem, ("second", "minute", "hour", "day", "percent", "euro", "dollar", "won"))
)


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence of a source, with its features."""

    written: str
    text: str  #: its plain wording
    words: tuple[Word, ...]
    keys: frozenset[str]  #: what of its words is compared
    tokens: frozenset[str]
    facets: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, written: str) -> Told:
        """Read one sentence."""
        text = plain_wording(written)[:LONGEST]
        found = words(text)
        keys = frozenset(word.key for word in found)
        return cls(written, text, found, keys, token_set(text), facets(text))


@lru_cache(maxsize=4096)
def told_by(passage: Passage) -> tuple[Told, ...]:
    """The sentences of a passage."""
    # A number before the full stop holds two sentences together; here they are two.
    lines = dict.fromkeys(p for line in sentences(passage.text) for p in _FULL_STOP.split(line))
    return tuple(Told.of(line) for line in lines if line.strip())


def nearest(clause: str, told: Sequence[Told]) -> list[Told]:
    """The sentences that the clause repeats, as far as it repeats any."""
    mine, tokens = words(clause), token_set(clause)
    if not mine:
        return []
    candidates = sorted(told, key=lambda one: len(one.tokens & tokens), reverse=True)[:CANDIDATES]
    shares = [(share_found(mine, one.text, one.words), one) for one in candidates]
    best = max((share for share, _ in shares), default=0.0)
    return [one for share, one in shares if share >= max(REPEATS, AS_NEAR * best)]


def telling(found: Sequence[Word]) -> Iterator[Word]:
    """The words that say something of their own; numbers and days are compared elsewhere."""
    counted = False
    for word in found:
        unit = counted and (word.key in COUNTING or bool(_UNIT.fullmatch(word.key)))
        counted = word.kind == "number" or word.written == "half"
        if not (counted or unit or _carries(word) or weekdays(word.written.title())):
            yield word


def stands_in(word: Word, there: Sequence[Word], text: str) -> bool:
    """Whether a text has the word, or the noun from which a Korean verb is made (대출되다)."""
    if found_in(word, there, text) >= FOUND:
        return True
    if word.kind != "ko":
        return False
    noun = _MADE_OF_NOUN.match(word.key)
    return (noun is not None and noun[1] in run_together(text)) or _politely(word, there)


def _politely(word: Word, there: Sequence[Word]) -> bool:
    """Whether a text has the verb that is put politely here: 피우실, 피울."""
    polite = _POLITE.fullmatch(word.key)
    if polite is None:
        return False
    stem_ = unicodedata.normalize("NFD", polite[1])
    return any(unicodedata.normalize("NFD", other.key).startswith(stem_) for other in there)


def named(word: Word, told: Mapping[str, frozenset[str]]) -> bool:
    """Whether a source with these facets says the same by another word: kids, children."""
    return any(
        values & told.get(name, frozenset()) for name, values in facets(word.written).items()
    )


def share_found(wanted: Sequence[Word], text: str, there: Sequence[Word] | None = None) -> float:
    """How many of these words a text has, 0 to 1."""
    there = words(text) if there is None else there
    return sum(found_in(word, there, text) >= FOUND for word in wanted) / len(wanted)


def _carries(word: Word) -> bool:
    if word.kind == "en":
        return word.key in _CARRYING or word.key in _COUNTED
    carried = _CARRYING_KO.fullmatch(word.key) or _NUMERAL.fullmatch(word.key)
    return bool(carried or _ADVERBIAL.search(word.written))
