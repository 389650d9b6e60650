"""Checks that a sentence is grounded in the passages it cites: words, numbers, links, meaning."""

from __future__ import annotations

import enum
import html
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.languages import every
from core.rag.domain.chunks import sentences
from core.rag.domain.model import Passage
from core.rag.safety.solicitation import solicited
from core.rag.semantics.amounts.quantities import (
    Quantity,
    agrees,
    comparable,
    counting_words,
    quantities,
)
from core.rag.semantics.amounts.weekdays import weekdays
from core.rag.semantics.departures.departures import departs
from core.rag.semantics.entailment import added, turned_round, unfounded_condition
from core.rag.semantics.visible_text import links_of_passage, readings, rendered_links
from core.rag.semantics.wording_classes import clauses, plain_wording
from core.rag.vectors.lexical import token_set, tokens
from core.text.links import Link, foreign
from core.text.sanitize import conceals

ENOUGH = 0.55  #: share of a claim's words that must be found in what it cites
LEAST = 0.3  #: the same for each of its parts
LONGEST = 1500  #: characters of one sentence; no honest one is longer

_LIST_NUMBER = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_AND = re.compile(rf"\s(?:{'|'.join(every('documents', 'joining'))})\s")
#: letters that any answer may have, besides those of its sources
_USUAL = frozenset(
    {
        "LATIN", "HANGUL", "CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA",
        "FULLWIDTH", "HALFWIDTH", "VARIATION", "MICRO", "OHM", "KELVIN", "FEMININE", "MASCULINE",
    }
)  # fmt: skip
_ENCLOSED = re.compile("[\u24b6-\u24e9\U0001f130-\U0001f189\U0001f1e6-\U0001f1ff]")


_COUNTING = counting_words()
_DISGUISES = (
    re.compile(r"~~|</?(?:del|s|strike)\b", re.IGNORECASE),
    re.compile(r"(?<![^\W_])(?:[A-Za-z][ ._]{1,3}){3,}[A-Za-z](?![^\W_])"),
    re.compile(r"\d-?[OolI]{1,3}-?\d"),
    re.compile(r"<!--"),
)


class Fault(enum.StrEnum):
    """A fault of a sentence: what in it is not grounded in its sources."""

    HIDDEN = "hidden"  #: characters that nobody sees, or letters of a foreign script
    LINK = "link"  #: leads where no source does
    REQUEST = "request"  #: asks for a secret that no source asks for
    MEANING = "meaning"  #: says the opposite, or what turns a source's sentence round
    NUMBER = "number"  #: an amount, a date or a day that the source does not tell of this
    WORDING = "wording"  #: "always", "free", "at once" and the like, where no source says so
    DEPARTURE = "departure"  #: its source's own sentence with another subject, thing or condition


HOLDING = frozenset({Fault.HIDDEN, Fault.LINK, Fault.REQUEST, Fault.MEANING})
"""No part of an answer with one of these goes out alone; of others the sentence is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounding:
    """The grounding of a sentence; any fault makes it ungrounded."""

    share: float  #: of its words that the sources say, 0 to 1
    faults: frozenset[Fault] = frozenset()

    @property
    def stands(self) -> bool:
        """Whether the sources say it."""
        return not self.faults and self.share >= ENOUGH

    @property
    def holds(self) -> bool:
        """Whether the whole answer has to wait for a person."""
        return not self.faults.isdisjoint(HOLDING)


def ground(
    claim: str,
    passages: Sequence[Passage],
    *,
    question: str = "",
    shown: str = "",
    own: Collection[Link] = frozenset(),
    said: str = "",
) -> Grounding:
    """How the claim, one sentence in Markdown, stands in the passages it cites.

    `shown` is the sentence as the customer will see it, where that differs; `own` are links that
    the customer brought along, such as their mail address; `said` is the answer so far.
    """
    claim = _LIST_NUMBER.sub("", claim)
    if not passages or len(claim) > LONGEST:
        return Grounding(share=0.0)
    faults: set[Fault] = set()
    if conceals(claim) or conceals(html.unescape(claim)) or _disguises(claim, passages):
        faults.add(Fault.HIDDEN)
    if foreign_links(shown or claim, passages, own=own):
        faults.add(Fault.LINK)
    seen = readings(claim)
    for reading in seen:
        faults.update(_faults(reading, passages, question, said))
    return Grounding(share=_share(seen[0], passages, question), faults=frozenset(faults))


def ground_unread(
    claim: str, passages: Sequence[Passage], *, own: Collection[Link] = frozenset()
) -> Grounding:
    """What a sentence in an unknown language hides, and where it leads."""
    if not passages or len(claim) > LONGEST:
        return Grounding(share=0.0)
    faults = {Fault.LINK} if foreign_links(claim, passages, own=own) else set[Fault]()
    if conceals(claim) or conceals(html.unescape(claim)):
        faults.add(Fault.HIDDEN)
    return Grounding(share=1.0, faults=frozenset(faults))


def support(claim: str, passages: Sequence[Passage], *, question: str = "") -> float:
    """How much of the claim the passages say, 0 to 1; 0 where anything in it is not theirs."""
    grounding = ground(claim, passages, question=question)
    return 0.0 if grounding.faults else grounding.share


def foreign_links(
    text: str, passages: Sequence[Passage], *, own: Collection[Link] = frozenset()
) -> list[Link]:
    """Links that any medium would make of this Markdown and that lead where no source does."""
    links = rendered_links(text)
    return foreign(links, frozenset(own).union(*map(links_of_passage, passages))) if links else []


def nearest(claim: str, passage: Passage) -> str:
    """The sentence of the passage that shares most with the claim."""
    claimed = token_set(claim)
    told = sentences(passage.text) or [passage.text]
    return max(told, key=lambda sentence: len(claimed & token_set(sentence)))


def _share(claim: str, passages: Sequence[Passage], question: str) -> float:
    said = _said(passages)
    claimed = set(tokens(claim))
    if not claimed & said:
        return 0.0
    # Amounts are compared by their own check; here "two weeks" may stand for "14 days".
    claimed = (claimed & said) | (claimed - _COUNTING)
    asked = token_set(question)
    # Words repeated from the question are no evidence, and no invention either.
    return sum(1.0 if t in said else 0.5 if t in asked else 0.0 for t in claimed) / len(claimed)


def _faults(claim: str, passages: Sequence[Passage], question: str, before: str) -> Iterator[Fault]:
    told = "\n".join(map(_whole, passages))
    if _scripts(claim) - _scripts(told):
        yield Fault.HIDDEN
    holding, cutting = added(claim, passages)
    if holding or turned_round(claim, passages):
        yield Fault.MEANING
    if solicited(claim, passages):
        yield Fault.REQUEST
    if not weekdays(claim) <= weekdays(told) or _misquotes(claim, passages):
        yield Fault.NUMBER
    said = _said(passages)
    loose = any(_is_loose(clause, said, question) for clause in _parts(claim))
    if cutting or loose or unfounded_condition(claim, passages, question=question):
        yield Fault.WORDING
    if departs(claim, passages, question=question, said=before):
        yield Fault.DEPARTURE


def _disguises(claim: str, passages: Sequence[Passage]) -> bool:
    """Whether it strikes out, spaces out or mixes letters into figures where no source does.

    Who reads it sees a word less, a host or a number that no check has read.
    """
    told = "\n".join(map(_whole, passages))
    return any(
        match.group() not in told for pattern in _DISGUISES for match in pattern.finditer(claim)
    )


def _parts(claim: str) -> Iterator[str]:
    for clause in clauses(plain_wording(claim)):
        yield from _AND.split(clause)


def _is_loose(part: str, said: frozenset[str], question: str) -> bool:
    """Whether a part of the sentence only hangs on the rest: hardly a word of it is told."""
    words = token_set(part) - _COUNTING - token_set(question)
    return len(words) >= 3 and len(words & said) < LEAST * len(words)


def _said(passages: Sequence[Passage]) -> frozenset[str]:
    return frozenset().union(*(token_set(_whole(passage)) for passage in passages))


def _misquotes(claim: str, passages: Sequence[Passage]) -> bool:
    """Whether an amount stands in no source, or a source tells another one of the same matter."""
    amounts = quantities(claim)
    if not amounts:
        return False
    told = [sentence for passage in passages for sentence in _amounts(passage)]
    if not all(any(agrees(amount, t) for _, ts in told for t in ts) for amount in amounts):
        return True
    return any(
        _speaks_of_another(amount, token_set(clause) - _COUNTING, told)
        for clause in clauses(claim)
        for amount in quantities(clause)
    )


def _speaks_of_another(
    amount: Quantity,
    words: frozenset[str],
    told: Sequence[tuple[frozenset[str], tuple[Quantity, ...]]],
) -> bool:
    """Whether the sentence that is nearest to these words has another amount of this kind."""
    same, other = 0, 0
    for said, amounts in told:
        shared = len(words & said)
        if any(agrees(amount, t) for t in amounts):
            same = max(same, shared)
        elif any(comparable(amount, t) for t in amounts):
            other = max(other, shared)
    return other > same + 1 or (other > same and same <= 1)


@lru_cache(maxsize=4096)
def _amounts(passage: Passage) -> tuple[tuple[frozenset[str], tuple[Quantity, ...]], ...]:
    lines = (passage.title, passage.heading, *sentences(passage.text))
    return tuple(
        (token_set(line) - _COUNTING, found) for line in lines if (found := quantities(line))
    )


@lru_cache(maxsize=4096)
def _scripts(text: str) -> frozenset[str]:
    """The scripts of a text's letters beyond those that any answer may have."""
    found: set[str] = set()
    for char in set(unicodedata.normalize("NFC", text)):
        if char.isascii():
            continue
        if _ENCLOSED.match(char):
            found.add("ENCLOSED")
        elif char.isalpha() or unicodedata.category(char) in ("Mn", "Mc", "Co"):
            name = unicodedata.name(char, "UNNAMED").split(" ")[0]
            phonetic = name == "LATIN" and ("\u0250" <= char <= "\u1dff" or char >= "\ua720")
            if phonetic or name not in _USUAL:
                found.add("PHONETIC" if phonetic else name)
    return frozenset(found)


def _whole(passage: Passage) -> str:
    return f"{passage.title}\n{passage.heading}\n{passage.text}"
