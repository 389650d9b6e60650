"""Checks that what a sentence ties together is tied together in its source, too.

"We pay you" ties the payer to the paid, "10 % of the price" a share to what it is of. A sentence of
the same words with other ties says something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from config.languages import every, patterns
from core.rag.semantics.alignment import Word, words
from core.rag.semantics.amounts.quantities import MONEY, agrees, quantities
from core.rag.semantics.departures.cases import AND, other_case
from core.rag.semantics.entailment import denies
from core.rag.semantics.source_sentences import Told, share_found, stands_in, telling
from core.rag.semantics.wording_classes import clauses
from core.rag.vectors.lexical import stem

SAME = 0.7  #: share of a clause's words, both ways, from which two clauses are one
RELATIVE = frozenset({"ratio", "fold", "times"})  #: amounts of another amount: ten times, 10 %


MAIL = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,255}")
MESSAGES = frozenset(every("departures", "messages"))


def _each(name: str) -> list[re.Pattern[str]]:
    return [re.compile(pattern) for pattern in every("departures", name)]


def _table(name: str) -> Mapping[str, str]:
    tables = (data.get(name, {}) for data in patterns("departures").values())
    return {word: meaning for table in tables for word, meaning in table.items()}


_ACTS, _PASSIVE, _MAY_PASSIVE = _each("acts"), _each("passive"), _each("may_passive")
_PERIODS, _PERIOD_WORDS, _TOPICS = _each("period"), _each("period_words"), _each("topic_of")
_ONLY, _OBJECTS, _THINGS = _each("only"), _each("objects"), _each("things")
_MAY, _MUST, _SINCE = _each("may"), _each("must"), _each("since")
_SUBORDINATE, _HANDING = _each("subordinate"), _each("handing")
_DONE_WITH, _FORBIDDING, _HEADED = _each("done_with"), _each("forbidding"), _each("headed")
_OTHERS = frozenset(every("departures", "others"))
_PAST, _PERIODIC = _table("past"), _table("periodic")
_ADVERBS = re.compile(rf"\b(?:{'|'.join(_PERIODIC)})\b")
_SIZE = re.compile(r"\d ?[x×] ?\d")


def untied(claim: str, near: Sequence[Told], topic: str) -> str:
    """What the sentence ties otherwise than each of the source's sentences near to it; "" else."""
    faults = [_untied(claim, told, topic) for told in near]
    return faults[0] if faults and all(faults) else ""


def _untied(claim: str, told: Told, topic: str) -> str:
    if _other_agent(claim, told.text) or _exchanged(claim, told.text):
        return "agent"
    if _no_longer_optional(claim, told.text) or _other_mood(claim, told.text):
        return "may"
    if _other_beginning(claim, told.text) or _of_something_else(claim, told.text):
        return "since"
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
    return "case" if other_case(claim, told.text, words(topic), topic) else ""


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
    for match in _found(_PERIODS, text):
        number = next((w.key for w in words(match["number"] or "") if w.kind == "number"), "1")
        found.add(f"{number} {match['unit']}")
    found.update(_PERIODIC[match.group()] for match in _ADVERBS.finditer(text))
    found.update(match.group().replace(" ", "") for match in _found(_PERIOD_WORDS, text))
    return frozenset(found)


def _other_topic(claim: str, told: str) -> bool:
    """Whether it says of one topic of a Korean sentence what that says of another of its topics."""
    theirs = [
        (match[1], part, part[match.end() :])
        for part in _parts(told)
        if (match := next(_found(_TOPICS, part), None)) is not None
    ]
    if len(theirs) < 2:
        return False
    for part in _parts(claim):
        topic = next(_found(_TOPICS, part), None)
        own = [said for name, said, _ in theirs if topic and name == topic[1]]
        if topic is None or not own:
            continue
        rest = list(telling(words(part[topic.end() :])))
        others = [told_of_it for name, _, told_of_it in theirs if name != topic[1]]
        if any(
            not any(stands_in(word, words(text), text) for text in own)
            and any(stands_in(word, words(text), text) for text in others)
            for word in rest
        ):
            return True
    return False


def _fewer_limits(claim: str, told: str) -> bool:
    """Whether both say who alone may, and it names another, or not all amounts that say who."""
    if not (any(_found(_ONLY, claim)) and any(_found(_ONLY, told))):
        return False
    if (named := _alone(claim)) and (allowed := _alone(told)) and named.isdisjoint(allowed):
        return True
    mine = quantities(claim)
    return any(
        any(_found(_ONLY, clause))
        and not all(any(agrees(amount, one) for one in mine) for amount in quantities(clause))
        for clause in clauses(told)
    )


def _alone(text: str) -> frozenset[str]:
    """The words for those of whom it is said that nobody and nothing else is meant."""
    found = (group for match in _found(_ONLY, text) for group in match.groups() if group)
    return frozenset(word.key for group in found for word in telling(words(group)))


def _parts(text: str) -> list[str]:
    return [part for clause in clauses(text) for part in AND.split(clause)]


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
    for match in _found(_ACTS, text):
        who = "we" if match["who"] == "i" else match["who"]
        yield who, stem(_PAST.get(match["verb"], match["verb"]))


def _no_longer_optional(claim: str, told: str) -> bool:
    """Whether it says that something is done of which the source says that it may be."""
    may = {match["verb"] for match in _found(_MAY_PASSIVE, told)}
    done = {match["verb"] for match in _found(_PASSIVE, claim)}
    said = {match["verb"] for match in _found(_PASSIVE, told)}
    still = {match["verb"] for match in _found(_MAY_PASSIVE, claim)}
    return bool(may & done - said - still)


def _exchanged(claim: str, told: str) -> bool:
    """Whether it says of one thing what the source says of another, and that of the one.

    "The keys are returned after the deposit is handed over" has the words of its source, and so has
    "object to the letter after you received the fine".
    """
    mine, theirs = _acting(claim), _acting(told)
    of_others = {act for who, act in theirs if who in _OTHERS}
    if any(who == "you" and act in of_others and (who, act) not in theirs for who, act in mine):
        return True
    if _changed_places(mine, theirs):
        return True
    # "Show the driver the code" shows no driver: here both have to have changed places.
    mine, theirs = _done(claim), _done(told)
    named = {thing for thing, _ in mine}
    return _changed_places(mine, {one for one in theirs if one[0] in named})


def _changed_places(mine: set[tuple[str, str]], theirs: set[tuple[str, str]]) -> bool:
    of_whom, acts = {who for who, _ in theirs}, {act for _, act in theirs}
    return any(who in of_whom and act in acts and (who, act) not in theirs for who, act in mine)


def _done(text: str) -> set[tuple[str, str]]:
    """With what something is done: the fine is objected to, the letter received."""
    return {(match["noun"], stem(match["verb"])) for match in _found(_DONE_WITH, text)}


def _acting(text: str) -> set[tuple[str, str]]:
    """Who or what does something, or has it done to it: the landlord agrees, the key is lost."""
    named = {(match["thing"], stem(match["verb"])) for match in _found(_THINGS, text)}
    return named | {(who, stem(verb)) for who, verb in _agents(text)}


def _other_mood(claim: str, told: str) -> bool:
    """Whether one says that something may be done, and the other that it has to be."""
    may, must = _verbs(_MAY, claim), _verbs(_MUST, claim)
    allowed, due = _verbs(_MAY, told), _verbs(_MUST, told)
    # "Ask before you take it" allows nothing.
    hedged = _verbs(_SUBORDINATE, told) - _verbs(_SUBORDINATE, claim) - allowed
    return bool((must & allowed) - due - may or (may & due) - allowed - must or may & hedged)


def _verbs(each: Sequence[re.Pattern[str]], text: str) -> set[str]:
    return {match["verb"] for match in _found(each, text)}


def _other_beginning(claim: str, told: str) -> bool:
    """Whether a time runs from another day than there: 가입일부터 for 결제일부터."""
    mine, theirs = _verbs(_SINCE, claim), _verbs(_SINCE, told)
    return bool(mine and theirs and mine.isdisjoint(theirs))


def _of_something_else(claim: str, told: str) -> bool:
    """Whether a price or a time is another's: 점검 비용 for 교체 비용."""
    mine, theirs = _heads(claim), _heads(told)
    return any(mine[head].isdisjoint(theirs[head]) for head in mine.keys() & theirs.keys())


def _heads(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in _found(_HEADED, text):
        found.setdefault(match["head"], set()).add(match["of"])
    return found


def forbids_otherwise(claim: str, told: Sequence[Told]) -> bool:
    """Whether it forbids what no source so much as speaks of, by a word that carries others."""
    return any(
        not any(stands_in(word, one.words, one.text) for one in told)
        for match in _found(_FORBIDDING, claim)
        for word in words(match["verb"])
    )


def other_object(claim: str, told: Sequence[Told]) -> bool:
    """Whether it has the customer do with one thing what the sources have them do with another.

    "Send your keys to …" for "Send your notice to …": hardly a word is left to compare by.
    """
    doing = [[(m["verb"], one) for m in _found(_OBJECTS, one.text)] for one in told]
    by_verb = [pair for pairs in doing for pair in pairs]
    for match in _found(_OBJECTS, claim):
        there = [one for verb, one in by_verb if verb == match["verb"]]
        for thing in telling(words(match["noun"])):
            known = any(stands_in(thing, one.words, one.text) for one in there)
            if there and not known:
                return True
    return False


def other_parcel(claim: str, told: Sequence[Told]) -> bool:
    """Whether it has something sent to an address to which the sources have other things sent."""
    addresses = frozenset(match.group().lower() for match in MAIL.finditer(claim))
    if not addresses:
        return False
    there = [one for one in told if any(each in one.written.lower() for each in addresses)]
    return any(
        not any(stands_in(thing, one.words, one.text) for one in there)
        for match in _found(_HANDING, claim.lower())
        for thing in telling(words(match[1]))
        if thing.written not in MESSAGES
    )


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
    """The telling words of a clause, or all where none tells anything, without its "not"."""
    said = [word for word in words(clause) if not denies(word.written)]
    return [*telling(said)] or said


def _found(each: Sequence[re.Pattern[str]], text: str) -> Iterator[re.Match[str]]:
    return (match for pattern in each for match in pattern.finditer(text))
