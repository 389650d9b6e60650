"""Splits a message into its questions, in English and Korean.

Everything here looks at each word a bounded number of times, however long the message is.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType

from config.languages import DEFAULT
from core.nlu import questions_en, questions_ko
from core.text.folding import compatible

GRAMMARS: Mapping[str, ModuleType] = {"en": questions_en, "ko": questions_ko}
"""How each language puts its questions; the default's reads all that has none of its own."""
LONGEST = 4000  #: characters that are looked at
MOST = 12  #: pieces of one message; what is beyond them stays in the last one


class Kind(enum.StrEnum):
    """The kind of a piece of a message."""

    QUESTION = "question"  #: it asks to be told something
    WISH = "wish"  #: it names a want or a trouble without asking
    REMARK = "remark"  #: it tells something, or nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a message that says one thing, in the customer's words."""

    text: str
    kind: Kind


def pieces(text: str) -> tuple[Piece, ...]:
    """The message in its parts, in order: by lines, sentences, numbers of a list, and where one
    sentence asks twice.
    """
    found: list[tuple[str, bool, bool]] = []
    lines = _lines(unicodedata.normalize("NFC", text[:LONGEST]))
    for line, listed in lines:
        for sentence in _sentences(line):
            parts = _by_question(sentence)
            found += [(part, listed, len(parts) > 1) for part in parts]
    if len(found) > MOST:
        rest = " ".join(part for part, _, _ in found[MOST - 1 :])
        found = [*found[: MOST - 1], (rest, False, False)]
    return _kinds(found)


def questions(text: str) -> tuple[str, ...]:
    """What the message asks, one by one; none where it asks nothing."""
    return tuple(piece.text for piece in pieces(text) if piece.kind is Kind.QUESTION)


def asks(text: str) -> bool:
    """Whether the message asks to be told something, or names a want or a trouble."""
    return any(piece.kind is not Kind.REMARK for piece in pieces(text))


def only_announces(text: str) -> bool:
    """Whether the message only says that a question comes: "can I ask you something?"."""
    said = pieces(text)
    return bool(said) and all(grammar_of(piece.text).announces(piece.text) for piece in said)


def same_words(one: str, other: str) -> bool:
    """Whether two messages are the same but for case, spaces and punctuation."""
    return bool(_bare(one)) and _bare(one) == _bare(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A question about one of two things it names, and the words that name this one."""

    question: str
    named: tuple[str, ...]


def alternatives(question: str) -> list[tuple[Alternative, Alternative]]:
    """The questions about the one and the other, where two things are named side by side:
    "Norway and Portugal"; one pair for each place where they are.
    """
    found = []
    for (first, one), (second, other) in grammar_of(question).joined(question):
        if first and second:
            found.append(
                (Alternative(question=one, named=first), Alternative(question=other, named=second))
            )
    return found


def may_hold_several(text: str) -> bool:
    """Whether the message may be about two things although it asks one question or none in words:
    "I forgot my password and also want to change my address".

    Rather yes than no: for where a mistake is learned, not for where an answer is split.
    """
    said = [piece.text for piece in pieces(text)]
    if any(grammar_of(piece).begins_with_more(piece) for piece in said[1:]):
        return True
    return any(grammar_of(piece).goes_on_with_more(piece) for piece in said)


def without_leads(question: str) -> str:
    """The question without what only leads to it: "ok, and can you tell me …"."""
    led: str = grammar_of(question).without_leads(question)
    return led


def grammar_of(text: str) -> ModuleType:
    """How the language that this is written in puts its questions, as far as its letters show."""
    return GRAMMARS["ko" if is_korean(text) else DEFAULT]


def is_korean(text: str) -> bool:
    """Whether the text has Korean letters enough to be read as Korean."""
    return bool(questions_ko.HANGUL.search(text))


def _bare(text: str) -> str:
    plain = compatible(text[:LONGEST]).casefold()
    return "".join(char for char in plain if char.isalnum())


_BULLET = re.compile(r"(?:[-*•·▪]\s+|\(?\d{1,2}\s?[.)]\s?(?!\d)|[①-⑳]\s?|\(?[a-hA-H]\)\s)")
_NUMBERS = re.compile(r"(?<!\S)\(?\d{1,2}[.)]\s|[①-⑳]")


def _lines(text: str) -> list[tuple[str, bool]]:
    """Lines, and the items of a list within a line, each with whether it is one of a list."""
    found: list[tuple[str, bool]] = []
    for line in text.splitlines():
        starts = [m.start() for m in _NUMBERS.finditer(line)]
        # One number is a number; a list has two.
        cuts = [0, *starts, len(line)] if len(starts) > 1 else [0, len(line)]
        for start, end in pairwise(cuts):
            item = line[start:end].strip()
            bare = _without_bullet(item)
            if bare:
                found.append((bare, bare != item))
    several = sum(listed for _, listed in found) > 1
    return [(line, listed and several) for line, listed in found]


def _without_bullet(line: str) -> str:
    bullet = _BULLET.match(line)
    return line[bullet.end() :].strip() if bullet else line


_END = re.compile(r"[?？!！。…]+[\"'”’)\]]*|(?<!\.)\.+(?=\s|$)|(?<=[가-힣])\.(?=[가-힣])|[;；]")
_SHORT = frozenset(
    ("e.g.", "i.e.", "etc.", "vs.", "no.", "mr.", "mrs.", "ms.", "dr.", "st.", "a.m.", "p.m.")
)


def _sentences(line: str) -> list[str]:
    found: list[str] = []
    begin = 0
    for end in _END.finditer(line):
        piece = line[begin : end.end()].strip()
        last = piece.rpartition(" ")[2].lower()
        if not piece or last in _SHORT or (last[:-1].isdigit() and last.endswith(".")):
            continue
        found.append(piece)
        begin = end.end()
    if rest := line[begin:].strip():
        found.append(rest)
    # A mark that stands alone belongs to what it follows.
    whole: list[str] = []
    for piece in found:
        if whole and not any(char.isalnum() for char in piece):
            whole[-1] += piece
        else:
            whole.append(piece)
    return whole


def _by_question(sentence: str) -> list[str]:
    parts: list[str] = grammar_of(sentence).split(sentence)
    return parts


def _kinds(found: Sequence[tuple[str, bool, bool]]) -> tuple[Piece, ...]:
    """What each piece does; an item of a list asks, and so does "also the opening hours"."""
    made: list[Piece] = []
    for text, listed, cut in found:
        words = grammar_of(text)
        if words.announces(text):
            made.append(Piece(text=text, kind=Kind.REMARK))
            continue
        kind = Kind.REMARK
        added = words.adds(text) and any(p.kind is Kind.QUESTION for p in made)
        if cut or words.asks(text) or added or (listed and words.fragment(text)):
            kind = Kind.QUESTION
        elif words.wishes(text):
            kind = Kind.WISH
        made.append(Piece(text=text, kind=kind))
    return tuple(made)
