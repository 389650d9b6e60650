"""A Prometheus histogram of the time a message spends at each stage."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Histogram

Observe = Callable[[str, float], None]
"""Takes a stage's name and its seconds."""

STAGES = ("accept", "wait", "retrieve", "answer", "deliver")
BUCKETS = (
    0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15,
    0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 40.0,
)  # fmt: skip


def stage_histogram(registry: CollectorRegistry) -> Observe:
    """Registers `contact_center_stage_seconds` and gives what fills it.

    accept: until the message is stored · wait: from there until a draft begins (bursts) ·
    retrieve: embedding and search · answer: the whole draft · deliver: until the outcome is
    stored, which on the web is when the customer has it.
    """
    histogram = Histogram(
        "contact_center_stage_seconds",
        "Time of each stage of a message's way.",
        ["stage"],
        registry=registry,
        buckets=BUCKETS,
    )
    observers = {stage: histogram.labels(stage).observe for stage in STAGES}
    return lambda stage, seconds: observers[stage](seconds)


def unobserved(stage: str, seconds: float) -> None:
    """Keeps nothing."""
    del stage, seconds
