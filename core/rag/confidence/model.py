"""The confidence model: probability that an answer is right, from named signals.

Two logistic models, one for answers that have known questions to compare with and one for those
that have not. The file is small enough to read; `bench/train_prior.py` makes it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR = Path(__file__).with_name("prior.json")
SUBJECT = Path(__file__).with_name("subject.json")
PRIOR_WEIGHT = (
    10.0  #: how strongly a refit is held at the prior: 3 surprises move it little, 200 far
)
STEPS = 50
HELD = 0.3  #: the most that an answer about another thing is given
EASED_AT, EASED = 0.95, 0.9  #: for this precision this much is enough where the comparison passes
FEW, EASED_OF_FEW = 40, 0.5  #: and this much where no more questions are known than this
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
        return _probability(float(self.scaled(signals) @ self.weights) + self.bias)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """Scores answers; `thresholds` are where the target precision held."""

    models: Mapping[str, Model]  #: "learned" and "cold"
    thresholds: Mapping[float, float]  #: target precision -> confidence, on held-out data
    #: the probability that an answer is about the thing asked about; None where nobody says
    subject: Model | None = None
    holds: Mapping[str, float] = field(default_factory=dict)  #: by model, below which it is held
    #: the same where retrieval has all its signals and a source has one known question
    compared: Model | None = None

    @classmethod
    def load(cls, path: Path = PRIOR) -> Confidence:
        """The shipped prior, or another file of its shape; what holds an answer ships beside it."""
        found = cls.parse(json.loads(path.read_text(encoding="utf-8")))
        raw = json.loads(SUBJECT.read_text(encoding="utf-8"))
        return replace(
            found,
            subject=model_of(raw),
            compared=model_of(raw["compared"]),
            holds=raw["holds"],
        )

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Confidence:
        """The inverse of `plain`."""
        models = {name: model_of(model) for name, model in raw["models"].items()}
        return cls(
            models=models,
            thresholds={float(k): float(v) for k, v in raw["thresholds"].items()},
        )

    def plain(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "models": {name: plain_of(model) for name, model in self.models.items()},
            "thresholds": {f"{target:.2f}": value for target, value in self.thresholds.items()},
        }

    def score(self, signals: Mapping[str, float]) -> float:
        """The probability that the answer with these signals is right; 0 without signals."""
        if not signals:
            return 0.0
        score = self.models[kind_of(signals)].score(signals)
        # A question that is known word for word leaves nothing to estimate.
        if signals.get("same_words"):
            return max(score, KNOWN_WELL)
        if self.held(signals):
            return min(score, HELD)
        return self._eased(score, signals) if self._is_compared(signals) else score

    def held(self, signals: Mapping[str, float]) -> bool:
        """Whether the answer is about another thing than the one asked about."""
        if not signals or signals.get("same_words"):
            return False
        if signals.get("other_number") or signals.get("facets_clash"):
            return True
        if self._is_compared(signals):
            assert self.compared is not None
            return self.compared.score(signals) < self.holds["compared"]
        if self.subject is None or "match" not in signals:
            return False
        return self.subject.score(signals) < self.holds.get(kind_of(signals), 0.0)

    def _is_compared(self, signals: Mapping[str, float]) -> bool:
        """Whether retrieval compared the question with its source's only known question."""
        return (
            self.compared is not None
            and kind_of(signals) == "cold"
            and signals.keys() >= set(self.compared.names)
        )

    def _eased(self, score: float, signals: Mapping[str, float]) -> float:
        """The confidence in an answer that the comparison has let pass.

        It knows more than the model of the score did, so that `EASED` is as good as the threshold.
        Among few questions that model stops as many rewordings as among many, and hardly anything
        else.
        """
        few = signals.get("known_questions", math.inf) <= FEW
        enough = EASED_OF_FEW if few else EASED
        moved = _log_odds(self.threshold(EASED_AT)) - _log_odds(enough)
        return _probability(_log_odds(score) + moved)

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
        return replace(self, models=models)


def plain_of(model: Model) -> dict[str, Any]:
    """The inverse of `model_of`."""
    return {
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


def model_of(raw: Mapping[str, Any]) -> Model:
    """A model from its file."""
    signals = raw["signals"].values()
    return Model(
        names=list(raw["signals"]),
        means=np.array([s["mean"] for s in signals]),
        scales=np.array([s["scale"] for s in signals]),
        weights=np.array([s["weight"] for s in signals]),
        bias=float(raw["bias"]),
    )


def _log_odds(probability: float) -> float:
    at = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(at / (1 - at))


def _probability(log_odds: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(min(log_odds, 30.0), -30.0)))


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
