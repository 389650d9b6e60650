"""Rewrites a question by synonyms, into the words of a known question.

"Is the hot tub warm?" is nearer to "How warm is the whirlpool?" once both say whirlpool; what then
still differs is what the question is about. The words are data
(`config/locales/*/patterns/synonyms.toml`): groups that mean the same, and kinds, which only the
known question may name (a labrador is a dog, and a dog is no labrador).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.languages import every, patterns
from core.nlu.questions import is_korean
from core.rag.semantics.alignment import shortened
from core.rag.vectors.lexical import stem
from core.text.folding import compatible

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_OPENING = re.compile(
    rf"\A(?:(?:{'|'.join(every('synonyms', 'openings'))})(?!\w)[\s,.!:…-]*){{1,3}}", re.IGNORECASE
)

Wording = tuple[str, ...]  #: English stems; one piece of Korean as it stands
Groups = Mapping[Wording, frozenset[str]]  #: the groups that a wording stands in


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An occurrence of a wording in a text."""

    begin: int
    end: int
    wording: Wording

    def meets(self, other: Place) -> bool:
        """Whether the two share a letter."""
        return self.begin < other.end and other.begin < self.end


@lru_cache(maxsize=20_000)
def put_as(asked: str, known: str) -> str:
    """The question with its words put as the known one puts them; itself where none can be."""
    asked, known = _without_opening(shortened(asked)), shortened(known)
    plain, theirs = _plain(asked), _plain(known)
    thesaurus = _KO if is_korean(plain) else _EN
    mine, others = _places(plain), _places(theirs)
    said = {place.wording for place in mine}
    said_there = {place.wording for place in others}
    taken: list[Place] = []
    put: list[tuple[Place, str]] = []
    for place in others:
        if place.wording in said or any(place.meets(other) for other in taken):
            continue
        free = (
            own
            for own in mine
            if own.wording not in said_there
            and not any(own.meets(other) for other, _ in put)
            and thesaurus.may_be_put(own.wording, place.wording)
        )
        own = next(free, None)
        if own is not None:
            taken.append(place)
            put.append((own, theirs[place.begin : place.end]))
    if not put:
        return asked
    for own, wording in sorted(put, key=lambda one: -one[0].begin):
        plain = plain[: own.begin] + wording + plain[own.end :]
    return plain


@lru_cache(maxsize=20_000)
def _places(plain: str) -> Sequence[Place]:
    """Every wording in a text, the longest first."""
    found = list(_korean_places(plain) if is_korean(plain) else _english_places(plain))
    return sorted(found, key=lambda place: place.begin - place.end)


def _english_places(plain: str) -> Iterator[Place]:
    spans = [match.span() for match in _WORD.finditer(plain)]
    stems = [stem(plain[begin:end]) for begin, end in spans]
    for length in range(1, min(_MOST_WORDS, len(stems)) + 1):
        for at in range(len(stems) - length + 1):
            wording = tuple(stems[at : at + length])
            if wording in _ENGLISH:
                yield Place(begin=spans[at][0], end=spans[at + length - 1][1], wording=wording)


def _korean_places(plain: str) -> Iterator[Place]:
    for wording in _KOREAN:
        at = plain.find(wording[0])
        if at >= 0:
            yield Place(begin=at, end=at + len(wording[0]), wording=wording)


def _without_opening(text: str) -> str:
    """The text without what people say before they ask, unless that is all of it."""
    opening = _OPENING.match(text)
    rest = text[opening.end() :] if opening else ""
    return rest if _WORD.search(rest) else text


def _plain(text: str) -> str:
    return compatible(text).lower().replace("’", "'")


def _wording(raw: str, *, korean: bool) -> Wording:
    plain = _plain(raw.strip())
    return (plain,) if korean else tuple(stem(word) for word in _WORD.findall(plain))


@dataclass(frozen=True, slots=True, kw_only=True)
class Thesaurus:
    """The groups of synonyms of one language, by wording."""

    same: Groups
    kinds: Groups  #: of what the known question has to name
    names: Groups  #: of the kinds' own names

    @property
    def known(self) -> frozenset[Wording]:
        """Every wording in it."""
        return frozenset().union(self.same, self.kinds, self.names)

    def may_be_put(self, asked: Wording, known: Wording) -> bool:
        """Whether the known question's wording may stand for the asked one."""
        none: frozenset[str] = frozenset()
        return bool(
            self.same.get(asked, none) & self.same.get(known, none)
            or self.kinds.get(asked, none) & self.names.get(known, none)
        )


def _thesaurus(language: str) -> Thesaurus:
    table = patterns("synonyms")[language]
    korean = language == "ko"
    same = [(group, group.split(",")) for group in table["same"]]
    kinds = [(name, several.split(",")) for name, several in table["kinds"].items()]
    return Thesaurus(
        same=_groups(same, korean=korean),
        kinds=_groups(kinds, korean=korean),
        names=_groups([(name, [name]) for name, _ in kinds], korean=korean),
    )


def _groups(some: Sequence[tuple[str, Sequence[str]]], *, korean: bool) -> Groups:
    found: dict[Wording, set[str]] = {}
    for name, wordings in some:
        for raw in wordings:
            found.setdefault(_wording(raw, korean=korean), set()).add(name)
    return {wording: frozenset(names) for wording, names in found.items()}


_EN, _KO = _thesaurus("en"), _thesaurus("ko")
_ENGLISH = _EN.known
_KOREAN = tuple(_KO.known)
_MOST_WORDS = max(map(len, _ENGLISH))


def forget_rewordings() -> None:
    """Remember no text that was compared."""
    put_as.cache_clear()
    _places.cache_clear()
