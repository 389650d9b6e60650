"""Finds duplicate answers: the same file again, or a copy with a typo mended.

Two copies would compete for one question, and the confidence would fall to that of a guess between
two answers. So they are one answer with one name, asked for by the same questions once.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import TypeVar

from config.languages import every
from core.rag.domain.chunks import plain
from core.rag.domain.model import Article, Passage
from core.rag.reranking.discriminant import Groups
from core.rag.vectors.index import Field, KnownQuestions, Match
from core.rag.vectors.lexical import normalize, token_set, tokens

T = TypeVar("T")

MOST = 4  #: copies that a search makes room for
CROWD = 40  #: entries under one title; more are an encyclopaedia's, not copies
STEM = 3  #: letters two spellings of a word begin with
_COPY = re.compile("|".join((r"\(\d{1,2}\)", *every("documents", "copies"))))


def answer_key(article: Article, passages: Sequence[Passage]) -> str:
    """The name of an answer by what it says: the same for each copy, wherever it stands.

    Under which title it stands counts as well ("Yes." to two questions is two answers), unless the
    title is only the name of the file.
    """
    title = "" if PurePath(article.source).stem == article.title else _bare(article.title)
    said = "\n".join(plain(passage.text) for passage in passages)
    parts = (title, _bare(passages[0].heading), " ".join(tokens(said)))
    return "said:" + hashlib.blake2b("\x1f".join(parts).encode(), digest_size=10).hexdigest()


def says_the_same(one: str, other: str) -> bool:
    """Whether two texts differ in spelling only: in no number, no "not" and no word of weight."""
    a, b = token_set(one), token_set(other)
    left, right = a - b, b - a
    return all(_spelt_alike(word, right) for word in left) and all(
        _spelt_alike(word, left) for word in right
    )


def rivals(known: KnownQuestions) -> list[list[int]]:
    """Rows of answers that stand under the same title or heading, and perhaps are copies."""
    under: dict[str, dict[str, int]] = defaultdict(dict)
    for row, question in enumerate(known.questions):
        if not known.learned[row] and not known.bare[row]:
            under[normalize(question)].setdefault(known.answers[row], row)
    return [list(rows.values()) for rows in under.values() if 1 < len(rows) <= CROWD]


def copies_among(
    known: KnownQuestions, rows: Sequence[Sequence[int]], said: Mapping[str, str]
) -> dict[str, str]:
    """Which of these answers are copies of which: the name of each by that of the first.

    `said` are the texts by the passage's id.
    """
    found: dict[str, str] = {}
    for group in rows:
        for place, row in enumerate(group):
            for earlier in group[:place]:
                texts = said.get(known.passages[earlier], ""), said.get(known.passages[row], "")
                if all(texts) and says_the_same(*texts):
                    first = known.answers[earlier]
                    found[known.answers[row]] = found.get(first, first)
                    break
    return found


def once_each(known: KnownQuestions, groups: Groups) -> tuple[KnownQuestions, int]:
    """The questions without those of copies, and how many copies of one there are at most."""
    times: dict[tuple[str, bytes], int] = defaultdict(int)
    kept: list[int] = []
    for row, answer in enumerate(known.answers):
        key = groups.of(answer), known.vectors[row].round(5).tobytes()
        times[key] += 1
        if times[key] == 1:
            kept.append(row)
    if len(kept) == len(known.answers):
        return known, 1

    def of(column: Sequence[T]) -> list[T]:
        return [column[row] for row in kept] if column else []

    single = replace(
        known,
        answers=of(known.answers),
        topics=of(known.topics),
        bare=of(known.bare),
        questions=of(known.questions),
        passages=of(known.passages),
        learned=of(known.learned),
        vectors=known.vectors[kept],
    )
    return single, max(times.values())


def one_each(
    found: Mapping[Field, Sequence[Match]], groups: Groups, *, limit: int
) -> Mapping[Field, Sequence[Match]]:
    """The matches without those of copies, at most so many in each field."""
    return {name: _distinct(matches, groups)[:limit] for name, matches in found.items()}


def _distinct(matches: Sequence[Match], groups: Groups) -> Sequence[Match]:
    seen: set[tuple[str, str]] = set()
    kept: list[Match] = []
    for match in matches:
        said = match.payload.get("question") or match.payload.get("text", "")
        key = groups.of(match.payload["answer"]), " ".join(tokens(said))
        if key not in seen:
            seen.add(key)
            kept.append(match)
    return kept


def _bare(title: str) -> str:
    return " ".join(_COPY.sub(" ", normalize(plain(title))).split())


def _spelt_alike(word: str, others: frozenset[str] | set[str]) -> bool:
    """Whether one of these is this word in another spelling, or with a letter too many."""
    if len(word) <= STEM + 1 or any(character.isdigit() for character in word):
        return False
    return any(
        abs(len(word) - len(other)) <= 1 and word[:STEM] == other[:STEM] and _one_apart(word, other)
        for other in others
        if len(other) > STEM + 1
    )


def _one_apart(word: str, other: str) -> bool:
    """Whether one letter, left out, added or exchanged, or two turned round, is all."""
    same = 0
    while same < min(len(word), len(other)) and word[same] == other[same]:
        same += 1
    one, two = word[same:], other[same:]
    turned = one[:2] == two[:2][::-1] and one[2:] == two[2:]
    return one[1:] == two[1:] or one == two[1:] or one[1:] == two or turned
