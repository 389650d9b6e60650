"""Finds requests for secrets in an answer that its sources do not make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.rag.domain.chunks import sentences
from core.rag.domain.model import Passage
from core.rag.semantics.entailment import denies, secrets_in
from core.rag.semantics.wording_classes import CLAIMS, clauses, plain_wording, spellings
from core.text.linear_regex import LinearRegex

_EN, _KO = CLAIMS["en"], CLAIMS["ko"]
_WORD = re.compile(r"[a-z0-9][a-z0-9'-]*|[?]")
_NOUNS = {
    kind: re.compile("|".join(f"(?:{noun})" for noun in _EN["secrets"][kind]))
    for kind in _EN["secrets"]
}
_KOREAN_NOUNS = {
    kind: re.compile("|".join(f"(?:{noun})" for noun in _KO["secrets"][kind]))
    for kind in _KO["secrets"]
}
_VERBS = frozenset(_EN["asks"]["verbs"].split())
_BETWEEN = frozenset(_EN["asks"]["between"].split())
_FUNCTIONS = frozenset(_EN["asks"]["functions"].split())
_PASSIVE = frozenset(_EN["asks"]["passive"].split())
_GIVEN = frozenset(_EN["asks"]["given"]["verbs"].split())
_BEFORE_GIVEN = frozenset(_EN["asks"]["given"]["before"].split())
_NEAR: int = _EN["asks"]["near"]
_AFTER = 5  #: words after a noun in which it may be said to be needed
_SHOWN = frozenset(_EN["asks"]["shown"].split())
_KOREAN_SHOWN = LinearRegex(*_KO["asks"]["shown"])
_KOREAN_NEAR: int = _KO["asks"]["near"]
_KOREAN_ASKS = LinearRegex(*_KO["asks"]["verbs"])
_KOREAN_PLAINLY = LinearRegex(*_KO["asks"]["plainly"])
_KOREAN_GIVEN = LinearRegex(*_KO["asks"]["given"])
_KOREAN_FUNCTIONS = tuple(_KO["asks"]["functions"])
_PARTICLES = " 를을의이가은는도와과란"


@dataclass(frozen=True, slots=True)
class Ask:
    """A kind of secret that somebody is asked for, to be sent or only to be shown."""

    kind: str
    sent: bool


def solicited(claim: str, passages: Sequence[Passage]) -> frozenset[Ask]:
    """What the claim asks for and none of its sources does.

    A source that has a secret sent lets it be shown too.
    """
    wanted = frozenset().union(*map(_asked_for, spellings(claim)))
    if not wanted:
        return wanted
    told = frozenset().union(*map(_told, passages))
    allowed = told | {Ask(ask.kind, sent=False) for ask in told}
    return wanted - allowed


@lru_cache(maxsize=4096)
def _told(passage: Passage) -> frozenset[Ask]:
    plain = (plain_wording(sentence) for sentence in sentences(passage.text))
    return frozenset().union(*map(_asked_for, plain))


def _asked_for(plain: str) -> frozenset[Ask]:
    kinds = secrets_in(plain)
    if not kinds:
        return frozenset()
    question = plain.rstrip("\"'”’)] ").endswith("?")
    found: set[Ask] = set()
    for clause in dict.fromkeys((*clauses(plain), plain)):
        if not denies(clause):
            found.update(ask for kind in kinds for ask in _asks(clause, kind, question=question))
    return frozenset(found)


def _asks(clause: str, kind: str, *, question: bool) -> Iterator[Ask]:
    english, korean = _NOUNS.get(kind), _KOREAN_NOUNS.get(kind)
    for noun in english.finditer(clause) if english else ():
        if verb := _english(clause, noun, question=question):
            yield Ask(kind, sent=verb not in _SHOWN)
    for noun in korean.finditer(clause) if korean else ():
        if asked := _korean(clause, noun):
            yield Ask(kind, sent=not _KOREAN_SHOWN.search(asked))


def _english(clause: str, noun: re.Match[str], *, question: bool) -> str:
    """The verb of asking before this noun, or the word of needing after it; "" for none."""
    after = _words(clause[noun.end() : noun.end() + 60])
    if after[:1] and after[0] in _FUNCTIONS:
        return ""
    before = _words(clause[max(0, noun.start() - 90) : noun.start()])[::-1]
    for word in before[:_NEAR]:
        if word in _VERBS:
            return word
        if word not in _BETWEEN:
            break
    if "your" in before[:3] and question:
        return "?"
    for at, word in enumerate(after[:_AFTER]):
        if word in _PASSIVE or (word in _GIVEN and _BEFORE_GIVEN & set(after[:at])):
            return word
    return ""


def _korean(clause: str, noun: re.Match[str]) -> str:
    """What follows this noun, where that asks for it; "" where it does not."""
    rest = clause[noun.end() : noun.end() + _KOREAN_NEAR]
    if rest.lstrip(_PARTICLES).startswith(_KOREAN_FUNCTIONS):
        return ""
    asked = _KOREAN_PLAINLY.search(rest) or not _KOREAN_GIVEN.search(rest)
    return rest if asked and _KOREAN_ASKS.search(rest) else ""


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
