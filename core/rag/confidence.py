"""The probability that an answer is right, from named signals: a shipped prior, refitted locally.

Two logistic models, one for answers that have known questions to compare with and one for those
that have not. The file is small enough to read; core/rag/train_prior.py makes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR = Path(__file__).with_name("prior.json")
PRIOR_WEIGHT = (
    10.0  #: how strongly a refit is held at the prior: 3 surprises move it little, 200 far
)
STEPS = 50
KNOWN_WELL = 0.985  #: how sure a question is that was asked before in the same words


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A logistic model over scaled signals; the sequences correspond."""

    names: Sequence[str]
    means: Floats
    scales: Floats
    weights: Floats
    bias: float

    def scaled(self, signals: Mapping[str, float]) -> Floats:
        """The signals as the weights count them; one that is missing counts as usual."""
        row = np.array([signals.get(n, m) for n, m in zip(self.names, self.means, strict=True)])
        return np.asarray(np.clip((row - self.means) / self.scales, -4.0, 4.0), dtype=np.float64)

    def score(self, signals: Mapping[str, float]) -> float:
        """The probability, 0 to 1."""
        z = float(self.scaled(signals) @ self.weights) + self.bias
        return 1.0 / (1.0 + math.exp(-max(min(z, 30.0), -30.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """Scores answers; `thresholds` say from which confidence on the target precision held."""

    models: Mapping[str, Model]  #: "learned" and "cold"
    thresholds: Mapping[float, float]  #: target precision -> confidence, on held-out data

    @classmethod
    def load(cls, path: Path = PRIOR) -> Confidence:
        """The shipped prior, or another file of its shape."""
        return cls.parse(json.loads(path.read_text(encoding="utf-8")))

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Confidence:
        """The inverse of `plain`."""
        models = {
            name: Model(
                names=list(model["signals"]),
                means=np.array([s["mean"] for s in model["signals"].values()]),
                scales=np.array([s["scale"] for s in model["signals"].values()]),
                weights=np.array([s["weight"] for s in model["signals"].values()]),
                bias=float(model["bias"]),
            )
            for name, model in raw["models"].items()
        }
        return cls(
            models=models, thresholds={float(k): float(v) for k, v in raw["thresholds"].items()}
        )

    def plain(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "models": {
                name: {
                    "bias": round(model.bias, 4),
                    "signals": {
                        signal: {
                            "weight": round(float(model.weights[i]), 4),
                            "mean": round(float(model.means[i]), 5),
                            "scale": round(float(model.scales[i]), 5),
                        }
                        for i, signal in enumerate(model.names)
                    },
                }
                for name, model in self.models.items()
            },
            "thresholds": {f"{target:.2f}": value for target, value in self.thresholds.items()},
        }

    def score(self, signals: Mapping[str, float]) -> float:
        """The probability that the answer with these signals is right; 0 without signals."""
        if not signals:
            return 0.0
        score = self.models[kind_of(signals)].score(signals)
        # A question that is known word for word leaves nothing to estimate.
        return max(score, KNOWN_WELL) if signals.get("same_words") else score

    def threshold(self, target: float) -> float:
        """The confidence from which on answers were right at least `target` of the time.

        A target of 1 cannot be promised and gives 1; between the measured ones it interpolates.
        """
        if target >= 1.0:
            return 1.0
        targets = sorted(self.thresholds)
        return float(np.interp(target, targets, [self.thresholds[t] for t in targets]))

    def refit(
        self,
        signals: Sequence[Mapping[str, float]],
        right: Sequence[bool],
        *,
        weights: Sequence[float] | None = None,
        prior_weight: float = PRIOR_WEIGHT,
    ) -> Confidence:
        """The same models moved by what was observed here, as far as the evidence goes."""
        counts = np.ones(len(signals)) if weights is None else np.asarray(weights, dtype=float)
        kinds = np.array([kind_of(s) for s in signals])
        truth = np.asarray(right, dtype=np.float64)
        models = dict(self.models)
        for kind, model in self.models.items():
            mine = [int(i) for i in np.flatnonzero(kinds == kind)]
            if mine:
                rows = np.stack([model.scaled(signals[i]) for i in mine])
                w, b = fit_logistic(
                    rows, truth[mine], counts[mine],
                    center=np.append(model.weights, model.bias), strength=prior_weight,
                )  # fmt: skip
                models[kind] = Model(
                    names=model.names, means=model.means, scales=model.scales, weights=w, bias=b
                )
        return Confidence(models=models, thresholds=self.thresholds)


def kind_of(signals: Mapping[str, float]) -> str:
    """Which of the two models these signals belong to."""
    return "learned" if signals.get("learned", 0.0) >= 0.5 else "cold"


def fit_logistic(
    rows: Floats, truth: Floats, counts: Floats, *, center: Floats, strength: float
) -> tuple[Floats, float]:
    """Weights and bias of the likeliest logistic model, held near `center` (the bias last)."""
    design = np.hstack([rows, np.ones((len(rows), 1))])
    hold = np.full(design.shape[1], strength)
    hold[-1] = strength * 0.1  # how often answers are right differs most between deployments
    found = center.astype(np.float64).copy()

    def loss(at: Floats) -> float:
        z = design @ at
        fit = counts @ (np.logaddexp(0.0, z) - truth * z)
        return float(fit + 0.5 * hold @ (at - center) ** 2)

    current = loss(found)
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(design @ found, -30, 30)))
        gradient = design.T @ (counts * (p - truth)) + hold * (found - center)
        curvature = design.T @ (design * (counts * p * (1 - p))[:, None]) + np.diag(hold)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-4 and loss(found - size * step) > current:
            size /= 2
        found = found - size * step
        after = loss(found)
        if current - after < 1e-9:
            break
        current = after
    return found[:-1], float(found[-1])
