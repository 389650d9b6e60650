"""Chooses what a group of past questions offers: its question, its answer, and what is doubtful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from core.rag.domain.model import Passage
from core.rag.groundedness.contradictions import contradictions
from imports.groups.exchanges import Exchange
from imports.groups.grouping import central
from imports.groups.likeness import alike, sketch_of
from imports.groups.model import Group, Kept

COMPARED = 6  #: of a group's different answers, the most frequent ones
MOST_CONFLICTS = 3
REPEATED_SHARE = 5  #: an answer that every fifth was given is one that the desk repeats
LONGEST_SHOWN = 300  #: characters of a question that stands for the others


def offer(group: Group, kept: Sequence[Kept], *, general: Collection[str]) -> Group:
    """The group with what it offers now; `general` are keys of answers that fit everything."""
    exchanges = [one.exchange for one in kept]
    times = Counter(one.said for one in exchanges)
    newest: dict[str, Exchange] = {}
    for one in exchanges:
        newest.setdefault(one.said, one)

    def worth(one: Exchange) -> tuple[bool, bool, bool, int, float]:
        at = one.at.timestamp() if one.at else 0.0
        return (
            one.said not in general,
            not one.one_customer,
            not one.holes,
            times[one.said],
            at,
        )

    best = max(newest.values(), key=worth)
    asked = kept[central([one.vector for one in kept])].exchange
    people = {who for one in exchanges for who in one.who[:1]}
    nameless = sum(not one.who for one in exchanges)
    compared = sorted(newest.values(), key=lambda e: (-times[e.said], e.id))[:COMPARED]
    return replace(
        group,
        size=len(exchanges),
        people=len(people) + nameless,
        question=asked.question[:LONGEST_SHOWN],
        answer=best.answer,
        answers=len(newest),
        locale=Counter(one.locale for one in exchanges).most_common(1)[0][0],
        said=best.said,
        conflicts=conflicts_among(asked.question, compared),
        holes=best.holes,
        one_customer=best.one_customer,
        general=best.said in general,
        last_at=max((one.at for one in exchanges if one.at), default=None),
    )


def conflicts_among(question: str, answers: Sequence[Exchange]) -> tuple[tuple[str, str], ...]:
    """Sentences of different answers that cannot both be true."""
    passages = [
        Passage(
            id=f"{one.id}#1",
            article_id=one.id,
            title=question,
            heading="",
            text=one.answer,
            locale=one.locale,
        )
        for one in answers
        if not one.one_customer
    ]
    found: dict[tuple[str, str], None] = {}
    for one, other in combinations(passages, 2):
        for said in contradictions(one, other):
            found[said.one, said.other] = None
            if len(found) == MOST_CONFLICTS:
                return tuple(found)
    return tuple(found)


def answered_by(kept: Sequence[Kept], said: str) -> list[Kept]:
    """Those that the answer with this key answers, as far as people's own answers tell.

    Where it was given again and again, whoever was answered otherwise asked another thing. Where
    answers were written anew each time, only those were that share theirs with others.
    """
    place = next((n for n, one in enumerate(kept) if one.exchange.said == said), None)
    if place is None:
        return list(kept)
    sketches = np.stack([sketch_of(one.exchange.answer) for one in kept])
    same = alike(sketches[place], sketches)
    if same.sum() > 1 and same.sum() * REPEATED_SHARE >= len(kept):
        return [one for one, is_same in zip(kept, same, strict=True) if is_same]
    return [
        one
        for one, is_same, sketch in zip(kept, same, sketches, strict=True)
        if is_same or alike(sketch, sketches).sum() == 1
    ]


def wordings(kept: Sequence[Kept], *, title: str, most: int) -> tuple[str, ...]:
    """The different ways in which a group asks, nearest to its middle first."""
    if not kept:
        return ()
    middle = kept[central([one.vector for one in kept])].vector
    ordered = sorted(kept, key=lambda one: -float(one.vector @ middle))
    seen = {title.casefold()}
    found: list[str] = []
    for one in ordered:
        question = one.exchange.question
        if question.casefold() not in seen:
            seen.add(question.casefold())
            found.append(question)
    return tuple(found[:most])
