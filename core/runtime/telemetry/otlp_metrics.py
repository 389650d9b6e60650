"""The registry's numbers in OpenTelemetry's shapes, under the names that `/metrics` has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import cast

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client import CollectorRegistry
from prometheus_client import Metric as Family

from core.runtime.version import VERSION

CUMULATIVE = AggregationTemporality.CUMULATIVE
NOT_KNOWN = cast("float", None)  #: the field is left out of what is sent
Labels = tuple[tuple[str, str], ...]


def scope_metrics(registry: CollectorRegistry, *, began: int, now: int) -> ScopeMetrics:
    """Every family of the registry; `began` and `now` are nanoseconds since 1970."""
    made = [_metric(family, began, now) for family in registry.collect()]
    return ScopeMetrics(
        scope=InstrumentationScope("contact-center-os", VERSION),
        metrics=[metric for metric in made if metric is not None],
        schema_url="",
    )


def _metric(family: Family, began: int, now: int) -> Metric | None:
    data: Sum | Gauge | Histogram
    match family.type:
        case "counter":
            points = _numbers(family, began, now, ending="_total")
            data = Sum(data_points=points, aggregation_temporality=CUMULATIVE, is_monotonic=True)
        case "gauge":
            data = Gauge(data_points=_numbers(family, began, now, ending=""))
        case "histogram":
            histograms = _histograms(family, began, now)
            data = Histogram(data_points=histograms, aggregation_temporality=CUMULATIVE)
        case _:
            return None
    if not data.data_points:
        return None
    return Metric(name=family.name, description=family.documentation, unit=family.unit, data=data)


def _numbers(family: Family, began: int, now: int, *, ending: str) -> Sequence[NumberDataPoint]:
    return [
        NumberDataPoint(
            attributes=sample.labels,
            start_time_unix_nano=began,
            time_unix_nano=now,
            value=sample.value,
        )
        for sample in family.samples
        if sample.name == family.name + ending
    ]


def _histograms(family: Family, began: int, now: int) -> Sequence[HistogramDataPoint]:
    """Prometheus counts everything up to a bound, OpenTelemetry what lies between two."""
    upto: defaultdict[Labels, dict[float, float]] = defaultdict(dict)
    sums: dict[Labels, float] = {}
    for sample in family.samples:
        labels = _labels(sample.labels)
        if sample.name.endswith("_bucket"):
            upto[labels][float(sample.labels["le"])] = sample.value
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    points = []
    for labels, buckets in upto.items():
        bounds = sorted(buckets)
        counts = [int(buckets[bound]) for bound in bounds]
        points.append(
            HistogramDataPoint(
                attributes=dict(labels),
                start_time_unix_nano=began,
                time_unix_nano=now,
                count=counts[-1],
                sum=sums[labels],
                bucket_counts=[n - m for n, m in zip(counts, [0, *counts], strict=False)],
                explicit_bounds=bounds[:-1],  # the last is infinity
                min=NOT_KNOWN,
                max=NOT_KNOWN,
            )
        )
    return points


def _labels(labels: Mapping[str, str]) -> Labels:
    return tuple((name, value) for name, value in sorted(labels.items()) if name != "le")
