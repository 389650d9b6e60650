"""A local OpenTelemetry collector: OTLP over HTTP, as the protocol's own messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(slots=True, kw_only=True)
class OtlpCollector:
    """What it was sent, decoded and as it came, and the headers of the last request."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    is_away: bool = False  #: answers 503 to everything

    def of(self, trace_id: bytes) -> dict[str, Span]:
        """The spans of this trace by name; of two with one name the last."""
        return {span.name: span for span in self.spans if span.trace_id == trace_id}

    def traces(self, conversation_id: str) -> set[bytes]:
        """The traces whose spans say they are of this conversation."""
        return {s.trace_id for s in self.spans if values(s).get(CONVERSATION) == conversation_id}


CONVERSATION = "contact_center.conversation"


def values(span: Span) -> dict[str, object]:
    """A span's attributes."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@asynccontextmanager
async def otlp_collector() -> AsyncIterator[OtlpCollector]:
    """Serve on a free port of this machine until the block ends."""
    collector = OtlpCollector()

    async def traces(request: web.Request) -> web.Response:
        body = await _body(request)
        if collector.is_away:
            return web.Response(status=503)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                collector.spans.extend(scope.spans)
        return _answer(ExportTraceServiceResponse())

    async def metrics(request: web.Request) -> web.Response:
        body = await _body(request)
        if collector.is_away:
            return web.Response(status=503)
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                collector.metrics.extend(scope.metrics)
        return _answer(ExportMetricsServiceResponse())

    async def _body(request: web.Request) -> bytes:
        collector.headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        collector.raw.append(body)
        return body

    app = web.Application()
    app.router.add_post("/v1/traces", traces)
    app.router.add_post("/v1/metrics", metrics)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()


def _answer(message: Message) -> web.Response:
    return web.Response(body=message.SerializeToString(), content_type="application/x-protobuf")
