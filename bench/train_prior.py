"""Makes core/rag/confidence/prior.json, which ships: `python -m bench.train_prior`."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.cached_encoder import CachedEncoder
from bench.labelled import DATA, SETUPS, outcomes_of
from core.rag.commands.evaluation import Outcome
from core.rag.confidence.model import PRIOR, Confidence, fit_logistic, kind_of
from core.rag.confidence.threshold import ASSURANCE, EVEN_ODDS, NEVER, guaranteed_threshold

SEED = 20261122
FOLDS = 5
STRENGTH = 3.0
EVIDENCE = 700.0  #: the largest number of questions that one set may count for
PROMISE = 0.95  #: the target for which both models share one threshold
TARGETS = (0.80, 0.90, 0.95, 0.97, 0.99)
#: Of the error a target allows, by kind of answer; the rest is for questions of kinds not seen.
#: Known questions pile up by decisions, and what was learned from few of them is more often wrong.
SPENT = {"cold": 2 / 3, "learned": 1 / 2}

COLD = (
    "question", "question_margin", "question_spread", "text", "text_margin", "has_text", "share",
    "lead", "vote", "question_overlap", "text_overlap", "unknown_words", "length",
    "other_language", "lost", "lost_words",
)  # fmt: skip
LEARNED = (
    *COLD, "lost_weight", "unsaid", "words", "words_best", "head_margin", "head_distance",
    "head_agrees", "question_floor", "strangeness", "nearness", "recognised", "recognised_margin",
    "elsewhere",
)  # fmt: skip
SIGNALS = {"cold": COLD, "learned": LEARNED}

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One answer with the score of a model that had not seen its question."""

    name: str  #: of the set
    kind: str  #: "learned" or "cold"
    score: float
    right: bool


def fit(sets: Mapping[str, Sequence[Outcome]]) -> Confidence:
    """Both models on these sets; a set's weight is bounded, so that none drowns the others."""
    models = {}
    for kind, names in SIGNALS.items():
        rows, truth, counts = [], [], []
        for outcomes in sets.values():
            mine = [o for o in outcomes if o.signals and kind_of(o.signals) == kind]
            rows += [[o.signals[name] for name in names] for o in mine]
            truth += [o.right for o in mine]
            counts += [min(1.0, EVIDENCE / max(len(mine), 1))] * len(mine)
        if not rows:
            continue
        table = np.array(rows)
        means, scales = table.mean(axis=0), table.std(axis=0)
        scales[scales < 1e-4] = 1.0  # a signal that never varied here says nothing yet
        scaled = np.clip((table - means) / scales, -4.0, 4.0)
        weights, bias = fit_logistic(
            scaled,
            np.array(truth, dtype=float),
            np.array(counts),
            center=np.zeros(len(names) + 1),
            strength=STRENGTH,
        )
        models[kind] = {
            "bias": round(bias, 4),
            "signals": {
                name: {
                    "weight": round(float(weights[i]), 4),
                    "mean": round(float(means[i]), 5),
                    "scale": round(float(scales[i]), 5),
                }
                for i, name in enumerate(names)
            },
        }
    return Confidence.parse({"models": models, "thresholds": {"1.0": 1.0}})


def unseen_scores(sets: Mapping[str, Sequence[Outcome]]) -> list[Scored]:
    """All outcomes with the scores of models that had not seen the question."""
    rng = np.random.default_rng(SEED)
    folds = {name: rng.permutation(len(found)) % FOLDS for name, found in sets.items()}
    scored = []
    for fold in range(FOLDS):
        taught = {
            name: [o for o, own in zip(found, folds[name], strict=True) if own != fold]
            for name, found in sets.items()
        }
        model = fit(taught)
        scored += [
            Scored(
                name=name,
                kind=kind_of(outcome.signals),
                score=model.score(outcome.signals),
                right=outcome.right,
            )
            for name, found in sets.items()
            for outcome, own in zip(found, folds[name], strict=True)
            if own == fold
        ]
    return scored


def strict_threshold(scored: Sequence[Scored], kind: str, target: float) -> float:
    """Where the target holds with margin: for all sets together and for each that can show it."""
    scored = [s for s in scored if s.kind == kind]
    asked = 1.0 - (1.0 - target) * SPENT[kind]
    found = [_guaranteed(scored, asked, ASSURANCE)]
    for name in dict.fromkeys(s.name for s in scored):
        own = _guaranteed([s for s in scored if s.name == name], asked, EVEN_ODDS)
        # A set that is too small to show anything demands nothing.
        found += [own] if own < NEVER else []
    return min(max(found), 1.0)


def _guaranteed(scored: Sequence[Scored], target: float, assurance: float) -> float:
    scores, right = [s.score for s in scored], [s.right for s in scored]
    return guaranteed_threshold(scores, right, target=target, assurance=assurance)


def evened(models: Confidence, scored: Sequence[Scored]) -> Confidence:
    """Both models moved so that one threshold keeps the promise for either kind of answer.

    Without that, answers from articles alone would go out at the same number as answers with
    known questions, and be wrong more often.
    """
    needed = {kind: log_odds(strict_threshold(scored, kind, PROMISE)) for kind in models.models}
    shared = sum(needed.values()) / len(needed)
    return Confidence(
        models={
            kind: replace(model, bias=model.bias + shared - needed[kind])
            for kind, model in models.models.items()
        },
        thresholds=models.thresholds,
    )


def log_odds(score: float) -> float:
    """The score as log-odds, within reason."""
    bounded = min(max(score, 1e-4), 1.0 - 1e-4)
    return math.log(bounded / (1.0 - bounded))


def trained(sets: Mapping[str, Sequence[Outcome]]) -> Confidence:
    """Models, evened, and the thresholds that they earn on questions they had not seen."""
    scored = unseen_scores(sets)
    bare = fit(sets)
    moved = evened(bare, scored)
    by = {kind: moved.models[kind].bias - bare.models[kind].bias for kind in bare.models}
    shifted = [
        replace(s, score=1.0 / (1.0 + math.exp(-(log_odds(s.score) + by[s.kind])))) for s in scored
    ]
    found: dict[float, float] = {}
    for target in TARGETS:
        asked = [strict_threshold(shifted, kind, target) for kind in by]
        # A small set may show less than .9 and not .9 itself: more never asks for less.
        found[target] = max(*asked, *found.values())
    return replace(moved, thresholds={target: round(t, 4) for target, t in found.items()})


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/rag-embeddings.pickle"))
    parser.add_argument("--only", nargs="*", help="folders; all when none is named")
    parser.add_argument("--out", type=Path, default=PRIOR)
    arguments = parser.parse_args()
    encoder = CachedEncoder(arguments.cache)
    sets = {
        setup.name: await outcomes_of(setup, encoder, data=arguments.data)
        for setup in SETUPS
        if not arguments.only or setup.folder in arguments.only
    }
    arguments.out.write_text(as_text(shipped(sets)), encoding="utf-8")


def shipped(sets: Mapping[str, Sequence[Outcome]]) -> dict[str, object]:
    """What stands in the file."""
    return trained(sets).plain() | {
        "made_by": "bench/train_prior.py",
        "seed": SEED,
        "trained_on": {name: len(found) for name, found in sets.items()},
    }


def as_text(prior: Mapping[str, object]) -> str:
    """The text of the file."""
    return json.dumps(prior, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    asyncio.run(main())
