"""Checks that what a sentence ties together is tied together in its source, too.

"The frame is covered for ten years and the fabric for two" ties each period to its part, "we pay
you" ties the payer to the paid. A sentence of the same words with other ties says something else,
so the source's sentence is taken apart into cases: a piece for each amount or day that it names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.languages import every, patterns
from core.rag.semantics.alignment import FOUND, Word, found_in, words
from core.rag.semantics.amounts.quantities import MONEY, Quantity, agrees, quantities
from core.rag.semantics.amounts.weekdays import weekdays
from core.rag.semantics.entailment import denies
from core.rag.semantics.source_sentences import COUNTING, Told, share_found, stands_in, telling
from core.rag.semantics.wording_classes import clauses
from core.rag.vectors.lexical import stem

SAME = 0.7  #: share of a clause's words, both ways, from which two clauses are one
RELATIVE = frozenset({"ratio", "fold", "times"})  #: amounts of another amount: ten times, 10 %

_DATA = patterns("departures")
_FREE = re.compile("|".join(every("departures", "free")))
_AND = re.compile(r" (?:and|or) |(?<=[있없하되이었했됐내][고며]) ")
_ACTS = re.compile(_DATA["en"]["acts"])
_ONLY = re.compile("|".join(every("departures", "only")))
_SIZE = re.compile(r"\d ?[x×] ?\d")
_PERIOD = re.compile(_DATA["en"]["period"])
_ADVERBS: Mapping[str, str] = _DATA["en"]["periodic"]
_PERIODIC = re.compile(rf"\b(?:{'|'.join(_ADVERBS)})\b")
_PERIOD_KO = re.compile(_DATA["ko"]["period"])
_TOPIC_KO = re.compile(r"(?:^| )([가-힣]{2,8})[은는] ")
_PAST: Mapping[str, str] = _DATA["en"]["past"]
_BARE_PASSIVE = re.compile(_DATA["en"]["passive"])
_MAY_PASSIVE = re.compile(_DATA["en"]["may_passive"])


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


def untied(claim: str, near: Sequence[Told], topic: str) -> str:
    """What the sentence ties otherwise than each of the source's sentences near to it; "" else."""
    faults = [_untied(claim, told, topic) for told in near]
    return faults[0] if faults and all(faults) else ""


def _untied(claim: str, told: Told, topic: str) -> str:
    if _other_agent(claim, told.text):
        return "agent"
    if _no_longer_optional(claim, told.text):
        return "may"
    if _turned_clause(claim, told.text):
        return "turned"
    if _whole_for_a_share(claim, told.text):
        return "share"
    if _other_period(claim, told.text, topic):
        return "period"
    if _other_topic(claim, told.text):
        return "topic"
    if _fewer_limits(claim, told.text):
        return "only"
    return "case" if _other_case(claim, told.text, words(topic), topic) else ""


@lru_cache(maxsize=4096)
def _cases(text: str) -> tuple[Case, ...]:
    """The cases of a plain wording; what names nothing goes with what stands before it."""
    pieces: list[str] = []
    for clause in clauses(text):
        parts = _AND.split(clause)
        # "Mondays and Thursdays at 4 pm" is one time, "ten lessons and 120 francs" are two.
        split = len(parts) > 1 and all(_values(part)[0] for part in parts)
        pieces += parts if split and all(_amounts(part) for part in parts) else [clause]
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
    amounts = _amounts(text)
    found = Counter(f"{amount.value * amount.scale} {amount.unit}" for amount in amounts)
    found.update(dict.fromkeys((f"day {day}" for day in weekdays(text.title())), 1))
    kinds = {"money" if amount.unit in MONEY else amount.unit for amount in amounts}
    if _FREE.search(text):
        found["free"] += 1
        kinds.add("money")
    return found, frozenset(kinds)


def _amounts(text: str) -> tuple[Quantity, ...]:
    return quantities(text)


def _other_case(claim: str, told: str, about: Sequence[Word], topic: str) -> bool:
    theirs = _cases(told)
    if len(theirs) < 2 and not (theirs and sum(theirs[0].values.values()) > 1):
        return False
    return any(_is_of_another(mine, theirs, about, topic) for mine in _cases(claim))


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


def _whole_for_a_share(claim: str, told: str) -> bool:
    """Whether it leaves out that only a part, or a multiple, of something is meant."""
    for clause in clauses(told):
        if _SIZE.search(clause) or not _relative(clause):
            continue
        said = list(telling(words(clause)))
        for mine in clauses(claim):
            if len(said) > 1 and not _relative(mine) and share_found(said, mine) >= SAME:
                return True
    return False


def _relative(clause: str) -> bool:
    return any(amount.unit in RELATIVE for amount in quantities(clause))


def _other_period(claim: str, told: str, topic: str) -> bool:
    """Whether it leaves out, or exchanges, how often an amount of money falls due."""
    mine, theirs = _periods(claim), _periods(told)
    if mine and theirs and mine.isdisjoint(theirs):
        return True
    if mine or not theirs or _periods(topic):
        return False
    for clause in clauses(told):
        if not _periods(clause):
            continue
        due = {(amount.value, amount.unit) for amount in quantities(clause) if amount.unit in MONEY}
        if any((amount.value, amount.unit) in due for amount in quantities(claim)):
            return True
    return False


@lru_cache(maxsize=4096)
def _periods(text: str) -> frozenset[str]:
    """The periods that it names, "2 week" for every two weeks; Korean ones by their own words."""
    found = set()
    for match in _PERIOD.finditer(text):
        number = next((w.key for w in words(match["number"] or "") if w.kind == "number"), "1")
        found.add(f"{number} {match['unit']}")
    found.update(_ADVERBS[match.group()] for match in _PERIODIC.finditer(text))
    found.update(match.group().replace(" ", "") for match in _PERIOD_KO.finditer(text))
    return frozenset(found)


def _other_topic(claim: str, told: str) -> bool:
    """Whether it says of one topic of a Korean sentence what that says of another of its topics."""
    theirs = [
        (match[1], words(part), part)
        for part in _parts(told)
        if (match := _TOPIC_KO.search(part)) is not None
    ]
    if len(theirs) < 2:
        return False
    for part in _parts(claim):
        topic = _TOPIC_KO.search(part)
        own = [(there, text) for name, there, text in theirs if topic and name == topic[1]]
        if topic is None or not own:
            continue
        rest = list(telling(words(part[topic.end() :])))
        others = [(there, text) for name, there, text in theirs if name != topic[1]]
        if any(
            not any(stands_in(word, there, text) for there, text in own)
            and any(stands_in(word, there, text) for there, text in others)
            for word in rest
        ):
            return True
    return False


def _fewer_limits(claim: str, told: str) -> bool:
    """Whether both say who alone may, and it names another, or not all amounts that say who."""
    if not (_ONLY.search(claim) and _ONLY.search(told)):
        return False
    if (named := _alone(claim)) and (allowed := _alone(told)) and named.isdisjoint(allowed):
        return True
    mine = quantities(claim)
    return any(
        _ONLY.search(clause)
        and not all(any(agrees(amount, one) for one in mine) for amount in quantities(clause))
        for clause in clauses(told)
    )


def _alone(text: str) -> frozenset[str]:
    """The words for those of whom it is said that nobody and nothing else is meant."""
    found = (group for match in _ONLY.finditer(text) for group in match.groups() if group)
    return frozenset(word.key for group in found for word in telling(words(group)))


def _parts(text: str) -> list[str]:
    return [part for clause in clauses(text) for part in _AND.split(clause)]


def _other_agent(claim: str, told: str) -> bool:
    """Whether one says that we do what the other says that you do."""
    mine, theirs = set(_agents(claim)), set(_agents(told))
    return any(
        (other, verb) in theirs and (who, verb) not in theirs
        for who, verb in mine
        for other in ("we", "you")
        if other != who
    )


def _agents(text: str) -> Iterator[tuple[str, str]]:
    for match in _ACTS.finditer(text):
        who = "we" if match["who"] == "i" else match["who"]
        yield who, stem(_PAST.get(match["verb"], match["verb"]))


def _no_longer_optional(claim: str, told: str) -> bool:
    """Whether it says that something is done of which the source says that it may be."""
    may = {match["verb"] for match in _MAY_PASSIVE.finditer(told)}
    done = {match["verb"] for match in _BARE_PASSIVE.finditer(claim)}
    said = {match["verb"] for match in _BARE_PASSIVE.finditer(told)}
    still = {match["verb"] for match in _MAY_PASSIVE.finditer(claim)}
    return bool(may & done - said - still)


def _turned_clause(claim: str, told: str) -> bool:
    """Whether a clause of it denies, or does not, otherwise than the same clause there."""
    theirs = clauses(told)
    if len(theirs) < 2:
        return False  # one clause is compared as a whole
    for mine in clauses(claim):
        own = _said(mine)
        same = [
            other
            for other in theirs
            if own
            and (said := _said(other))
            and share_found(own, other) >= SAME
            and share_found(said, mine) >= SAME
        ]
        if same and all(denies(mine) != denies(other) for other in same):
            return True
    return False


def _said(clause: str) -> list[Word]:
    """The telling words of a clause, without its "not"."""
    return [word for word in telling(words(clause)) if not denies(word.written)]
