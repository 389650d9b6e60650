"""Checks that an answer's numbers count what they count in the source's sentence."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from config.languages import patterns
from core.rag.semantics.alignment import Word, words
from core.rag.semantics.source_sentences import COUNTING, Told, named, share_found, telling
from core.rag.vectors.lexical import stem

KEEPS = 0.5  #: share of a case's words that are enough of it

Counts = Mapping[str, frozenset[str]]

_UNITS = frozenset(map(stem, ("second", "minute", "hour", "day", "week", "month", "year")))
_UNITS_KO: Sequence[str] = patterns("departures")["ko"]["units"]
_UNIT_KO = re.compile(f"(?:영업)?({'|'.join(_UNITS_KO)})")
_CONVERTED = _UNITS | frozenset(_UNITS_KO)
_SIGNED = frozenset(
    map(stem, ("euros", "dollars", "won", "usd", "eur", "krw", "percent", "pounds", "francs"))
)
_MONEY = re.compile(
    r"[€$£₩] ?(\d[\d,.]*+)"
    r"|(?<![\d,.])(\d[\d,.]*+) ?(?:€|euros?|dollars?|pounds?|francs?|pesos?|yuan|won|원)"
)
_SHARE = re.compile(r"(?<!\d)\d++ ?(?:%|percent\b)")  # half is 50 %, so it is compared elsewhere


def other_count(clause: str, told: Told) -> bool:
    """Whether a number of the source counts another thing here, or a thing has another's number."""
    mine, theirs = words(clause), _counts(told.words)
    keys = {word.key for word in mine}
    return any(
        _swapped(number, thing, told, theirs) or _misplaced(number, thing, keys, told, theirs)
        for number, thing in _pairs(words(_SHARE.sub(" ", clause)))
    )


def _swapped(number: str, thing: Word, told: Told, theirs: Counts) -> bool:
    """Whether the sentence has this thing, and has it with other numbers."""
    if thing.key in _CONVERTED:
        # Two weeks may be fourteen days; of one unit the numbers have to be the same.
        counting = [n for n, things in theirs.items() if thing.key in things]
        return number in told.keys and bool(counting) and number not in counting
    return thing.key in told.keys and number not in told.keys and number != "1"


def _misplaced(number: str, thing: Word, keys: Collection[str], told: Told, theirs: Counts) -> bool:
    """Whether the sentence has this number of something that is not named here."""
    return (
        number in theirs
        and thing.kind == "en"
        and thing.key not in COUNTING
        and thing.key not in theirs[number]
        and not named(thing, told.facets)
        and theirs[number].isdisjoint({*keys, *_SIGNED})
    )


def other_unit(clause: str, told: Told) -> bool:
    """Whether it names a unit without a number ("the first hour"), and the sentence another."""
    before = ""
    for word in words(clause):
        bare = word.key in _UNITS and before not in ("number", "half")
        if bare and word.key not in told.keys and told.keys & _UNITS:
            return True
        before = "half" if word.written == "half" else word.kind
    return False


def other_case(clause: str, asked: str, told: Told) -> bool:
    """Whether an amount is told of another of a sentence's cases, or of none.

    Of "35 euros online and 60 euros at the gate" each amount goes with its own words.
    """
    cases = [(number, list(telling(words(text)))) for number, text in prices(told.text)]
    if len(cases) < 2:
        return False
    for number, beside in prices(clause):
        own = [case for n, case in cases if n == number and case]
        others = [case for n, case in cases if n != number and case]
        if not own:
            continue
        mine = max(share_found(case, beside) for case in own)
        theirs = max((share_found(case, beside) for case in others), default=0.0)
        if theirs > mine or all(share_found(case, asked) < KEEPS for case in own):
            return True
    return False


def prices(text: str) -> Iterator[tuple[str, str]]:
    """The amounts of money in a text, each with the words of its case: behind it, as in English,

    or before it, as in Korean.
    """
    found = list(_MONEY.finditer(text))
    edges = [0, *(edge for match in found for edge in match.span()), len(text)]
    for at, match in enumerate(found):
        number = next(group for group in match.groups() if group).replace(",", "")
        begin = 2 * at if match.group().endswith("원") else 2 * at + 2
        yield number, text[edges[begin] : edges[begin + 1]]


def _counts(found: Sequence[Word]) -> Counts:
    """What each number counts."""
    counts: dict[str, frozenset[str]] = {}
    for number, thing in _pairs(found):
        counts[number] = counts.get(number, frozenset()) | {thing.key}
    return counts


def _pairs(found: Sequence[Word]) -> Iterator[tuple[str, Word]]:
    """Each number with the word behind it; parts of a number in words have none."""
    before = ""
    for number, thing in pairwise(found):
        part = before == "number" and number.written.isalpha()
        if number.kind == "number" and thing.kind != "number" and not part:
            unit = _UNIT_KO.match(thing.key) if thing.kind == "ko" else None
            if unit:
                yield number.key, replace(thing, key=unit[1])
            elif thing.kind == "en" or len(thing.key) == 1:
                yield number.key, thing
        before = number.kind
