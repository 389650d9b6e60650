"""Finds articles that say the same, wherever they come from and whatever they are called; pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from core.rag.knowledge.duplicates import says_the_same
from core.rag.knowledge.store import StoredArticle
from core.rag.vectors.lexical import token_set

ALIKE = 0.85  #: share of their words that two articles have in common, from which on they are one
RARE = 6  #: words of an article by which others are found that may say the same
CROWD = 40  #: articles that share a word; a word of more of them says nothing
SHORTEST = 5  #: different words; "Yes, we do." is no copy of another "Yes, we do."


def copies(stored: Sequence[StoredArticle]) -> list[list[StoredArticle]]:
    """Groups of articles of one language that say the same, the largest group first."""
    words = {one.article.id: token_set(one.article.text) for one in stored}
    by_id = {one.article.id: one for one in stored}
    groups = _Groups(list(by_id))
    for a, b in _candidates(stored, words):
        one, other = by_id[a].article, by_id[b].article
        if one.locale == other.locale and (
            _alike(words[a], words[b]) or says_the_same(one.text, other.text)
        ):
            groups.join(a, b)
    found = [[by_id[i] for i in members] for members in groups.all() if len(members) > 1]
    return sorted(found, key=lambda group: (-len(group), group[0].article.title))


def _candidates(
    stored: Sequence[StoredArticle], words: dict[str, frozenset[str]]
) -> Iterator[tuple[str, str]]:
    """Pairs that share one of their rarest words."""
    times = Counter(word for own in words.values() for word in own)
    sharing: dict[str, list[str]] = defaultdict(list)
    for one in stored:
        own = words[one.article.id]
        if len(own) < SHORTEST:
            continue
        for word in sorted(own, key=lambda w: (times[w], w))[:RARE]:
            sharing[word].append(one.article.id)
    seen: set[tuple[str, str]] = set()
    for ids in sharing.values():
        if len(ids) <= CROWD:
            for pair in combinations(sorted(ids), 2):
                if pair not in seen:
                    seen.add(pair)
                    yield pair


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether they share nearly all words; in numbers they may differ in none."""
    if any(word.isdigit() for word in one ^ other):
        return False
    return len(one & other) >= ALIKE * len(one | other)


class _Groups:
    """Disjoint sets."""

    def __init__(self, members: Sequence[str]) -> None:
        self._of = {member: member for member in members}

    def join(self, one: str, other: str) -> None:
        """They belong together, and so do those that belong to either."""
        self._of[self._root(one)] = self._root(other)

    def all(self) -> list[list[str]]:
        """The sets, in the order of their first members."""
        found: dict[str, list[str]] = {}
        for member in self._of:
            found.setdefault(self._root(member), []).append(member)
        return list(found.values())

    def _root(self, member: str) -> str:
        while self._of[member] != member:
            self._of[member] = member = self._of[self._of[member]]
        return member
