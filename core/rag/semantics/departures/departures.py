"""Finds where a sentence departs from the one sentence of its sources that it repeats.

A model that means well paraphrases; one that is led, or slips, changes a word: another subject,
another unit, the other of two opposites, a condition left out. Such a sentence shares nearly all
of its words with a source, so shares tell nothing. Here each clause is laid beside the source's
sentence nearest to it, and what is not the same has to be innocent: said elsewhere under the same
title, asked by the customer, or a word that only carries others
(`config/locales/LANGUAGE/patterns/departures.toml`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest

from config.languages import every, patterns
from core.rag.domain.model import Passage
from core.rag.semantics.alignment import FOUND, Word, found_in, words
from core.rag.semantics.amounts.weekdays import weekdays
from core.rag.semantics.counted_things import other_case, other_count, other_unit, prices
from core.rag.semantics.departures.bindings import (
    forbids_otherwise,
    other_object,
    other_parcel,
    untied,
)
from core.rag.semantics.dropped_conditions import unconditional
from core.rag.semantics.entailment import denies
from core.rag.semantics.facets import LOOSE, facets
from core.rag.semantics.source_sentences import (
    AS_NEAR,
    LONGEST,
    REPEATS,
    Told,
    named,
    nearest,
    share_found,
    stands_in,
    telling,
    told_by,
)
from core.rag.semantics.wording_classes import WordingClasses, clauses, plain_wording
from core.text.autolinks import without_addresses

MOST_SENTENCES = 200  #: of the sources
MOST_PARTS = 30  #: of a sentence
MOST_WORDS = 80  #: that tell something; no honest sentence has more

_TABLES = [table["opposites"] for table in patterns("departures").values()]
_OPPOSITES = [
    WordingClasses(*(table.get(name, {}) for table in _TABLES))
    for name in sorted(frozenset().union(*_TABLES))
]
_PURPOSE = [re.compile(pattern) for pattern in every("departures", "purpose")]
_WE = re.compile("|".join(every("departures", "we")))
_IDEOGRAPHS = re.compile("[\u4e00-\u9fff]")
_AND = re.compile(r" and |(?<=[있없하되이었했됐][고며]) ")
_PLACED = frozenset({"weekday", "month", "unit", "asked"}) | LOOSE


def departs(claim: str, passages: Sequence[Passage], *, question: str = "", said: str = "") -> str:
    """What makes the sentence another one than its sources', "" where nothing does.

    `said` is what the answer says before it: a condition may stand there.
    """
    told = [sentence for passage in passages for sentence in told_by(passage)][:MOST_SENTENCES]
    topic = " ".join((question[:LONGEST], *(f"{p.title} {p.heading}" for p in passages)))
    if not told:
        return ""
    return next((why for why in _departures(claim, told, topic, said[:LONGEST])), "")


def _departures(claim: str, told: Sequence[Told], topic: str, said: str) -> Iterator[str]:
    whole = plain_wording(without_addresses(claim))
    if len(_parts(whole)) > MOST_PARTS or len(list(telling(words(whole)))) > MOST_WORDS:
        yield "long"
    there = list(dict.fromkeys((*(w for one in told for w in one.words), *words(topic))))
    everywhere = " ".join([topic, *(sentence.text for sentence in told)])
    if frozenset(_IDEOGRAPHS.findall(whole)) - frozenset(_IDEOGRAPHS.findall(everywhere)):
        yield "ideograph"
    yield from (f"word {word.written}" for word in _novel(words(whole), there, everywhere))
    yield from (f"purpose {word.written}" for word in _novel(_purposes(whole), there, everywhere))
    asked = f"{said} {whole} {topic}"
    for clause in clauses(whole):
        near = nearest(clause, told)
        if near and all(unconditional(clause, asked, sentence) for sentence in near):
            yield "condition"
        if near and all(other_case(clause, asked, sentence) for sentence in near):
            yield "case"
        for part in _AND.split(clause):
            near = nearest(part, told)
            faults = [_fault(part, sentence, told, topic) for sentence in near]
            if faults and all(faults):
                yield faults[0]
            if near and all(_other_part(part, sentence) for sentence in near):
                yield "part"
            if near and all(_other_party(part, sentence, topic) for sentence in near):
                yield "party"
    for part in _parts(without_addresses(claim)):
        near = nearest(plain_wording(part), told) if weekdays(part) else []
        if near and not any(_same_days(part, sentence) for sentence in near):
            yield "days"
    if forbids_otherwise(whole, told):
        yield "forbids"
    if other_object(whole, told) or other_parcel(claim, told):
        yield "object"
    near = nearest(whole, told)
    if tied := untied(whole, near, topic):
        yield tied
    if near and all(_excluded(whole, sentence.text) for sentence in near):
        yield "opposite"


def _fault(clause: str, told: Told, others: Sequence[Told], topic: str) -> str:
    """What makes the clause another one than this sentence, "" where nothing does."""
    if _opposed(clause, told):
        return "opposite"
    if len(clauses(told.text)) == 1 and denies(clause) != denies(told.text):
        return "denial"
    if _WE.search(clause) and not _WE.search(told.text):
        return "we"
    if _spliced(clause, told, others, topic):
        return "spliced"
    if other_count(clause, told):
        return "count"
    return "unit" if other_unit(clause, told) else ""


def _other_part(part: str, told: Told) -> bool:
    """Whether the part of the sentence that speaks of this says it of something else.

    Of "the vaccination costs 62 euros and the passport 15" each part is a statement of its own.
    """
    parts = _parts(told.text)
    mine = words(part)
    if len(parts) < 2 or not mine:
        return False
    telling_words = list(telling(mine)) or list(mine)
    shares = [share_found(telling_words, said) for said in parts]
    best = max(shares)
    if best < REPEATS:
        return False
    near = [said for said, share in zip(parts, shares, strict=True) if share >= AS_NEAR * best]
    numbers = {word.key for word in mine if word.kind == "number"}
    if any(numbers and numbers <= _numbers(p) and not [*telling(words(p))] for p in parts):
        return False  # "a course has ten lessons and costs 120": what it costs is the course
    return all(
        _excluded(part, said) or denies(part) != denies(said) or _other_number(numbers, said, told)
        for said in near
    )


def _other_party(part: str, told: Told, topic: str) -> bool:
    """Whether what one part of the sentence says is said of what another part speaks of.

    Of "free for members; others pay 4,000" nothing is free for others.
    """
    parts = _parts(told.text)
    mine, about = words(part), words(topic)
    amounts = {number for number, _ in prices(part)}
    own = [*telling(mine), *(word for word in mine if word.key in amounts)]
    if len(parts) < 2 or len(own) < 2:
        return False
    shares = [share_found(own, said) for said in parts]
    best = max(shares)
    if best < REPEATS:
        return False
    near = [at for at, share in enumerate(shares) if share >= AS_NEAR * best]
    others = [word for word in own if not stands_in(word, about, topic)]
    return all(
        any(
            not stands_in(word, words(parts[at]), parts[at])
            and any(stands_in(word, words(p), p) for n, p in enumerate(parts) if n != at)
            for word in others
        )
        and any(found_in(word, mine, part) < FOUND for word in telling(words(parts[at])))
        for at in near
    )


def _other_number(numbers: Collection[str], said: str, told: Told) -> bool:
    """Whether a part has other numbers than these, which another part of the sentence has."""
    theirs = _numbers(said)
    return (
        bool(theirs and numbers)
        and theirs.isdisjoint(numbers)
        and not told.keys.isdisjoint(numbers)
    )


def _numbers(text: str) -> set[str]:
    return {word.key for word in words(text) if word.kind == "number"}


def _novel(claimed: Sequence[Word], there: Sequence[Word], text: str) -> Iterator[Word]:
    """Words that stand in no source and not in the question, and do not merely carry others."""
    told = facets(text[:LONGEST])
    for word in telling(claimed):
        if not stands_in(word, there, text) and not named(word, told):
            yield word


def _purposes(text: str) -> list[Word]:
    """What those want to do to whom a Korean sentence speaks (해지하시려면)."""
    return [word for pattern in _PURPOSE for m in pattern.finditer(text) for word in words(m[1])]


def _opposed(clause: str, told: Told) -> bool:
    """Whether one says the one and the other the other of values that exclude each other."""
    if _excluded(clause, told.text):
        return True
    return any(
        theirs and not values & theirs
        for name, values in facets(clause).items()
        if name not in _PLACED and (theirs := told.facets.get(name, frozenset()))
    )


def _excluded(clause: str, told: str) -> bool:
    told = plain_wording(told)
    pairs = [(classes.of(clause), classes.of(told)) for classes in _OPPOSITES]
    return any(mine and theirs and not mine & theirs for mine, theirs in pairs)


def _spliced(clause: str, told: Told, others: Sequence[Told], topic: str) -> bool:
    """Whether a word of another sentence stands where this one has its own."""
    mine, about = words(clause), words(topic)
    own = list(telling(mine))
    # "Members add people under Team > Members": what the sentence says once is said twice.
    told_keys = Counter(word.key for word in told.words)
    often = {key for key, n in Counter(w.key for w in own).items() if n > told_keys[key] > 0}
    saying_so = [other for other in others if denies(other.text) == denies(clause)]
    alien = any(
        not stands_in(word, about, topic)
        and (
            word.key in often
            or not (stands_in(word, told.words, told.text) or named(word, told.facets))
        )
        and not any(_together(word, following, other) for other in saying_so)
        for word, following in zip_longest(own, own[1:])
    )
    return alien and any(found_in(word, mine, clause) < FOUND for word in told.words)


def _together(word: Word, following: Word | None, told: Told) -> bool:
    """Whether a sentence has both: nouns that Korean sets side by side belong together."""
    return (
        following is not None
        and word.kind == "ko"
        and word.written == word.key
        and all(found_in(one, told.words, told.text) >= FOUND for one in (word, following))
    )


def _same_days(part: str, told: Told) -> bool:
    """Whether a part of the source's sentence says the same of these weekdays.

    A run of three or more has to be just that run.
    """
    mine, plain = weekdays(part), plain_wording(part)
    for said in _parts(told.written):
        theirs = weekdays(said)
        if (mine == theirs or (len(mine) < 3 and mine <= theirs)) and not _excluded(plain, said):
            return True
    return False


def _parts(text: str) -> list[str]:
    return [part for clause in clauses(text) for part in _AND.split(clause)]
