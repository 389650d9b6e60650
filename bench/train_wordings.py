"""Makes core/rag/reranking/wording_model.npz: `python -m bench.train_wordings`; numpy only.

Counts the words that differ between every rewording and every sibling of bench/contrast's
`train` and `pairs`, and fits a small network to what the counts say of trades they have not seen.
`fit`, `held` and `fresh` are never read.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.contrast.sets import Trade, trades
from core.rag.commands.evaluation import auroc
from core.rag.reranking.wording_model import (
    FILE,
    Counts,
    Floats,
    Network,
    difference,
    features,
    key_of,
    other_values,
)
from core.rag.semantics.alignment import words

FOLDS = 6
SEED = 3
NEAR = 1  #: questions of other families that each wording is laid beside
HIDDEN, NETWORKS = 24, 2
EPOCHS, BATCH, RATE, DECAY = 12, 256, 3e-3, 1e-4
SAME_COUNTS = 2.0  #: there are four times as many pairs that do not ask the same
RARE = 3  #: a word seen less often is as good as unseen
Key = tuple[str, ...]
Seen = dict[Key, list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A question beside a known one."""

    trade: str
    asked: str
    known: str
    same: bool


@dataclass(slots=True)
class Tally:
    """How often each was seen between siblings and between rewordings."""

    asked: Seen = field(default_factory=dict)
    known: Seen = field(default_factory=dict)
    swapped: Seen = field(default_factory=dict)
    values: Seen = field(default_factory=dict)

    def add(self, pair: Pair) -> None:
        """Count this pair."""
        differ = difference(pair.asked, pair.known)
        added = {key_of(w) for w in differ.added if w.kind != "number"}
        lost = {key_of(w) for w in differ.lost if w.kind != "number"}
        swapped = {(key_of(a), key_of(b)) for a in differ.added for b in differ.lost}
        values = {two for pairs in other_values(pair.asked, pair.known) for two in pairs}
        for table, keys in (
            (self.asked, {(key,) for key in added}),
            (self.known, {(key,) for key in lost}),
            (self.swapped, swapped),
            (self.values, values),
        ):
            for key in keys:
                table.setdefault(key, [0, 0])[pair.same] += 1

    def counts(self, ratio: float) -> Counts:
        """As log-ratios; `ratio` is how many siblings come to one rewording."""

        def told(table: Mapping[Key, Sequence[int]], ease: float) -> dict[Any, float]:
            return {
                key if len(key) > 1 else key[0]: math.log((n / ratio + ease) / (p + ease))
                for key, (n, p) in table.items()
            }

        often = [{k: c for k, c in t.items() if sum(c) >= RARE} for t in (self.asked, self.known)]
        swapped = {key: c for key, c in self.swapped.items() if c[1] >= RARE - 1}
        return Counts(
            asked=told(often[0], 1.0),
            known=told(often[1], 1.0),
            swapped={key: -value for key, value in told(swapped, 0.5).items()},
            values=told(self.values, 1.0),
        )


def pairs_of(trade: Trade) -> Iterator[Pair]:
    """Every rewording beside its own and its siblings' questions, the nearest other, and traps."""
    families = [*trade.families, *([row] for row in trade.rows)]
    said = {
        one.question: (number, {word.key for word in words(one.question)})
        for number, family in enumerate(families)
        for one in family
    }
    for number, family in enumerate(families):
        for one in family:
            for other in family:
                texts = one.rewordings if one is other else (one.question, *one.rewordings)
                for text in texts:
                    yield Pair(
                        trade=trade.name, asked=text, known=other.question, same=one is other
                    )
            for text in (one.question, *one.rewordings):
                mine = {word.key for word in words(text)}
                others = sorted(
                    ((len(mine & keys), q) for q, (of, keys) in said.items() if of != number),
                    reverse=True,
                )
                for shared, known in others[:NEAR]:
                    if shared:
                        yield Pair(trade=trade.name, asked=text, known=known, same=False)
    for text, near in trade.traps:
        yield Pair(trade=trade.name, asked=text, known=near, same=False)


def tallied(some: Sequence[Pair]) -> Counts:
    """The counts of these pairs."""
    tally = Tally()
    for pair in some:
        tally.add(pair)
    same = sum(pair.same for pair in some)
    return tally.counts((len(some) - same) / same)


def seen_by_others(some: Sequence[Pair]) -> tuple[Floats, Floats]:
    """The features of every pair by counts of other trades, and whether it is the same."""
    names = sorted({pair.trade for pair in some})
    random.Random(SEED).shuffle(names)
    fold = {name: number % FOLDS for number, name in enumerate(names)}
    rows: list[list[float]] = []
    truth: list[float] = []
    for number in range(FOLDS):
        counts = tallied([p for p in some if fold[p.trade] != number])
        for pair in some:
            if fold[pair.trade] == number:
                rows.append(features(pair.asked, pair.known, counts))
                truth.append(float(pair.same))
        print(f"  fold {number + 1} of {FOLDS}", flush=True)
    return np.array(rows), np.array(truth)


def fitted(rows: Floats, truth: Floats) -> Network:
    """Some networks side by side, as one."""
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    scaled = np.clip((rows - mean) / scale, -4.0, 4.0)
    made = [_trained(scaled, truth, seed=seed) for seed in range(NETWORKS)]
    return Network(
        mean=mean,
        scale=scale,
        inner=np.hstack([one[0] for one in made]),
        inner_bias=np.hstack([one[1] for one in made]),
        outer=np.hstack([one[2][:, 0] for one in made]) / NETWORKS,
        outer_bias=float(np.mean([one[3] for one in made])),
    )


def _trained(rows: Floats, truth: Floats, *, seed: int) -> list[Floats]:
    """One hidden layer by Adam."""
    rng = np.random.default_rng(seed)
    size = rows.shape[1]
    parts = [
        rng.normal(0, size**-0.5, (size, HIDDEN)), np.zeros(HIDDEN),
        rng.normal(0, HIDDEN**-0.5, (HIDDEN, 1)), np.zeros(1),
    ]  # fmt: skip
    means, squares = [0 * part for part in parts], [0 * part for part in parts]
    weights = np.where(truth > 0, SAME_COUNTS, 1.0)
    step = 0
    for epoch in range(EPOCHS):
        for batch in np.array_split(rng.permutation(len(truth)), len(truth) // BATCH):
            hidden = np.tanh(rows[batch] @ parts[0] + parts[1])
            odds = (hidden @ parts[2] + parts[3])[:, 0]
            off = (1 / (1 + np.exp(-odds)) - truth[batch]) * weights[batch]
            delta = (off / weights[batch].sum())[:, None]
            back = (delta @ parts[2].T) * (1 - hidden**2)
            slopes = [rows[batch].T @ back, back.sum(0), hidden.T @ delta, delta.sum(0)]
            step += 1
            for i, slope in enumerate(slopes):
                slope = slope + DECAY * parts[i]
                means[i] = 0.9 * means[i] + 0.1 * slope
                squares[i] = 0.999 * squares[i] + 0.001 * slope**2
                size_of_step = RATE * (1 - epoch / EPOCHS) / (1 - 0.9**step)
                parts[i] = parts[i] - size_of_step * means[i] / (
                    np.sqrt(squares[i] / (1 - 0.999**step)) + 1e-8
                )
    return parts


def write(counts: Counts, network: Network, file: Path = FILE) -> None:
    """The file that ships."""
    stored: dict[str, Any] = {}
    for name in ("asked", "known", "swapped", "values"):
        table = getattr(counts, name)
        keys = ["\t".join(key) if isinstance(key, tuple) else key for key in table]
        stored[name] = np.frombuffer("\n".join(keys).encode(), np.uint8)
        stored[f"{name}_values"] = np.array(list(table.values()), np.float16)
    for name in ("mean", "scale", "inner", "inner_bias", "outer", "outer_bias"):
        stored[name] = np.array(getattr(network, name), np.float32)
    np.savez_compressed(file, **stored)


def everything() -> list[Pair]:
    """All pairs that may be looked at."""
    return [
        pair
        for folder in ("pairs", "train")
        for trade in trades(folder)
        for pair in pairs_of(trade)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FILE)
    arguments = parser.parse_args()
    some = everything()
    rows, truth = seen_by_others(some)
    network = fitted(rows, truth)
    odds = np.array([network.judge(row) for row in rows])
    print(f"auroc {auroc(odds, truth > 0):.4f} of {len(rows)} pairs (the network has seen them)")
    write(tallied(some), network, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
