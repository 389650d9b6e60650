"""Takes a sentence apart into its cases: a piece for each amount, day or "free" that it names.

"The frame is covered for ten years and the fabric for two" has two cases, each with its own words;
an answer that ties one's amount to the other's words says something else.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.languages import every
from core.rag.semantics.alignment import FOUND, Word, found_in, words
from core.rag.semantics.amounts.quantities import MONEY, quantities
from core.rag.semantics.amounts.weekdays import weekdays
from core.rag.semantics.source_sentences import COUNTING, stands_in, telling
from core.rag.semantics.wording_classes import clauses

_FREE = re.compile("|".join(every("departures", "free")))
AND = re.compile("|".join(every("departures", "and")))


@dataclass(frozen=True, slots=True)
class Case:
    """A piece of a sentence with the amounts and days that are said of it."""

    text: str
    values: Counter[str]
    kinds: frozenset[str]
    words: tuple[Word, ...]

    def holds(self, values: Counter[str]) -> bool:
        """Whether all these are said of it, each as often."""
        return values <= self.values


def other_case(claim: str, told: str, about: Sequence[Word], topic: str) -> bool:
    theirs = _cases(told)
    if len(theirs) < 2 and not (theirs and sum(theirs[0].values.values()) > 1):
        return False
    return any(_is_of_another(mine, theirs, about, topic) for mine in _cases(claim))


@lru_cache(maxsize=4096)
def _cases(text: str) -> tuple[Case, ...]:
    """The cases of a plain wording; what names nothing goes with what stands before it."""
    pieces: list[str] = []
    for clause in clauses(text):
        parts = AND.split(clause)
        # "Mondays and Thursdays at 4 pm" is one time, "ten lessons and 120 francs" are two.
        split = len(parts) > 1 and all(_values(part)[0] for part in parts)
        pieces += parts if split and all(quantities(part) for part in parts) else [clause]
    cases: list[str] = []
    open_ = ""
    for piece in pieces:
        if _values(piece)[0]:
            cases.append(f"{open_} {piece}".strip())
            open_ = ""
        elif cases:
            cases[-1] += f", {piece}"
        else:
            open_ = f"{open_} {piece}".strip()
    return tuple(Case(case, *_values(case), words(case)) for case in cases)


def _values(text: str) -> tuple[Counter[str], frozenset[str]]:
    """The amounts, days and "free" in a text, with the kinds of the amounts."""
    amounts = quantities(text)
    found = Counter(f"{amount.value * amount.scale} {amount.unit}" for amount in amounts)
    found.update(dict.fromkeys((f"day {day}" for day in weekdays(text.title())), 1))
    kinds = {"money" if amount.unit in MONEY else amount.unit for amount in amounts}
    if _FREE.search(text):
        found["free"] += 1
        kinds.add("money")
    return found, frozenset(kinds)


def _is_of_another(mine: Case, theirs: Sequence[Case], about: Sequence[Word], topic: str) -> bool:
    """Whether its values are said of another case there, or of none."""
    everything = sum((case.values for case in theirs), Counter[str]())
    if not set(mine.values) <= set(everything):
        return False  # not this sentence's values: other checks look for them
    own = [case for case in theirs if case.holds(mine.values)]
    if not own:
        if any(mine.values <= together for together in _together(theirs)):
            return False
        alike = sum(mine.kinds <= case.kinds for case in theirs) > 1
        return sum(mine.values.values()) > 1 and (len(mine.kinds) == 1 or alike)
    subject = next(_marks(theirs[0]), None)
    return all(
        _is_not(mine, case, theirs, subject, about, topic) or _is_more(mine, case, theirs, subject)
        for case in own
    )


def _together(cases: Sequence[Case]) -> Iterator[Counter[str]]:
    """The values of each case with those that only go on with it: from 8, and to 10."""
    values: Counter[str] = Counter()
    kinds: frozenset[str] = frozenset()
    for case in cases:
        goes_on = next(_marks(case), None) is None and len(case.kinds) == 1 and case.kinds == kinds
        values, kinds = (values + case.values if goes_on else case.values), case.kinds
        yield values


def _marks(case: Case, cases: Sequence[Case] = ()) -> Iterator[Word]:
    """The words by which a case is told from the others.

    What stands behind the last amount of all may be said of all of them: "up to 8 kilograms and
    20 cm on board".
    """
    ends = [at for at, word in enumerate(case.words) if _counts(word)]
    last = bool(ends) and bool(cases) and case is cases[-1] and not _FREE.search(case.text)
    found = case.words[: ends[-1] + 1] if last else case.words
    return (word for word in telling(found) if not _FREE.fullmatch(word.written))


def _counts(word: Word) -> bool:
    return word.kind == "number" or word.key in COUNTING or bool(weekdays(word.written.title()))


def _is_more(mine: Case, case: Case, theirs: Sequence[Case], subject: Word | None) -> bool:
    """Whether it is said of the sentence's subject, and there of a case of it only.

    Of "an exchange costs 2 euros; with the card it is free" no exchange is free; nor is it of
    "free from 50,000 won".
    """
    limits = [value for value in case.values if value.partition(" ")[2]]
    if "free" in mine.values and any(value not in mine.values for value in limits):
        return True
    if subject is None or case is theirs[0]:
        return False
    marks = [word for word in _marks(case) if word.key != subject.key]
    return (
        bool(marks)
        and found_in(subject, mine.words, mine.text) >= FOUND
        and all(found_in(word, mine.words, mine.text) < FOUND for word in marks)
    )


def _is_not(
    mine: Case,
    case: Case,
    theirs: Sequence[Case],
    subject: Word | None,
    about: Sequence[Word],
    topic: str,
) -> bool:
    """Whether it speaks of another of these cases than this one."""
    others = [other for other in theirs if other is not case and not other.holds(mine.values)]
    own = list(_marks(case))
    marks = own or ([subject] if subject else [])
    # What all cases are about tells none of them from the first, unless they name their own.
    shared = {subject.key} if subject and not own else set[str]()
    lacks = any(
        found_in(word, mine.words, mine.text) < FOUND and not stands_in(word, about, topic)
        for word in marks
    )
    for other in others:
        strange = [
            word
            for word in _marks(other, theirs)
            if not stands_in(word, case.words, case.text) and word.key not in shared
        ]
        said = [word for word in strange if found_in(word, mine.words, mine.text) >= FOUND]
        # What the first case names first may be what all of them are about.
        told = [word for word in strange if word.key != (subject and subject.key)]
        first = other is theirs[0] and bool(own)
        whole = bool(told) and not first and all(word in said for word in told)
        if said and (lacks or (whole and not other.values & mine.values)):
            return True
    return False
