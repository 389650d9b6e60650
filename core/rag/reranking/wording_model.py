"""Judges two questions by the words that differ: synonyms, small words, and what stands in place.

What people said for the same thing, and what told siblings apart, was counted over a hundred files
of other trades (`bench/contrast`); a small network weighs the counts. It knows no meaning, only
what has been seen, and so errs elsewhere than the matcher. Numbers only, made by
`python -m bench.train_wordings`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.rag.semantics.alignment import FOUND, Word, found_in, other_number, shortened, words
from core.rag.semantics.answer_types import wanted
from core.rag.semantics.facets import LOOSE, facet_signals, facets
from core.rag.semantics.negation import denied_otherwise
from core.rag.semantics.thesaurus import put_as

FILE = Path(__file__).with_name("wording_model.npz")
STEM = 6  #: letters of a word that are counted as one
UNSEEN = -3.0  #: of two words that have not been seen in each other's place
STRANGE = 3.3  #: of two words that nobody has seen, where they stand in each other's place
BOUNDED = 4.0  #: standard deviations

Floats = NDArray[np.float64]
_LATIN = re.compile(r"[a-z]")
_HANGUL = re.compile(r"[가-힣]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Log-ratios of being seen between siblings and between rewordings; above 0 tells apart."""

    asked: Mapping[str, float]  #: a word that only the question has
    known: Mapping[str, float]  #: a word that only the known question has
    swapped: Mapping[tuple[str, str], float]  #: both, the question's first; above 0 says the same
    values: Mapping[tuple[str, str, str], float]  #: facet and two values, sorted


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One hidden layer; shapes (features, hidden), (hidden,), (hidden,)."""

    mean: Floats
    scale: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: float

    def judge(self, row: Sequence[float]) -> float:
        """The log-odds that both ask the same."""
        scaled = np.clip((np.array(row) - self.mean) / self.scale, -BOUNDED, BOUNDED)
        return float(np.tanh(scaled @ self.inner + self.inner_bias) @ self.outer + self.outer_bias)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The words of two questions, and those that only one of them has."""

    mine: Sequence[Word]
    theirs: Sequence[Word]
    added: Sequence[Word]
    lost: Sequence[Word]


def key_of(word: Word) -> str:
    """What is counted as one word."""
    return word.key[:STEM] if word.kind == "en" else word.key


def difference(asked: str, known: str, *, put: bool = True) -> Difference:
    """The words that differ, once the question is put in the known one's words."""
    asked, known = shortened(asked), shortened(known)
    asked = put_as(asked, known) if put else asked
    mine, theirs = words(asked), words(known)
    return Difference(
        mine=mine,
        theirs=theirs,
        added=[w for w in mine if found_in(w, theirs, known) < FOUND],
        lost=[w for w in theirs if found_in(w, mine, asked) < FOUND],
    )


def other_values(asked: str, known: str) -> list[list[tuple[str, str, str]]]:
    """For each loose facet whose values differ, every pair of values."""
    mine, theirs = facets(asked), facets(known)
    found = []
    for facet in sorted(LOOSE):
        a, b = mine.get(facet, frozenset()), theirs.get(facet, frozenset())
        if a and b and not a & b:
            found.append([(facet, min(p, q), max(p, q)) for p in a for q in b])
    return found


def features(asked: str, known: str, counts: Counts) -> list[float]:
    """What the network sees of a pair, in its order."""
    differ = difference(asked, known)
    literally = difference(asked, known, put=False)
    facet = facet_signals(asked, known)
    loose = [
        sum(counts.values.get(pair, 0.0) for pair in pairs) / len(pairs)
        for pairs in other_values(asked, known)
    ]
    return [
        float(len(differ.added)),
        float(len(differ.lost)),
        float(len(differ.theirs) - len(differ.lost)),
        len(differ.added) / max(1, len(differ.mine)),
        len(differ.lost) / max(1, len(differ.theirs)),
        math.log1p(len(differ.mine)),
        *_seen(differ.added, counts.asked),
        *_seen(differ.lost, counts.known),
        *_explained(differ, counts),
        float(sum(w.kind == "number" for w in differ.added)),
        float(sum(w.kind == "number" for w in differ.lost)),
        float(other_number(asked, known)),
        *(facet[name] for name in ("facets_clash", "loose_clash", "facets_new", "facets_lost")),
        facet["one_without"],
        max(loose, default=0.0),
        float(denied_otherwise(asked, known)),
        *_in_place(differ, counts),
        _foreign(asked, differ.added),
        _spelled_alike(differ),
        float(bool(_HANGUL.search(asked))),
        float(len(literally.added) - len(differ.added)),
        float(len(literally.lost) - len(differ.lost)),
        *_wanted_alike(asked, known),
    ]


def _wanted_alike(asked: str, known: str) -> tuple[float, float, float, float]:
    """Whether both want the same kind of answer, another one, or only one of them says which."""
    mine, theirs = wanted(asked), wanted(known)
    both = mine is not None and theirs is not None
    return (
        float(both and mine is theirs),
        float(both and mine is not theirs),
        float(mine is not None and theirs is None),
        float(mine is None and theirs is not None),
    )


def _seen(some: Sequence[Word], counts: Mapping[str, float]) -> tuple[float, float, float, float]:
    """The two largest counts, the sum of those above 0, how many have none."""
    plain = [key_of(word) for word in some if word.kind != "number"]
    found = sorted((counts[key] for key in plain if key in counts), reverse=True)
    first, second, *_ = [*found, 0.0, 0.0]
    return first, second, sum(max(0.0, value) for value in found), float(len(plain) - len(found))


def _explained(differ: Difference, counts: Counts) -> tuple[float, float]:
    """How well the known question's best and worst words are said in other words."""
    best = [
        max(
            (counts.swapped.get((key_of(a), key_of(lost)), UNSEEN) for a in differ.added),
            default=UNSEEN,
        )
        for lost in differ.lost
    ]
    return max(best, default=0.0), min(best, default=0.0)


def _in_place(differ: Difference, counts: Counts) -> tuple[float, float]:
    """Whether two words stand in each other's place, and how surely they are things."""
    added, lost = {w.written for w in differ.added}, {w.written for w in differ.lost}
    found = [
        counts.asked.get(key_of(a), STRANGE / 3) + counts.known.get(key_of(b), STRANGE / 3)
        for i, a in enumerate(differ.mine)
        if a.written in added
        for j, b in enumerate(differ.theirs)
        if b.written in lost and _beside_the_same(differ, i, j)
    ]
    return float(bool(found)), max([0.0, *(value + 1.0 for value in found)])


def _beside_the_same(differ: Difference, mine: int, theirs: int) -> bool:
    for step in (-1, 1):
        a, b = mine + step, theirs + step
        inside = 0 <= a < len(differ.mine) and 0 <= b < len(differ.theirs)
        if inside and differ.mine[a].key == differ.theirs[b].key:
            return True
    return False


def _foreign(asked: str, added: Sequence[Word]) -> float:
    """Latin names in a Korean question that the known one does not have."""
    return (
        float(sum(bool(_LATIN.match(w.written)) for w in added)) if _HANGUL.search(asked) else 0.0
    )


def _spelled_alike(differ: Difference) -> float:
    pieces = [
        (_pieces(a.key), _pieces(b.key))
        for a in differ.added
        for b in differ.lost
        if a.key != b.key
    ]
    return max((len(a & b) / min(len(a), len(b)) for a, b in pieces), default=0.0)


@lru_cache(maxsize=4_096)
def _pieces(word: str) -> frozenset[str]:
    return frozenset(word[i : i + 2] for i in range(len(word) - 1)) or frozenset((word,))


@cache
def shipped() -> tuple[Counts, Network]:
    """The counts and the network that ship."""
    with np.load(FILE, allow_pickle=False) as stored:

        def table(name: str) -> dict[tuple[str, ...], float]:
            keys = bytes(stored[name]).decode().split("\n")
            values = stored[f"{name}_values"].astype(float).tolist()
            return {tuple(k.split("\t")): v for k, v in zip(keys, values, strict=True)}

        counts = Counts(
            asked={key: value for (key,), value in table("asked").items()},
            known={key: value for (key,), value in table("known").items()},
            swapped={(a, b): value for (a, b), value in table("swapped").items()},
            values={(f, a, b): value for (f, a, b), value in table("values").items()},
        )
        network = Network(
            **{name: stored[name].astype(float) for name in ("mean", "scale", "inner")},
            inner_bias=stored["inner_bias"].astype(float),
            outer=stored["outer"].astype(float),
            outer_bias=float(stored["outer_bias"]),
        )
    return counts, network


@lru_cache(maxsize=4_096)
def worded_alike(asked: str, known: str) -> float:
    """The log-odds that both ask the same, by their words alone."""
    counts, network = shipped()
    return network.judge(features(asked, known, counts))


def forget_wordings() -> None:
    """Remember no text that was compared."""
    worded_alike.cache_clear()
    _pieces.cache_clear()
