"""Sparse vectors of words: English stems, Korean character pairs, BM25 weights."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

from core.text.folding import compatible

K1 = 1.2
B = 0.75

_TOKEN = re.compile(r"[가-힣]+|[^\W_가-힣]+(?:'[^\W_]+)?")
_HANGUL = re.compile(r"[가-힣]")

STOP_WORDS = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did",
        "do", "does", "for", "from", "had", "has", "have", "he", "her", "hers", "him", "his",
        "how", "i", "i'd", "i'm", "i've", "if", "in", "into", "is", "it", "it's", "its", "just",
        "me", "my", "of", "on", "or", "our", "please", "she", "should", "so", "some", "than",
        "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to",
        "too", "up", "us", "was", "we", "were", "what", "what's", "when", "where", "which",
        "who", "whom", "why", "will", "with", "would", "you", "your", "yours", "am", "im",
        "ive", "id", "whats",
    )
)  # fmt: skip
"""Words that say little about what a question is about; they stay when nothing else is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseVector:
    """Weights by token number, as Qdrant takes them."""

    indices: tuple[int, ...] = ()
    values: tuple[float, ...] = ()


def normalize(text: str) -> str:
    """One form for texts that read alike: NFKC, lower case, single spaces."""
    return " ".join(compatible(text).lower().split())


def tokens(text: str) -> list[str]:
    """The tokens that are compared, in order: stems, and pairs of Korean characters."""
    found: list[str] = []
    stopped: list[str] = []
    for match in _TOKEN.finditer(normalize(text)):
        word = match.group()
        if _HANGUL.match(word):
            found.extend(_pairs(word))
        elif word in STOP_WORDS:
            stopped.append(word)
        else:
            found.append(stem(word))
    return found or stopped


def query_vector(text: str) -> SparseVector:
    """Every distinct token of a question counts once; the index multiplies by its rarity."""
    return _vector((token, 1.0) for token in dict.fromkeys(tokens(text)))


def document_vector(text: str, *, usual_length: float) -> SparseVector:
    """BM25's term weights for a document; `usual_length` is in tokens."""
    counts = Counter(tokens(text))
    total = sum(counts.values())
    damping = K1 * (1.0 - B + B * total / usual_length)
    return _vector((t, n * (K1 + 1.0) / (n + damping)) for t, n in counts.items())


@lru_cache(maxsize=20_000)
def token_set(text: str) -> frozenset[str]:
    """The distinct tokens of a text; remembered, because the same passages come up again."""
    return frozenset(tokens(text))


def forget_words() -> None:
    """Remember no text and no word."""
    token_set.cache_clear()
    stem.cache_clear()


def _vector(weights: Iterable[tuple[str, float]]) -> SparseVector:
    # Two tokens with one number are rare enough to be added up.
    summed: dict[int, float] = {}
    for token, weight in weights:
        number = zlib.crc32(token.encode())
        summed[number] = summed.get(number, 0.0) + weight
    return SparseVector(indices=tuple(summed), values=tuple(summed.values()))


def _pairs(word: str) -> list[str]:
    if len(word) == 1:
        return [word]
    return [word[i : i + 2] for i in range(len(word) - 1)]


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    # A stemmer keeps state while it works, so every call has its own; the cache makes that cheap.
    stem: str = snowballstemmer.stemmer("english").stemWord(word)
    return stem
