"""`doctor` says whether a collector takes what we would send."""

from __future__ import annotations

import pytest

from app.telemetry import telemetry_checks
from config.sections import TelemetrySettings
from config.settings import read_settings
from core.errors import SetupError
from tests.support.servers.otlp import otlp_collector

pytestmark = pytest.mark.apart


def settings(**given: str) -> TelemetrySettings:
    return read_settings(given).telemetry


async def said(wanted: TelemetrySettings) -> str:
    (check,) = telemetry_checks(wanted)
    assert check.remedy
    return await check.attempt()


async def test_the_collector_is_asked_without_a_span() -> None:
    assert await said(settings()) == "off"
    async with otlp_collector() as collector:
        given = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-team=desk",
        }
        told = await said(settings(**given))
        assert told == f"traces and numbers go to {collector.url}, without any text"
        assert collector.headers["x-team"] == "desk"
        assert collector.spans == []
        assert "what people write" in await said(settings(**given, OTEL_TEXTS="on"))
        collector.is_away = True
        with pytest.raises(SetupError, match="answers 503"):
            await said(settings(**given))
