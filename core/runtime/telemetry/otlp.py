"""Spans and numbers for an OpenTelemetry collector, by its own SDK; an optional extra.

Imported only where OTEL_EXPORTER_OTLP_ENDPOINT is set. Both are sent from threads of the SDK's and
ours: a collector that is slow or away keeps nobody waiting, and what it misses is lost.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, ResourceMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan
from prometheus_client import CollectorRegistry

from core.runtime.telemetry.otlp_metrics import scope_metrics
from core.runtime.telemetry.tracing import Traced, Value
from core.runtime.version import VERSION

ROOT = "accept"  #: the stage that all others of a message hang below
#: What OpenTelemetry's conventions have a name for; everything else is ours, `contact_center.…`.
NAMES = {
    "model": "gen_ai.request.model",
    "tokens_in": "gen_ai.usage.input_tokens",
    "tokens_out": "gen_ai.usage.output_tokens",
}
SEND_SECONDS = 5.0  #: for one request to the collector
LAST_SECONDS = 2.0  #: for what is left when we stop

_root: ContextVar[Traced | None] = ContextVar("root", default=None)


class _Ids(RandomIdGenerator):
    """The ids of a message's first span follow from the message; all others are random."""

    def generate_trace_id(self) -> int:
        """See `IdGenerator`."""
        traced = _root.get()
        return super().generate_trace_id() if traced is None else traced.trace_id

    def generate_span_id(self) -> int:
        """See `IdGenerator`."""
        traced = _root.get()
        return super().generate_span_id() if traced is None else traced.span_id


class _Span:
    """`core.runtime.telemetry.tracing.Span` over one of the SDK's."""

    def __init__(self, span: OtelSpan, *, texts: bool) -> None:
        self._span = span
        self._texts = texts

    def note(self, **values: Value) -> None:
        """See `Span`."""
        self._span.set_attributes({_named(name): value for name, value in values.items()})

    def text(self, **texts: str) -> None:
        """See `Span`."""
        if self._texts:
            self.note(**texts)


class Collector:
    """A `Tracer`, and a sender of the registry's numbers, to one collector."""

    def __init__(
        self,
        endpoint: str,
        *,
        headers: Mapping[str, str],
        service: str,
        share: float = 1.0,
        texts: bool = False,
    ) -> None:
        """`endpoint` is the collector's OTLP/HTTP address, without /v1/traces.

        Of all messages the `share` (0 to 1) is traced, the same ones in every process. `texts`
        sends what people wrote, too.
        """
        base = endpoint.rstrip("/")
        self._texts = texts
        self._began = time.time_ns()
        self._resource = Resource.create({"service.name": service, "service.version": VERSION})
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(share),
            resource=self._resource,
            id_generator=_Ids(),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(f"{base}/v1/traces", headers=dict(headers), timeout=SEND_SECONDS)
            )
        )
        self._tracer = self._provider.get_tracer("contact-center-os", VERSION)
        self._metrics = OTLPMetricExporter(
            f"{base}/v1/metrics", headers=dict(headers), timeout=SEND_SECONDS
        )

    @contextmanager
    def stage(
        self, name: str, about: Traced, values: Mapping[str, Value], *, seconds: float | None
    ) -> Iterator[_Span]:
        """See `Tracer`; an exception is named by its class, because its words may be anybody's."""
        token = _root.set(about if name == ROOT else None)
        try:
            span = self._tracer.start_span(
                name,
                context=Context() if name == ROOT else _below(about),
                start_time=None if seconds is None else time.time_ns() - int(seconds * 1e9),
                record_exception=False,
                set_status_on_exception=False,
            )
        finally:
            _root.reset(token)
        shown = _Span(span, texts=self._texts)
        shown.note(conversation=about.conversation_id, message=about.seq, **values)
        try:
            yield shown
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            span.end()

    def send_numbers(self, registry: CollectorRegistry) -> bool:
        """Send every number once, blocking; whether the collector took them."""
        scope = scope_metrics(registry, began=self._began, now=time.time_ns())
        everything = ResourceMetrics(resource=self._resource, scope_metrics=[scope], schema_url="")
        sent = self._metrics.export(MetricsData(resource_metrics=[everything]))
        return sent is MetricExportResult.SUCCESS

    def close(self, *, within: float = LAST_SECONDS) -> None:
        """Send the spans that are left, for at most so many seconds; blocking."""
        # The SDK would wait for half a minute for a collector that does not answer.
        for shut in (self._provider.shutdown, self._metrics.shutdown):
            last = threading.Thread(target=shut, daemon=True)
            last.start()
            last.join(within)


def headers_of(setting: str) -> dict[str, str]:
    """The headers that OTEL_EXPORTER_OTLP_HEADERS names: key=value,key=value."""
    pairs: Sequence[tuple[str, str, str]] = [one.partition("=") for one in setting.split(",")]
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def _below(traced: Traced) -> Context:
    """As a child of the message's first span, which another process may have written."""
    parent = SpanContext(
        trace_id=traced.trace_id,
        span_id=traced.span_id,
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())


def _named(name: str) -> str:
    return NAMES.get(name, f"contact_center.{name}")
