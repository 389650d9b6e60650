"""Prometheus counters of drafts, reasons, tokens and stages."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from core.domain.drafts import Draft

BUCKETS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0, 20.0, 40.0,
)  # fmt: skip


class AnswerMetrics:
    """Counters of drafts, their reasons, the model's tokens and the time of each stage."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._drafts = Counter(
            "contact_center_drafts", "Drafts by who wrote them.", ["answerer"], registry=registry
        )
        self._reasons = Counter(
            "contact_center_draft_reasons",
            "What went wrong on the way to a draft.",
            ["reason"],
            registry=registry,
        )
        self._tokens = Counter(
            "contact_center_model_tokens",
            "Tokens sent to and received from models.",
            ["model", "direction"],
            registry=registry,
        )
        self._recalled = Counter(
            "contact_center_answers_recalled",
            "Questions answered again without asking the model.",
            registry=registry,
        )
        self._seconds = Histogram(
            "contact_center_draft_seconds",
            "Time of each stage of a draft.",
            ["stage"],
            registry=registry,
            buckets=BUCKETS,
        )

    def drafted(self, draft: Draft) -> None:
        """Count a finished draft."""
        self._drafts.labels(draft.answerer or "none").inc()
        for reason in draft.reasons:
            self._reasons.labels(reason.value).inc()
        for stage, seconds in draft.stages.items():
            self._seconds.labels(stage).observe(seconds)

    def spent(self, *, name: str, tokens_in: int, tokens_out: int) -> None:
        """Count the tokens of one question to a model."""
        self._tokens.labels(name, "in").inc(tokens_in)
        self._tokens.labels(name, "out").inc(tokens_out)

    def recalled(self) -> None:
        """Count an answer that was remembered."""
        self._recalled.inc()
