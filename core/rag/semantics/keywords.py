"""The words of a clause by which two sources are compared.

Other than in `alignment` a word may stand for all that people say in its place, and it is
known which word makes a special case of another ("express delivery", "delivery to islands"). The
lists are data (`config/locales/*/patterns/contradictions.toml`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from config.languages import patterns
from core.rag.semantics.alignment import words
from core.rag.semantics.wording_classes import plain_wording
from core.rag.vectors.lexical import stem

_LISTS = patterns("contradictions")
EN, KO = _LISTS["en"], _LISTS["ko"]

_WORD = re.compile(r"[가-힣]+|[a-zß-ɏ]+(?:'[a-z]+)?|\d+(?:[.,:]\d+)*|[^\s\w-]")
_CODE = "xq"  #: what a class that stands for several words begins with in the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A keyword of a clause."""

    key: str  #: what is compared: a stem, a Korean word without its particle, or a class
    weak: bool = False  #: it tells no two things apart
    qualifies: str = ""  #: the key of the word it stands directly before, as "express" of delivery
    narrows: bool = False  #: it says where, to whom or for what: "to islands", "for members"
    joined: bool = False  #: it stands behind an "or"

    @property
    def is_thing(self) -> bool:
        """Whether in a title it names a thing that the statements below it are about."""
        return not self.weak and self.key not in _GENERAL

    @property
    def is_attribute(self) -> bool:
        """Whether it alone makes another matter of a thing: a deposit, a weight."""
        return self.key in _ATTRIBUTES


def strong_of(found: Iterable[Word]) -> tuple[Word, ...]:
    """The words of weight among these, each once."""
    return tuple({word.key: word for word in found if not word.weak}.values())


@lru_cache(maxsize=8192)
def words_of(text: str) -> tuple[Word, ...]:
    """The words of a text that say what it is about, in order."""
    text = plain_wording(text)
    text = _PHRASE.sub(lambda m: _CODE + _PHRASES[m.group()], text)
    text = _PHRASE_KO.sub(lambda m: _PHRASES_KO[m.group()], text)
    found: list[Word] = []
    link = ""  # the little word before the next one
    before = False  # whether the last token is the last word found, undeclined
    counted = -1  # where the last number ends: what is written on to it is its unit
    for match in _WORD.finditer(text):
        token = match.group()
        if token[0].isdigit():
            counted = match.end()
        key = "" if _is_korean(token) and match.start() == counted else _key(token)
        if not key:
            before = False
            if token not in _ARTICLES:
                link = token
            continue
        if before and found:
            # "In the room rate" is no place.
            narrows = found[-1].narrows and key != "price"
            found[-1] = replace(found[-1], qualifies=key, narrows=narrows)
        narrows = link in _NARROWING or token.endswith(_NARROWING_KO)
        found.append(Word(key=key, weak=key in _WEAK, narrows=narrows, joined=link in _JOINING))
        link = ""
        # A Korean noun with its particle qualifies nothing, a bare one or a participle does.
        before = not _is_korean(token) or token == key or token.endswith(_PARTICIPLES)
    return tuple(found)


def forget_matter_words() -> None:
    """Remember no text that was read."""
    words_of.cache_clear()
    _key.cache_clear()


@lru_cache(maxsize=50_000)
def _key(token: str) -> str:
    """What a token is compared by; "" where it says nothing of the matter."""
    if token.startswith(_CODE):
        return token.removeprefix(_CODE)
    if token in _ALIKE:
        return _ALIKE[token]
    if token in _NEUTRAL or not token[0].isalpha() or token.startswith(_PREDICATIVE):
        return ""
    if not _is_korean(token):
        bare = stem(token.removesuffix("'s"))
        ordinary = not any(word.kind == "en" for word in words(token))
        return "" if ordinary or bare in _NEUTRAL else bare
    for name in _PHRASES_KO.values():
        if token.startswith(name):
            return name
    copula = next((c for c in KO["copulas"] if token.endswith(c) and token != c), "")
    token = token.removesuffix(copula)
    if token in _NEUTRAL:
        return ""
    found = [word.key for word in words(token) if word.kind == "ko"]
    return next((key for key in found if key not in _NEUTRAL), "")


def _is_korean(token: str) -> bool:
    return "가" <= token[0] <= "힣"


def _known(section: str, name: str = "") -> frozenset[str]:
    """The words of a list in English and Korean; English ones by their stems too."""
    lists = [data[section][name] if name else data[section] for data in (EN, KO)]
    return frozenset((*lists[0], *map(stem, lists[0]), *lists[1]))


def _alike(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = ((name, key) for key, names in data["alike"].items() for name in names)
    return sorted(pairs, key=lambda pair: len(pair[0]), reverse=True)


_NEUTRAL, _WEAK = _known("neutral"), _known("weak")
_GENERAL, _ATTRIBUTES = _known("titles", "general"), _known("attributes")
_ALIKE = {name: key for name, key in _alike(EN) if name.isalpha()}
_PHRASES = {name: key for name, key in _alike(EN) if not name.isalpha()}
_PHRASES_KO = dict(_alike(KO))
_PHRASE = re.compile(rf"\b(?:{'|'.join(map(re.escape, _PHRASES))})\b")
_PHRASE_KO = re.compile("|".join(map(re.escape, _PHRASES_KO)))
_PREDICATIVE = tuple(KO["predicative"])
_ARTICLES = frozenset(EN["articles"])
_NARROWING, _JOINING = frozenset(EN["narrowing"]), frozenset((*EN["joining"], *KO["joining"]))
_NARROWING_KO, _PARTICIPLES = tuple(KO["narrowing"]), tuple(KO["participles"])
