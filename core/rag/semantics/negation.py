"""Negation by scope: which words of a text are denied, and whether two texts differ in that alone.

Only for texts in nearly the same words. "What does it cost without a card?" and "my card is not
here, what does it cost?" deny alike, and nobody can tell by rules; "if I pay no deposit" beside
"if I pay a deposit" can.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from config.languages import patterns
from core.rag.semantics.alignment import Word, shares_missing, words
from core.text.folding import compatible

NEARLY = 0.34  #: of the words of either text that the other may lack
REACH = 3  #: words before an English word in which a negator denies it
REACH_KO = 2  #: words after a Korean one
SHORTEST = {False: 4, True: 2}  #: letters of a word that a prefix turns round; True: Korean

_LISTS = patterns("negation")
_EN, _KO = _LISTS["en"], _LISTS["ko"]
_PREFIXES = (*_EN["prefixes"], *_KO["prefixes"])
_TOKEN = re.compile(r"[가-힣]+|[^\W\d_]+(?:'[^\W\d_]+)?|\d+")
_BEFORE, _ENDS, _AFTER = map(re.compile, (_EN["before"], _EN["ends"], _EN["after"]))
_INSIDE, _NEXT, _ENDS_KO = map(re.compile, (_KO["inside"], _KO["next"], _KO["ends"]))


def denied_otherwise(asked: str, known: str) -> bool:
    """Whether nearly the same is said, and one denies what the other does not."""
    mine, theirs = denials(asked), denials(known)
    differ = any(
        not values & others
        for key, values in mine.items()
        for other, others in theirs.items()
        if _alike(key, other)
    )
    if not differ:
        return False
    missing = shares_missing(asked, known, "")
    return missing["asked_missing"] <= NEARLY and missing["known_missing"] <= NEARLY


def turned_by_prefix(asked: str, known: str) -> bool:
    """Whether the two differ in one word alone, and a prefix makes it its opposite: disconnect
    beside connect, 비회원 beside 회원.
    """
    mine, theirs = words(asked), words(known)
    added = {w.key for w in mine} - {w.key for w in theirs}
    lost = {w.key for w in theirs} - {w.key for w in mine}
    if len(added) != 1 or len(lost) != 1:
        return False
    shorter, longer = sorted((*added, *lost), key=len)
    return len(shorter) >= SHORTEST[is_hangul(shorter)] and any(
        longer == prefix + shorter for prefix in _PREFIXES
    )


@lru_cache(maxsize=20_000)
def denials(text: str) -> Mapping[str, frozenset[bool]]:
    """By word, whether it is denied; both where it is named twice."""
    plain = compatible(text).lower().replace("’", "'")
    tokens = [(match.group(), match.start()) for match in _TOKEN.finditer(plain)]
    found: dict[str, set[bool]] = {}
    at = number = 0
    for word in words(text):
        begin = plain.find(word.written, at)
        if begin < 0:
            continue
        at = begin + len(word.written)
        while number + 1 < len(tokens) and tokens[number + 1][1] <= begin:
            number += 1
        around = [token for token, _ in tokens]
        if is_hangul(tokens[number][0]):
            denied = _denied_in_korean(word, around, number)
        else:
            denied = _denied(around, number) or bool(_AFTER.match(plain, at))
        found.setdefault(word.key, set()).add(denied)
    return {key: frozenset(values) for key, values in found.items()}


def is_hangul(word: str) -> bool:
    """Whether the word begins with a Korean letter."""
    return "가" <= word[:1] <= "힣"


def _denied(tokens: Sequence[str], number: int) -> bool:
    for token in reversed(tokens[max(number - REACH, 0) : number]):
        if _ENDS.fullmatch(token):
            return False
        if _BEFORE.fullmatch(token):
            return True
    return False


def _denied_in_korean(word: Word, tokens: Sequence[str], number: int) -> bool:
    _, _, rest = tokens[number].partition(word.key)
    if _INSIDE.search(rest):
        return True
    for token in tokens[number + 1 : number + 1 + REACH_KO]:
        if _NEXT.match(token):
            return True
        if _ENDS_KO.search(token):
            return False
    return False


def _alike(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return one == other or (len(shorter) >= 2 and longer.startswith(shorter))
