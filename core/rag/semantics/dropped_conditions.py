"""Finds statements that an answer repeats without the condition under which they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from config.languages import every
from core.rag.semantics.alignment import words
from core.rag.semantics.amounts.quantities import Quantity, agrees, quantities
from core.rag.semantics.source_sentences import Told, share_found, telling

TELLS = 0.6  #: share of a statement's words that repeat it, as far as its condition goes
KEEPS = 0.5  #: share of a condition's words that are enough of it
WHOLE = 0.75  #: share of a statement's words from which it is said of everything
LONGEST = 2_000  #: characters of answer and question in which a condition's amount may stand

_CONDITIONS = [re.compile(p) for p in every("departures", "conditions")]
_CONDITION_ENDS = [re.compile(p) for p in every("departures", "condition_ends")]
_ATTRIBUTES = [re.compile(p) for p in every("departures", "attributes")]
_TOPICS = [re.compile(p) for p in every("departures", "topics")]
_SEGMENT = re.compile(r"[;.!?](?: |$)")
_AND = re.compile(r" and |(?<=[있없하되이었했됐내][고며]) ")
_COMMA = re.compile(r",(?!\d)")


def unconditional(clause: str, asked: str, told: Told) -> bool:
    """Whether it repeats a statement and leaves out the condition under which that holds."""
    for segment in _SEGMENT.split(told.text):
        for condition, statement in _conditions(segment):
            said, needed = list(telling(words(statement))), words(condition)
            repeated = said and needed and share_found(said, clause) >= TELLS
            if repeated and (share_found(needed, asked) < KEEPS or _without(condition, asked)):
                return True
        for attribute, statement in _attributes(_COMMA.split(segment)[0]):
            said, narrowing = list(telling(words(statement))), list(telling(words(attribute)))
            if (
                len(said) > 1
                and narrowing
                and share_found(said, clause) >= WHOLE
                and share_found(narrowing, asked) < KEEPS
            ):
                return True
    return False


def _without(condition: str, asked: str) -> bool:
    """Whether an amount on which the condition turns is not told: late, but by how much."""
    # Of "it is 300 and 50 with the plan" the condition begins behind the "and".
    amounts = quantities(_AND.split(condition)[-1])
    told = quantities(asked[:LONGEST]) if amounts else ()
    return not all(any(_same(amount, other) for other in told) for amount in amounts)


def _same(one: Quantity, other: Quantity) -> bool:
    return one.value * one.scale == other.value * other.scale or agrees(other, one)


def _attributes(segment: str) -> Iterator[tuple[str, str]]:
    """The phrases that narrow the subject of a part of a sentence, each with the rest of it."""
    for pattern in _ATTRIBUTES:
        for match in pattern.finditer(segment):
            yield match.group(), f"{segment[: match.start()]} {segment[match.end() :]}"


def _conditions(segment: str) -> Iterator[tuple[str, str]]:
    """The conditions in a part of a sentence, each with what it is a condition of."""
    for pattern in _CONDITIONS:
        for match in pattern.finditer(segment):
            begin = max(segment.rfind(",", 0, match.start()) + 1, 0)
            before = segment[begin : match.start()]
            rest = f"{segment[:begin]} {segment[match.end() :]}"
            yield match.group(), before if words(before) else rest
    for pattern in _TOPICS:
        for match in pattern.finditer(segment):
            yield match.group(), segment[match.end() :]
    for pattern in _CONDITION_ENDS:
        for match in pattern.finditer(segment):
            comma = _COMMA.split(segment[: match.end()])
            yield comma[-1], segment[match.end() :]
