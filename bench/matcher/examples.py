"""Pairs of questions with whether they ask the same, drawn anew for every pass over the sets."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.contrast.sets import Trade, trades
from bench.labelled import DATA
from bench.matcher.turned import turned
from core.rag.vectors.encoder import Encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Wordings:
    """Texts that ask the same, the known question first."""

    family: str  #: the same for siblings; "" where there are none
    texts: Sequence[str]
    thing: str = ""  #: what tells them from their siblings
    near: Sequence[str] = ()  #: known questions of others that are nearest by meaning


Pair = tuple[str, str, bool]


def all_wordings(encoder: Encoder) -> list[list[Wordings]]:
    """By company: the trades that are trained on, and the known questions of two labelled sets."""
    companies = [_of_trade(trade) for folder in ("train", "pairs") for trade in trades(folder)]
    companies += [_of_labelled(DATA / name) for name in ("a1_bank", "a3_parakqc")]
    return [_with_near(company, encoder) for company in companies]


def pairs(companies: Sequence[Sequence[Wordings]], rng: random.Random) -> list[Pair]:
    """One pass: for every wording that is the same, about two that are not."""
    found: list[Pair] = []
    for company in companies:
        siblings: dict[str, list[Wordings]] = {}
        for one in company:
            siblings.setdefault(one.family or one.texts[0], []).append(one)
        for family in siblings.values():
            for one in family:
                others = [other for other in family if other is not one]
                found += _same(one, rng) + _other(one, others, rng)
                if others:
                    found += _lent(one, rng.choice(others), rng)
    return found


def trap_pairs() -> list[Pair]:
    """Questions that nothing answers beside those they look like."""
    return [(text, near, False) for trade in trades("train") for text, near in trade.traps]


def _same(one: Wordings, rng: random.Random) -> list[Pair]:
    # The known question stands second, as it will when a customer asks.
    return [
        (b, a, True) if rng.random() < 0.65 else (a, b, True)
        for i, a in enumerate(one.texts)
        for b in one.texts[i + 1 :]
        if a == one.texts[0] or rng.random() < 0.35
    ]


def _other(one: Wordings, siblings: Sequence[Wordings], rng: random.Random) -> list[Pair]:
    known, *rest = one.texts
    found: list[Pair] = []
    for text in rest:
        for sibling in rng.sample(siblings, min(2, len(siblings))):
            theirs = sibling.texts[0] if rng.random() < 0.7 else rng.choice(sibling.texts)
            found.append((text, theirs, False) if rng.random() < 0.75 else (theirs, text, False))
    if siblings:
        found.append((known, rng.choice(siblings).texts[0], False))
    if one.near:
        found.append((rng.choice(one.texts), rng.choice(one.near), False))
    return found + [
        (changed, rng.choice(one.texts), False)
        for text in one.texts
        if rng.random() < 0.35 and (changed := turned(text, rng)) is not None
    ]


def _lent(one: Wordings, sibling: Wordings, rng: random.Random) -> list[Pair]:
    """Wordings of the one about a sibling's thing: the thing decides, not the words."""
    named = re.compile(re.escape(one.thing) + r"(?=s?\b|[가-힣])", re.IGNORECASE)
    found: list[Pair] = []
    for text in one.texts:
        match = named.search(text)
        if match and rng.random() < 0.6:
            changed = text[: match.start()] + sibling.thing + text[match.end() :]
            theirs = sibling.texts[0] if rng.random() < 0.6 else rng.choice(sibling.texts)
            own = one.texts[0] if rng.random() < 0.6 else rng.choice(one.texts)
            found += [(changed, theirs, True), (changed, own, False)]
    return found


def _of_trade(trade: Trade) -> list[Wordings]:
    found = [
        Wordings(family=f"{number}", texts=(known.question, *known.rewordings), thing=known.thing)
        for number, family in enumerate(trade.families)
        for known in family
    ]
    return found + [Wordings(family="", texts=(r.question, *r.rewordings)) for r in trade.rows]


def _of_labelled(folder: Path) -> list[Wordings]:
    known: dict[str, list[str]] = {}
    for row in _rows(folder / "kb.jsonl"):
        known[row["id"]] = [row["title"]]
    for row in _rows(folder / "kb_examples.jsonl"):
        known[row["article"]].append(row["title"])
    return [Wordings(family="", texts=texts) for texts in known.values()]


def _with_near(company: Sequence[Wordings], encoder: Encoder) -> list[Wordings]:
    known = [one.texts[0] for one in company]
    vectors = encoder.questions(known)
    order = np.argsort(-(vectors @ vectors.T), axis=1)
    found = []
    for one, row in zip(company, order, strict=True):
        others = [int(i) for i in row if company[i] is not one]
        strangers = [i for i in others if not one.family or company[i].family != one.family]
        near = [known[i] for i in strangers[:4]]
        found.append(replace(one, near=near))
    return found


def _rows(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
