"""Finds statements that an answer repeats without the condition under which they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from config.languages import every
from core.rag.semantics.alignment import words
from core.rag.semantics.source_sentences import Told, share_found, telling

TELLS = 0.6  #: share of a statement's words that repeat it, as far as its condition goes
KEEPS = 0.5  #: share of a condition's words that are enough of it

_CONDITIONS = [re.compile(p) for p in every("departures", "conditions")]
_CONDITION_ENDS = [re.compile(p) for p in every("departures", "condition_ends")]
_TOPICS = [re.compile(p) for p in every("departures", "topics")]
_SEGMENT = re.compile(r"[;.!?](?: |$)")
_COMMA = re.compile(r",(?!\d)")


def unconditional(clause: str, asked: str, told: Told) -> bool:
    """Whether it repeats a statement and leaves out the condition under which that holds."""
    for segment in _SEGMENT.split(told.text):
        for condition, statement in _conditions(segment):
            said, needed = list(telling(words(statement))), words(condition)
            if (
                said
                and needed
                and share_found(said, clause) >= TELLS
                and share_found(needed, asked) < KEEPS
            ):
                return True
    return False


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
