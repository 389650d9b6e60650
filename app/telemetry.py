"""Traces and numbers for an OpenTelemetry collector, where the settings name one."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import aiohttp
from prometheus_client import CollectorRegistry

from app.jobs import begin
from config.sections import TelemetrySettings
from core.errors import SetupError
from core.runtime.checks import Check
from core.runtime.telemetry import tracing

log = logging.getLogger(__name__)

ASK_SECONDS = 5.0
MODULES = ("opentelemetry", "opentelemetry.sdk", "opentelemetry.exporter")


async def start_telemetry(
    stack: AsyncExitStack,
    settings: TelemetrySettings,
    *,
    registry: CollectorRegistry,
    measure: Callable[[], Awaitable[None]],
) -> None:
    """Send spans, and every number from time to time, until the stack is closed.

    `measure` brings the numbers up to date. Imports nothing where no collector is set. Raises
    SetupError when the extra is not installed.
    """
    if settings.otel_exporter_otlp_endpoint is None:
        return
    if not is_installed():
        raise SetupError(
            "OTEL_EXPORTER_OTLP_ENDPOINT needs OpenTelemetry:"
            " pip install 'contact-center-os[otel]'."
        )
    from core.runtime.telemetry.otlp import Collector, headers_of

    collector = Collector(
        settings.otel_exporter_otlp_endpoint,
        headers=headers_of(settings.otel_exporter_otlp_headers),
        service=settings.otel_service_name,
        share=settings.otel_traces_sampler_arg,
        texts=settings.otel_texts == "on",
    )
    tracing.use(collector)
    stack.push_async_callback(asyncio.to_thread, collector.close)
    stack.callback(tracing.use, None)

    async def send() -> None:
        try:
            await measure()
            await asyncio.to_thread(collector.send_numbers, registry)
        except Exception:
            log.exception("the numbers could not be sent to the collector")

    async def keep_sending() -> None:
        while True:
            await asyncio.sleep(settings.otel_metric_export_interval / 1000)
            await send()

    begin(stack, "numbers for the collector", keep_sending())


def telemetry_checks(settings: TelemetrySettings) -> Sequence[Check]:
    """Whether the collector takes what we would send."""

    async def collector() -> str:
        endpoint = settings.otel_exporter_otlp_endpoint
        if endpoint is None:
            return "off"
        if not is_installed():
            raise SetupError("OpenTelemetry is not installed.")
        from core.runtime.telemetry.otlp import headers_of

        headers = headers_of(settings.otel_exporter_otlp_headers)
        headers["content-type"] = "application/x-protobuf"
        limit = aiohttp.ClientTimeout(total=ASK_SECONDS)
        # No span at all is a request, too, and nothing is kept of it.
        async with (
            aiohttp.ClientSession(timeout=limit) as http,
            http.post(f"{endpoint.rstrip('/')}/v1/traces", headers=headers, data=b"") as answer,
        ):
            if answer.status >= 300:
                raise SetupError(f"{endpoint} answers {answer.status}.")
        words = "and what people write" if settings.otel_texts == "on" else "without any text"
        return f"traces and numbers go to {endpoint}, {words}"

    remedy = (
        "Correct OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS, start the collector, or install"
        " contact-center-os[otel]."
    )
    return (Check(name="OpenTelemetry", attempt=collector, remedy=remedy),)


def is_installed() -> bool:
    """Whether the extra is there."""
    return all(importlib.util.find_spec(module) is not None for module in MODULES)
