"""Recognises a request for a secret: a password, a code, the number of a card.

By words in their order, not by patterns: "never send us your PIN", "we send you a code" and "enter
it on our payment page" have the same words as an order to send it. The words are data
(`config/locales/LANGUAGE/patterns/secret_requests.toml`), their order is each language's grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from config.languages import every, patterns
from core.text.linear_regex import LinearRegex

_WORDS = re.compile(r"[a-z0-9@'&-]+|[가-힣]+|[;:,]")
REACH = 15  #: words and commas between "send" and what is to be sent
BEFORE = 6  #: words before a verb in which a "never" is about it
REACH_KO = 8


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LISTS = patterns("secret_requests")
_EN, _KO = _LISTS["en"], _LISTS["ko"]

# What is secret
SECRETS = _set(_EN["secrets"])
CARD = _set(_EN["card"])
OTHER_CARDS = _set(_EN["other_cards"])  #: cards whose number opens nothing
PARTLY = _set(_EN["partly"])  #: "the last four digits of your card number"
CODE = _set(_EN["code"])
CODE_OF = _set(_EN["code_of"])
PHRASES = tuple(tuple(phrase.split()) for phrase in _EN["phrases"])

# How it is handed over
HAND_OVER = _set(_EN["hand_over"])
TO_SOMEBODY = _set(_EN["to_somebody"])  #: verbs only before "us", "your", …
SOMEBODY = _set(_EN["somebody"])
WITH: Mapping[str, str] = _EN["with"]
PUT = _set(_EN["put"])
HANDED = _set(_EN["handed"])
MUST = _set(_EN["must"])
NEED = _set(_EN["need"])
NEEDING = _set(_EN["needing"])

# What makes it no order
NEVER = _set(_EN["never"])
UNLESS = _set(_EN["unless"])  #: "do not forget to send"
BY_OTHERS = _set(_EN["by_others"])
ASKS = _set(_EN["asks"])
BREAKS = _set(_EN["breaks"])

_SAFE = LinearRegex(*_EN["safe"])
_IN_CHAT = LinearRegex(*_EN["in_chat"])
_SPOKEN = LinearRegex(*_EN["spoken"])
_NAMED = re.compile("|".join(every("secret_requests", "hints")))
"""Without one of these no secret is named."""

_SECRET_KO = re.compile(_KO["secret"])
_IN_TWO_KO = frozenset(tuple(pair.split()) for pair in _KO["in_two"])
_CARD_KO = re.compile(_KO["card"])
_CARDS_KO = _set(_KO["cards"])
_OTHER_CARDS_KO = _set(_KO["other_cards"])
_PARTICLES_KO: str = _KO["particles"]
_OBJECT_KO = _set(_KO["object"]) | {""}
_GIVE_KO = re.compile(_KO["give"])
_PLEASE_KO = re.compile(_KO["please"])
_CLAUSE_KO = re.compile(_KO["clause"])
_WANTED_KO = re.compile(_KO["wanted"])
_STAFF_KO = re.compile(_KO["staff"])
_HERE_KO = LinearRegex(*_KO["here"])


def asks_for_secret(said: str) -> bool:
    """Whether this sentence, normalized, asks for a secret in English or Korean."""
    return (_NAMED.search(said) is not None) and (_asks_en(said) or _asks_ko(said))


def _asks_en(said: str) -> bool:
    """Whether somebody is told to hand over a secret, and not on a page made for it."""
    words = _WORDS.findall(said)
    secrets = list(_secrets(words))
    if not secrets:
        return False
    there = set(secrets)
    for at, word in enumerate(words):
        near = [s for s in range(at + 1, at + REACH + 1) if s in there]
        if word in HANDED:
            before = any(s in there for s in range(at - REACH, at))
            to_reader = words[at + 1 : at + 3] == ["to", "you"]
            if (
                before
                and not to_reader
                and _must(words[max(0, at - BEFORE) : at])
                and not _negated(words, at)
            ):
                return True
        elif word in NEED:
            if near and NEEDING.intersection(words[max(0, at - 2) : at]):
                return not (_negated(words, at) or "card" in words or _SAFE.search(said))
        elif near and _hands_over(words, at, said) and _is_order(words, at, near[0]):
            return not _SAFE.search(said)
    return _SPOKEN.search(said) and not NEVER.intersection(words)


def _hands_over(words: Sequence[str], at: int, said: str) -> bool:
    word, after = words[at], words[at + 1 : at + 2]
    if word in WITH:
        return WITH[word] in words[at + 1 : at + 7]
    if word in PUT and _IN_CHAT.search(said):
        return True
    return word in HAND_OVER or (word in TO_SOMEBODY and bool(SOMEBODY.intersection(after)))


def _secrets(words: Sequence[str]) -> Iterator[int]:
    """Where a secret is named, by the number of its last word, or its first in a phrase."""
    for at, word in enumerate(words):
        before = words[max(0, at - 2) : at]
        if word in SECRETS or (word in CODE and CODE_OF.intersection(before)):
            yield at
        elif word in CARD and before[-1:] == ["card"]:
            kind = words[at - 2] if at > 1 else ""
            if kind not in OTHER_CARDS and not PARTLY.intersection(words[max(0, at - 7) : at]):
                yield at
        elif any(tuple(words[at : at + len(phrase)]) == phrase for phrase in PHRASES):
            yield at


def _is_order(words: Sequence[str], at: int, secret: int) -> bool:
    """Whether the verb here tells the reader to do it, with that secret."""
    between = words[at + 1 : secret]
    if words[at] == "share" and "with" in between:
        # "Share it with a password" names the lock, "with our agent" the receiver.
        receiver = words[at + 1 + between.index("with") + 1]
        if receiver in ("a", "an", "password"):
            return False
    if words[at + 1 : at + 2] == ["you"] or BREAKS.intersection(between) or _negated(words, at):
        return False
    if BY_OTHERS.intersection(words[max(0, at - 1) : at]):
        return False
    asked = [i for i in range(max(0, at - 4), at) if words[i] in ASKS]
    # "If somebody asks you to send it" warns; "we ask you to send it" does not.
    others = bool(asked) and words[max(0, asked[-1] - 1)] not in ("we", "i")
    return not (words[max(0, at - 1) : at] == ["to"] and others)


def _negated(words: Sequence[str], at: int) -> bool:
    for i in range(at - 1, max(-1, at - 1 - BEFORE), -1):
        if words[i] in (";", ":", "but", "instead"):
            return False
        if words[i] in NEVER:
            return not UNLESS.intersection(words[i + 1 : at])
    return False


def _must(words: Sequence[str]) -> bool:
    near = list(words[-BEFORE:])
    has = any(word in ("has", "have") and after == "to" for word, after in pairwise(near))
    return has or bool(MUST.intersection(near))


def _asks_ko(said: str) -> bool:
    words = [word for word in _WORDS.findall(said) if word not in (";", ":", ",")]
    return any(
        _given_ko(words, at, said) for at, joined in _secrets_ko(words) if joined in _OBJECT_KO
    )


def _given_ko(words: Sequence[str], secret: int, said: str) -> bool:
    for at in range(secret + 1, min(len(words), secret + REACH_KO)):
        if _GIVE_KO.match(words[at]):
            asked = "".join(words[at : at + 2])
            on_page = words[at].startswith("입력") and not _HERE_KO.search(said)
            # "알려 주지 마세요" is the opposite.
            if _PLEASE_KO.search(asked) and "지" not in asked[1:4] and not on_page:
                return True
        elif _CLAUSE_KO.search(words[at]):
            # "When our staff asks for it": then it is they who want it.
            wanted = _WANTED_KO.match(words[at]) and any(map(_STAFF_KO.match, words[:secret]))
            if not wanted:
                return False
    return False


def _secrets_ko(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where a secret is named, and what is joined to it."""
    for at, word in enumerate(words):
        before = words[at - 1] if at else ""
        bare = word.rstrip(_PARTICLES_KO)
        if found := _SECRET_KO.match(word):
            yield at, found["end"]
        elif (before, bare) in _IN_TWO_KO:
            yield at, word[len(bare) :]
        elif before in _CARDS_KO and (found := _CARD_KO.match(word)):
            if at < 2 or words[at - 2] not in _OTHER_CARDS_KO:
                yield at, found["end"]
        elif word.startswith(("cvc", "cvv", "otp", "pin")):
            yield at, ""
