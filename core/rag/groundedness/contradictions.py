"""Finds contradictions between two sources: another number, or yes against no.

By rules alone, without an embedding: two clauses contradict each other when they are about the
same (what one says and the other does not is no other product, place, person or attribute), and
name amounts of one kind that do not agree, or one denies what the other says. In doubt they do not:
two siblings stand side by side in every knowledge base.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.rag.domain.model import Passage
from core.rag.semantics.alignment import FOUND, found_in
from core.rag.semantics.alignment import Word as Aligned
from core.rag.semantics.amounts.conflicting import is_money, other_amount, unmatched
from core.rag.semantics.assertions import Assertion, Matter, assertions, forget_assertions
from core.rag.semantics.facets import PRESENCE, WITHOUT
from core.rag.semantics.keywords import Word

LEAST = 0.5  #: share of the longer clause's words that the other one has

_LOOSE = frozenset({"asked", "unit", "presence", "order", "day", "part_of_day", "month", "action"})
_ANYBODY = frozenset({"nonmember"})  #: "guests" and "visitors" are whoever comes
_ALWAYS = frozenset({"weekday", "season", "person"})  #: of one alone they make another statement
_SAME_ACTIONS = (frozenset({"deliver", "send"}), frozenset({"return", "refund"}))
_STATES = frozenset({"included", "open", "contains"})  #: denied of something, only if said of it


class Kind(enum.StrEnum):
    """The kind of a contradiction."""

    NUMBER = "number"  #: an amount, a price, a time, a date, a share
    ANSWER = "answer"  #: yes and no: can and cannot, included and not, open and closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two sentences that cannot both be true."""

    kind: Kind
    one: str
    other: str


@lru_cache(maxsize=8192)
def contradictions(one: Passage, other: Passage) -> tuple[Contradiction, ...]:
    """The sentences of two passages that contradict each other, in the order of the first.

    Pure; a fraction of a millisecond for passages that were read before.
    """
    if one.id == other.id or one.locale != other.locale or _goes_on(one, other):
        return ()
    ours, theirs = assertions(one), assertions(other)
    strictly = one.article_id == other.article_id or (one.url == other.url != "")
    found: dict[tuple[str, str], Contradiction] = {}
    for a in ours:
        for b in theirs:
            # Long texts of one title are pieces of one page.
            pieces = one.title == other.title and not (a.answers and b.answers)
            kind = _contradict(a, b, strictly=strictly or pieces)
            if kind is None or _settled(a, b, ours, theirs):
                continue
            found.setdefault((a.text, b.text), Contradiction(kind=kind, one=a.text, other=b.text))
    return tuple(found.values())


def forget_contradictions() -> None:
    """Remember no text that was compared."""
    contradictions.cache_clear()
    forget_assertions()


def _goes_on(one: Passage, other: Passage) -> bool:
    """Whether both are pieces of one text, which means what it says."""
    return one.article_id == other.article_id and one.heading == other.heading


def _contradict(a: Assertion, b: Assertion, *, strictly: bool) -> Kind | None:
    if _free_and_paid(a, b) or _free_and_paid(b, a):
        return Kind.NUMBER if _same_matter(a, b, strictly=strictly) else None
    if other_amount(a.amounts, b.amounts):
        # What a bare number counts is not known.
        strictly = strictly or not all(amount.unit for amount in (*a.amounts, *b.amounts))
        same = _same_matter(a, b, strictly=strictly)
        # A bed with drawers and one without have two prices.
        return Kind.NUMBER if same and _lacks(a) == _lacks(b) else None
    if a.denied == b.denied or a.letters.isdisjoint(b.letters):
        return None
    denied, said = (a, b) if a.denied else (b, a)
    same = _same_predicate(denied, said) and _same_matter(a, b, strictly=strictly)
    return Kind.ANSWER if same and not _denies_a_part(denied, said) else None


def _free_and_paid(a: Assertion, b: Assertion) -> bool:
    # "Free from 50 euros on" is a condition, and no price.
    if not a.free or b.free or any(map(is_money, a.amounts)):
        return False
    return b.paid or any(is_money(amount) and amount.value > 0 for amount in b.amounts)


def _lacks(a: Assertion) -> bool:
    return WITHOUT in a.facets.get(PRESENCE, frozenset())


def _same_predicate(denied: Assertion, said: Assertion) -> bool:
    shared = bool(denied.predicates & said.predicates)
    return shared if denied.predicates & _STATES else shared or not said.amounts


def _denies_a_part(denied: Assertion, said: Assertion) -> bool:
    """Whether only something of what is said is denied: one place, one kind."""
    mine, theirs = denied.matter, said.matter
    assert mine is not None
    assert theirs is not None
    if any(not word.joined for word in _missing(mine.strong, theirs)):
        return True
    # One word in common, and the other clause goes on: "never added anything", "add a comment".
    beside = len(mine.strong) == 1 and bool(_missing(theirs.strong, mine))
    return beside and not any(
        word.key in mine.above_keys | theirs.above_keys for word in mine.strong
    )


def _settled(
    a: Assertion, b: Assertion, ours: Sequence[Assertion], theirs: Sequence[Assertion]
) -> bool:
    """Whether the other source says the same elsewhere, and so only speaks of more."""
    shared = _shared(a, b)
    return any(_agree(a, c) and _shared(a, c) >= shared for c in theirs if c is not b) or any(
        _agree(b, c) and _shared(b, c) >= shared for c in ours if c is not a
    )


def _shared(a: Assertion, b: Assertion) -> int:
    mine, theirs = a.matter, b.matter
    return len(mine.keys & theirs.keys) if mine and theirs else 0


def _agree(a: Assertion, b: Assertion) -> bool:
    if a.denied != b.denied or a.free != b.free or bool(a.amounts) != bool(b.amounts):
        return False
    return not unmatched(a.amounts, b.amounts) and _same_matter(a, b)


def _same_matter(a: Assertion, b: Assertion, *, strictly: bool = False) -> bool:
    """Whether both speak of the same; `strictly`: no word of weight may be one's alone."""
    mine, theirs = a.matter, b.matter
    if mine is None or theirs is None or mine.keys.isdisjoint(theirs.keys | theirs.above_keys):
        return False
    lost, new = _missing(mine.strong, theirs), _missing(theirs.strong, mine)
    if (lost and new) or (strictly and (lost or new)):
        return False
    if not _shares_enough(mine, theirs, len(lost), len(new), titled=bool(a.above and b.above)):
        return False
    if any(_narrows(word, theirs) for word in lost) or any(_narrows(word, mine) for word in new):
        return False
    above = [word for word in _missing(mine.above, theirs) if word.is_thing]
    below = [word for word in _missing(theirs.above, mine) if word.is_thing]
    if _at_other_ends(a, b) or ((lost or new) and _opens(a) != _opens(b)):
        return False  # when it opens and when it closes, or when something is done there
    if (above and below) or _other_numbers(a, b) or _other_actions(a, b):
        return False
    return not _other_facets(a, b, ours=bool(lost or above), theirs=bool(new or below))


def _at_other_ends(a: Assertion, b: Assertion) -> bool:
    ends = [n.predicates & {"opening", "closing"} for n in (a, b)]
    return a.denied == b.denied and bool(ends[0] and ends[1]) and not ends[0] & ends[1]


def _opens(a: Assertion) -> bool:
    return "open" in a.predicates


def _shares_enough(mine: Matter, theirs: Matter, lost: int, new: int, *, titled: bool) -> bool:
    if not mine.strong and not theirs.strong:
        # "We open at nine": the little words are all that there is.
        return bool(mine.keys & theirs.keys)
    shared = min(len(mine.strong) - lost, len(theirs.strong) - new)
    if shared == 1 and not titled:
        return False  # "aged 56" of whoever
    return shared >= max(1, LEAST * max(len(mine.strong), len(theirs.strong)))


def _missing(words: Iterable[Word], other: Matter) -> list[Word]:
    """The words of weight that the other source does not say here or above it."""
    there = other.keys | other.above_keys
    absent = [word for word in words if word.key not in there]
    if not absent:
        return []
    aligned, letters = [_aligned(key) for key in there], " ".join(there)
    return [w for w in absent if found_in(_aligned(w.key), aligned, letters) < FOUND]


def _aligned(key: str) -> Aligned:
    return Aligned(written=key, key=key, kind="ko" if "가" <= key[0] <= "힣" else "en")


def _narrows(word: Word, other: Matter) -> bool:
    """Whether a word makes a special case of what the other one says: express delivery."""
    qualified = any(word.qualifies == strong.key for strong in other.strong)
    return word.narrows or word.is_attribute or qualified


def _other_facets(a: Assertion, b: Assertion, *, ours: bool, theirs: bool) -> bool:
    """Whether they name other values of a facet, or one of them one that the other leaves out.

    `ours` and `theirs`: whether either has a word of weight to itself; otherwise what it names is
    in the other one too, in other words.
    """
    for facet in (a.facets.keys() | b.facets.keys()) - _LOOSE:
        first, second = (n.facets.get(facet, frozenset()) - _ANYBODY for n in (a, b))
        if first and second:
            if not first & second:
                return True
        elif (first or second) and (facet in _ALWAYS or (first and ours) or (second and theirs)):
            return True
    return False


def _other_actions(a: Assertion, b: Assertion) -> bool:
    """Whether they tell of two deeds: to change and to cancel."""
    if a.denied != b.denied and "open" in a.predicates & b.predicates:
        return False  # that it is open or closed is what they say
    first, second = (n.facets.get("action", frozenset()) for n in (a, b))
    merged = first.union(*(same for same in _SAME_ACTIONS if same & first))
    return bool(first and second) and not merged & second


def _other_numbers(a: Assertion, b: Assertion) -> bool:
    """Whether the title of one names a number that the other one does not."""
    mine, theirs = unmatched(a.numbers, b.numbers), unmatched(b.numbers, a.numbers)
    return bool(unmatched(mine, b.amounts)) or bool(unmatched(theirs, a.amounts))
