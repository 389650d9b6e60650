"""Prometheus metrics of the web server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class HttpMetrics:
    """Requests by route and status, their duration, and how many streams are open."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "http_request_seconds",
            "Time to the complete answer; streams are left out.",
            ("method", "route"),
            registry=registry,
            buckets=BUCKETS,
        )
        self._streams = Gauge("http_streams", "Streams open now.", registry=registry)
        self._limited = Counter(
            "http_limited",
            "Requests refused because there was too much of something, by what and of whom.",
            ("limit", "scope"),
            registry=registry,
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}

    def answered(self, method: str, route: str, status: int, seconds: float | None) -> None:
        """A request was answered; `route` is the template, so the labels are few."""
        counter = self._counters.get((method, route, status))
        if counter is None:
            counter = self._requests.labels(method, route, str(status))
            self._counters[method, route, status] = counter
        counter.inc()
        if seconds is None:
            return
        histogram = self._histograms.get((method, route))
        if histogram is None:
            histogram = self._seconds.labels(method, route)
            self._histograms[method, route] = histogram
        histogram.observe(seconds)

    def limited(self, limit: str, scope: str) -> None:
        """A request was refused because there was too much of something."""
        self._limited.labels(limit, scope).inc()

    def stream_opened(self) -> None:
        """One more stream."""
        self._streams.inc()

    def stream_closed(self) -> None:
        """One stream less."""
        self._streams.dec()


class ConnectionMetrics:
    """Open connections, and the reasons we ended some."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge("http_connections", "Connections open now.", registry=registry)
        self._closed = Counter(
            "http_connections_ended",
            "Connections that we ended: no room (refused, evicted), or too slow (body, answer).",
            ("why",),
            registry=registry,
        )

    def opened(self) -> None:
        """One more connection."""
        self._open.inc()

    def left(self) -> None:
        """One connection less."""
        self._open.dec()

    def closed(self, why: str) -> None:
        """We ended one, or did not let it in."""
        self._closed.labels(why).inc()
