"""Facets: attributes with few values (weekday, before or after, with or without).

The values and their words are data (`config/locales/*/patterns/facets.toml`), named alike in every
language: a Korean Saturday is not an English Sunday either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from config.languages import every, patterns
from core.rag.semantics.alignment import FOUND, Word, found_in, marked, run_together, words
from core.rag.semantics.amounts.quantities import quantities
from core.rag.semantics.negation import denials, denied_otherwise, turned_by_prefix
from core.rag.vectors.lexical import stem
from core.text.folding import compatible

PRESENCE, WITHOUT = "presence", "without"
LOOSE = frozenset({"action", "asked"})  #: said in so many ways that another value tells little
TELLING = frozenset({"animal", "document", "part_of_day", "size", "weekday"})
"""Of these a source names no value beside the point."""
SEVERAL_DAYS = frozenset({"holiday", "weekday", "weekend"})
LONGEST = 600  #: characters that are looked at

Values = Mapping[str, frozenset[str]]

_WITH = tuple(map(re.compile, every("presence", "with")))
_WITHOUT = tuple(map(re.compile, every("presence", "without")))
_INSTEAD = tuple(map(re.compile, every("presence", "instead")))
_ENGLISH = re.compile(r"[a-z]+(?:'[a-z]+)?(?:/o?)?|[£$€]|\d+")


def _english(text: str) -> list[str]:
    return [stem(word) for word in _ENGLISH.findall(text)]


def _said(raw: Mapping[str, Mapping[str, list[str]]]) -> Iterator[tuple[str, tuple[str, str]]]:
    for facet, values in raw.items():
        for value, wordings in values.items():
            for wording in wordings:
                yield wording, (facet, value)


_LISTS = patterns("facets")
_PHRASES: dict[tuple[str, ...], set[tuple[str, str]]] = {}
for _wording, _value in _said(_LISTS["en"]):
    _PHRASES.setdefault(tuple(_english(_wording)), set()).add(_value)
_LONGEST_PHRASE = max(map(len, _PHRASES))
_KOREAN = tuple(_said(_LISTS["ko"]))


@lru_cache(maxsize=20_000)
def facets(text: str) -> Values:
    """The values that a text names, by facet."""
    plain = compatible(text[:LONGEST]).lower().replace("’", "'")
    found: dict[str, set[str]] = {}
    words = _english(plain)
    taken = [False] * len(words)
    for length in range(_LONGEST_PHRASE, 0, -1):
        for at in range(len(words) - length + 1):
            if any(taken[at : at + length]):
                continue
            for facet, value in _PHRASES.get(tuple(words[at : at + length]), ()):
                found.setdefault(facet, set()).add(value)
                if length > 1:
                    # "how long" is a duration, and "long" alone then says nothing more.
                    taken[at : at + length] = [True] * length
    for wording, (facet, value) in _KOREAN:
        if wording in plain:
            found.setdefault(facet, set()).add(value)
    return {facet: frozenset(values) for facet, values in found.items()}


def facet_signals(asked: str, known: str, source: str = "") -> Mapping[str, float]:
    """How many facets clash, and how many only one of the two names; for the confidence."""
    mine, theirs, told = facets(asked), facets(known), facets(source)
    clashes: list[str] = []
    new = lost = 0
    for facet in (mine.keys() | theirs.keys()) - {PRESENCE}:
        a, b = mine.get(facet, frozenset()), theirs.get(facet, frozenset())
        if a and b:
            # "The bike on the bus" and "the bike on the train" share the bike.
            apart = not a & b or (facet not in LOOSE and bool(a - b and b - a))
            clashes += [facet] if apart else []
        elif a:
            new += not a <= told.get(facet, frozenset())
            clashes += [facet] if _told_of_another(facet, a, told) else []
        else:
            lost += 1
    loosely = sum(facet in LOOSE for facet in clashes)
    negated = [WITHOUT in found.get(PRESENCE, frozenset()) for found in (mine, theirs)]
    return {
        "facets_clash": float(len(clashes) - loosely + _turned(asked, known)),
        "loose_clash": float(loosely),
        "facets_new": float(new),
        "facets_lost": float(lost),
        "one_without": float(negated[0] != negated[1]),
    }


def _told_of_another(facet: str, asked: frozenset[str], told: Values) -> bool:
    """Whether the source names another value alone, and so speaks of that: "on Tuesdays" beside
    "on Fridays?". Of days only where it names one: "Monday to Friday" has Wednesday in it.
    """
    others = told.get(facet, frozenset())
    if facet not in TELLING or not others or asked & others:
        return False
    return facet != "weekday" or (len(others) == 1 and not (asked | others) & SEVERAL_DAYS)


def other_value(asked: str, known: str, source: str) -> bool:
    """Whether each names another value of one facet, and the source has not the asked one either.

    Stricter than a clash of two questions: a follow-up asks of what was just given.
    """
    mine, theirs, told = facets(asked), facets(known), facets(source)
    return any(
        not mine[facet] & theirs[facet] and not mine[facet] <= told.get(facet, frozenset())
        for facet in mine.keys() & theirs.keys() - {PRESENCE, *LOOSE}
    )


def _turned(asked: str, known: str) -> bool:
    return (
        _turned_round(asked, known)
        or denied_otherwise(asked, known)
        or turned_by_prefix(asked, known)
        or _in_its_place(asked, known)
        or _in_its_place(known, asked)
    )


def _in_its_place(one: str, other: str) -> bool:
    """Whether one wants something in place of what the other asks of: "cash instead of card"."""
    beside = words(other)
    unwanted, rest = _replaced(one)
    if not unwanted or all(found_in(word, beside, other) >= FOUND for word in rest):
        return False
    kept = {word.key for word in _replaced(other)[0]}
    return any(w.key not in kept and found_in(w, beside, other) >= FOUND for w in unwanted)


@lru_cache(maxsize=20_000)
def _replaced(text: str) -> tuple[Sequence[Word], Sequence[Word]]:
    """What a text does not want, card of "cash instead of card", and what else it says."""
    rest = plain = compatible(text[:LONGEST]).lower()
    for way in _INSTEAD:
        rest = way.sub(" ", rest)
    return _named(_INSTEAD, plain), words(rest)


def _turned_round(asked: str, known: str) -> bool:
    """Whether one of the two is with what the other is without: a bed with, a bed without drawers.

    Both have to say so in so many words; what one does not mention may be said in another way.
    """
    mine, theirs = _having(asked), _having(known)
    return bool(mine[0] & theirs[1] - mine[1]) or bool(mine[1] & theirs[0] - theirs[1])


@lru_cache(maxsize=20_000)
def _having(text: str) -> Sequence[frozenset[str]]:
    """What a text is with, and what it is without."""
    plain = compatible(text[:LONGEST]).lower()
    return tuple(frozenset(w.key for w in _named(ways, plain)) for ways in (_WITH, _WITHOUT))


def _named(ways: Sequence[re.Pattern[str]], plain: str) -> Sequence[Word]:
    found = (match.group(1) for way in ways for match in way.finditer(plain))
    return [word for name in found for word in words(name)]


def forget_comparisons() -> None:
    """Remember no text that was compared."""
    for remembered in (
        words,
        marked,
        run_together,
        facets,
        _having,
        _replaced,
        denials,
        quantities,
    ):
        remembered.cache_clear()
