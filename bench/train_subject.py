"""Makes core/rag/confidence/subject.json, the veto: `python -m bench.train_subject`.

A logistic model on the signals of the comparison, fitted to bench/contrast/fit, which the matcher
has not seen.
"""

from __future__ import annotations

import asyncio
import json
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.cached_encoder import CachedEncoder
from bench.contrast.__main__ import outcomes
from core.rag.commands.evaluation import Outcome
from core.rag.confidence.model import (
    EASED_OF_FEW,
    SUBJECT,
    Confidence,
    Model,
    fit_logistic,
    kind_of,
    plain_of,
)

SIGNALS = (
    "match", "overtook", "asked_missing", "known_missing", "core_missing", "loose_clash",
    "facets_new", "facets_lost", "one_without", "worded", "question", "question_margin",
    "question_overlap", "length",
)  # fmt: skip
STRENGTH = 3.0
#: What retrieval knows besides, for sources with one known question.
COMPARED = (
    *SIGNALS, "lead", "lost", "lost_weight", "lost_words", "question_floor", "question_spread",
    "share", "text", "text_margin", "text_overlap", "unknown_words", "unsaid", "vote", "words",
    "words_best",
)  # fmt: skip
COMPARED_STRENGTH = 20.0
STRANGERS = 20  #: questions of another trade that each company is asked besides
#: Below which probability an answer is held. Known questions of one answer may differ in the thing
#: and be answered alike, so that what has several is held more rarely; see docs/answers.md.
HOLDS = {"cold": 0.8, "learned": 0.3, "compared": 0.83}


def fitted(found: Sequence[Outcome], names: Sequence[str], *, strength: float) -> Model:
    """The model of these signals on these outcomes."""
    # What rules have decided needs no weighing.
    mine = [
        o
        for o in found
        if "match" in o.signals and kind_of(o.signals) == "cold" and not clashes(o.signals)
    ]
    table = np.array([[o.signals[name] for name in names] for o in mine])
    means, scales = table.mean(axis=0), table.std(axis=0)
    scales[scales < 1e-4] = 1.0
    weights, bias = fit_logistic(
        np.clip((table - means) / scales, -4.0, 4.0),
        np.array([float(o.right) for o in mine]),
        np.ones(len(mine)),
        center=np.zeros(len(names) + 1),
        strength=strength,
    )
    return Model(names=names, means=means, scales=scales, weights=weights, bias=bias)


async def gathered(encoder: CachedEncoder, *, strangers: int) -> dict[str, list[Outcome]]:
    """By trade and language, what was asked with one, two and three of four siblings known."""
    found: dict[str, list[Outcome]] = {}
    for siblings in (1, 2, 3):
        asked = await outcomes("fit", encoder, siblings=siblings, strangers=strangers)
        for name, some in asked.items():
            found.setdefault(name, []).extend(some)
    return found


def unseen(found: Mapping[str, Sequence[Outcome]]) -> str:
    """What a bound does where the model has not seen the trade: how `HOLDS` was chosen."""
    scored: list[tuple[float, str, Outcome]] = []
    for trade in {name.partition(".")[0] for name in found}:
        others = [
            o for name, some in found.items() if name.partition(".")[0] != trade for o in some
        ]
        model = fitted(others, COMPARED, strength=COMPARED_STRENGTH)
        for name, some in found.items():
            if name.partition(".")[0] == trade:
                for o in some:
                    judged = "match" in o.signals and not clashes(o.signals)
                    score = model.score(o.signals) if judged else 0.0
                    scored.append((score, name.rpartition(".")[2], o))
    lines = []
    prior = Confidence.load().models["cold"]
    for bound in (0.7, 0.75, 0.8, 0.85, 0.9):
        for lang in ("en", "ko"):
            mine = [
                (score >= bound and prior.score(o.signals) >= EASED_OF_FEW, o)
                for score, one, o in scored
                if one == lang
            ]
            known = [sent and o.right for sent, o in mine if o.question.relevant]
            near = [s for s, o in mine if not o.question.relevant and not _is_stranger(o)]
            far = [s for s, o in mine if _is_stranger(o)]
            right = [o.right for sent, o in mine if sent and not _is_stranger(o)]
            lines.append(
                f"{bound} {lang}: precision {np.mean(right):.3f}, known {np.mean(known):.3f},"
                f" unknown {np.mean(near):.3f}, of another trade {np.mean(far):.4f}"
            )
    return "\n".join(lines)


def clashes(signals: Mapping[str, float]) -> bool:
    """Whether the two name different values of one kind, so that nothing is to be weighed."""
    return bool(signals.get("other_number") or signals.get("facets_clash"))


def _is_stranger(outcome: Outcome) -> bool:
    return outcome.question.id.startswith("stranger")


async def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/rag-embeddings.pickle"))
    encoder = CachedEncoder(parser.parse_args().cache)
    found = await gathered(encoder, strangers=STRANGERS)
    every = [o for some in found.values() for o in some]
    near = [o for o in every if not _is_stranger(o)]
    print(unseen(found))
    made = {"made_by": "bench/train_subject.py", "trained_on": len(every), "holds": HOLDS}
    made |= plain_of(fitted(near, SIGNALS, strength=STRENGTH))
    made["compared"] = plain_of(fitted(every, COMPARED, strength=COMPARED_STRENGTH))
    SUBJECT.write_text(json.dumps(made, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    asyncio.run(main())
