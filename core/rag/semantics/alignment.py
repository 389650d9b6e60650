"""Aligns the words of two texts: stems, Korean without particles, numbers in words.

The matcher reads its pair with a mark before every word that the other side lacks
(`marked`), so that it need not find out itself what differs. Changing anything here asks for the
matcher to be trained anew (`python -m bench.matcher`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.languages import patterns
from core.rag.vectors.lexical import stem
from core.text.folding import compatible

MARK = " * "
FOUND = 0.7  #: from how much of a word on it counts as being there; 일요일 has two thirds of 토요일
STARTS = 0.6  #: of a verb, how much of its beginning
MOST = 3  #: words that are named on a card
LONGEST = 300  #: characters of either text that are compared: its beginning and its end
SOURCE = 2_000  #: characters of a source
TAIL = 200  #: of them; long messages ask at the end

_WORD = re.compile(r"[가-힣]+|\d+(?:[.,:]\d+)*|[a-zA-Z\u00c0-\u024f]+(?:'[a-z]+)?|[^\W_]")


_LISTS = patterns("matching")
_EN, _KO = _LISTS["en"], _LISTS["ko"]
_ORDINARY = frozenset(_EN["ordinary"])
_ORDINARY_KO = frozenset(_KO["ordinary"])
_NUMBERS = {word: str(number) for word, number in _EN["numbers"].items()}
_NUMBERS_KO = {word: str(number) for word, number in _KO["numbers"].items()}
_UNITS_KO = tuple(_KO["units"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word that carries meaning."""

    written: str  #: in lower case
    key: str  #: what is compared
    kind: str  #: "en", "ko" or "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """The words that only one of two texts has, at most `MOST` each."""

    asked: Sequence[str] = ()  #: in the question, and nowhere in the source
    known: Sequence[str] = ()  #: in the known question, and not in the question


def shortened(text: str) -> str:
    """What is compared of a text."""
    text = text.strip()
    return text if len(text) <= LONGEST else f"{text[: LONGEST - TAIL]} … {text[-TAIL:]}"


@lru_cache(maxsize=20_000)
def words(text: str) -> tuple[Word, ...]:
    """The words of a text, without those that people say around any question."""
    found: list[Word] = []
    written = [match.group() for match in _WORD.finditer(_plain(text[:SOURCE]))]
    for word, following in zip(written, [*written[1:], ""], strict=False):
        if word[0].isdigit():
            found.append(Word(written=word, key=word.replace(",", "").rstrip("."), kind="number"))
        elif word in _NUMBERS_KO and following.startswith(_UNITS_KO):
            found.append(Word(written=word, key=_NUMBERS_KO[word], kind="number"))
        elif "가" <= word[0] <= "힣":
            found += _korean(word)
        elif word in _NUMBERS:
            found.append(Word(written=word, key=_NUMBERS[word], kind="number"))
        elif word not in _ORDINARY and word.replace("'", "") not in _ORDINARY:
            bare = word.removesuffix("'s")
            if len(bare) > 1:
                found.append(Word(written=bare, key=stem(bare), kind="en"))
    return tuple(found)


def found_in(word: Word, there: Sequence[Word], text: str) -> float:
    """How much of the word another text has, 0 to 1; `there` are that text's words."""
    match word.kind:
        case "number":
            return float(any(o.kind == "number" and o.key == word.key for o in there))
        case "en":
            if any(o.kind == "en" and _nearly(o.key, word.key) for o in there):
                return 1.0
            return float(len(word.key) >= 5 and word.key in run_together(text))
        case _:
            return _found_korean(word.key, there, run_together(text))


@lru_cache(maxsize=20_000)
def marked(text: str, other: str) -> str:
    """The text with a mark before every word that the other lacks."""
    text, other = shortened(text), shortened(other)
    there = words(other)
    plain = _plain(text)
    shown = compatible(text).replace("’", "'")
    if len(shown) != len(plain):
        shown = plain
    parts: list[str] = []
    begin = at = 0
    for word in words(text):
        found = plain.find(word.written, at)
        if found < 0:
            continue
        at = found + len(word.written)
        if found_in(word, there, other) < FOUND and found >= begin:
            parts += [shown[begin:found], MARK]
            begin = found
    return " ".join("".join([*parts, shown[begin:]]).split())


def differing_words(asked: str, known: str, source: str = "") -> Differing:
    """The words that differ between a question and a known one with its answer, for people.

    Of the known question's only those that the source says too: it may be another customer's, whose
    words are nobody else's to read, and what we say of a source must stand in it.
    """
    asked, known, source = shortened(asked), shortened(known), source[:SOURCE]
    there = f"{known} {source}"
    return Differing(
        asked=_missing(asked, there, [*words(known), *words(source)]),
        known=_missing(known, asked, words(asked), source=source),
    )


def shares_missing(asked: str, known: str, source: str) -> Mapping[str, float]:
    """How much each of the two says that the other does not, as shares of its words, 0 to 1.

    `core_missing` counts of the known question's words those that its source says too: they are
    what the answer is about.
    """
    asked, known, source = shortened(asked), shortened(known), source[:SOURCE]
    in_question, in_known, in_source = words(asked), words(known), words(source)
    there = [*in_known, *in_source]
    text = f"{known} {source}"
    lost = [1.0 - found_in(word, in_question, asked) for word in in_known]
    core = [found_in(word, in_source, source) for word in in_known]
    return {
        "asked_missing": _mean([1.0 - found_in(word, there, text) for word in in_question]),
        "known_missing": _mean(lost),
        "core_missing": _mean(lost, weights=core),
    }


def other_number(asked: str, known: str, source: str = "") -> bool:
    """Whether each of the two names a number that the other, and the source, does not."""
    in_question, in_known = _numbers(shortened(asked)), _numbers(shortened(known))
    return bool(in_question - in_known - _numbers(source)) and bool(in_known - in_question)


def same_words(asked: str, known: str) -> bool:
    """Whether both are the same words in the same order, whatever case, spaces and marks."""
    return re.sub(r"[\W_]+", "", _plain(asked)) == re.sub(r"[\W_]+", "", _plain(known)) != ""


def _mean(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    weights = weights or [1.0] * len(values)
    total = sum(weights)
    return sum(v * w for v, w in zip(values, weights, strict=True)) / total if total else 0.0


def _missing(text: str, there: str, known: Sequence[Word], *, source: str = "") -> tuple[str, ...]:
    shown = compatible(text)
    found: list[str] = []
    for word in words(text):
        if source and found_in(word, words(source), source) < FOUND:
            continue
        if found_in(word, known, there) < FOUND:
            name = word.key if word.kind == "ko" else word.written
            at = shown.lower().find(name)
            found.append(shown[at : at + len(name)] if at >= 0 else name)
    return tuple(dict.fromkeys(found))[:MOST]


def _numbers(text: str) -> set[str]:
    return {word.key for word in words(text) if word.kind == "number"}


def _korean(word: str) -> list[Word]:
    bare = _bare(word)
    if word in _ORDINARY_KO or bare in _ORDINARY_KO or not bare:
        return []
    for number, value in _NUMBERS_KO.items():
        if bare.startswith(number) and bare[len(number) :] in _UNITS_KO:
            unit = bare[len(number) :]
            return [
                Word(written=word, key=value, kind="number"),
                Word(written=word, key=unit, kind="ko"),
            ]
    return [Word(written=word, key=bare, kind="ko")]


def _bare(word: str) -> str:
    """The word without its ending or particle; shorter ones only where enough is left."""
    if word in _ORDINARY_KO:
        return word
    for ending in _KO["endings"]:
        if word.endswith(ending) and len(word) > len(ending):
            return word[: -len(ending)]
    for particle in _KO["particles"]:
        least = 2 if len(particle) == 1 else 1
        if word.endswith(particle) and len(word) - len(particle) >= least:
            return word[: -len(particle)]
    return word


def _found_korean(key: str, there: Sequence[Word], letters: str) -> float:
    if key in letters and (len(key) >= 2 or any(o.key == key for o in there)):
        return 1.0
    # Verbs change in their last syllable (보내, 보낼): the letters inside it are compared.
    own = unicodedata.normalize("NFD", key)
    best = 0.0
    for other in there:
        if other.kind == "ko":
            theirs = unicodedata.normalize("NFD", other.key)
            same = _common_start(own, theirs)
            if same >= 4 or (same >= 3 and min(len(own), len(theirs)) <= 4):
                best = max(best, same / len(own))
    return 1.0 if best >= STARTS else _pieces_found(key, letters)


def _pieces_found(key: str, letters: str) -> float:
    """The share of the word that stands in the letters in pieces of two or more."""
    covered = at = 0
    while at < len(key):
        end = at + 1
        while end <= len(key) and key[at:end] in letters:
            end += 1
        length = end - 1 - at
        covered += length if length >= 2 else 0
        at += max(length, 1) if length >= 2 else 1
    return covered / len(key)


def _common_start(a: str, b: str) -> int:
    same = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        same += 1
    return same


def _nearly(a: str, b: str) -> bool:
    """Whether two stems are the same but for one slip of the finger."""
    if a == b:
        return True
    if a[0] != b[0] or min(len(a), len(b)) < 5 or abs(len(a) - len(b)) > 1:
        return False
    if len(a) == len(b):
        off = [i for i in range(len(a)) if a[i] != b[i]]
        swapped = len(off) == 2 and off[1] == off[0] + 1 and a[off[0]] == b[off[1]]
        return len(off) == 1 or (swapped and a[off[1]] == b[off[0]])
    short, long = sorted((a, b), key=len)
    same = _common_start(short, long)
    return short[same:] == long[same + 1 :]


@lru_cache(maxsize=20_000)
def run_together(text: str) -> str:
    """The letters of a text without what stands between them."""
    return re.sub(r"\s+", "", _plain(text))


def _plain(text: str) -> str:
    return compatible(text).lower().replace("’", "'")
