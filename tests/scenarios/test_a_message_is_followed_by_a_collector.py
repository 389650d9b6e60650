"""The real program, the real SDK and a local collector: one trace a message, and all numbers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.process import Program
from tests.support.servers.openai import Scene, openai_server
from tests.support.servers.otlp import OtlpCollector, otlp_collector, values
from tests.support.servers.vendors import TELEGRAM_SECRET, vendors_up

pytestmark = [pytest.mark.apart, pytest.mark.timeout(240)]
QUESTION = "How do I approve an answer?"
GOOD = Scene(text="Open Approvals in the console and press Approve [1].", usage=(310, 12))
STAGES = {"accept", "wait", "retrieve", "judge", "model", "decide", "deliver"}
WAIT = 60.0


async def until(holds: Callable[[], Any]) -> Any:
    """What this says, as soon as it says something."""
    async with asyncio.timeout(WAIT):
        while not (found := holds()):
            await asyncio.sleep(0.1)
    return found


async def asked(program: Program, text: str) -> str:
    """A new conversation with this question, once something was written back."""
    async with aiohttp.ClientSession(program.url) as http:
        async with http.post("/api/conversations", json={"text": text}) as answer:
            begun = await answer.json()
        bearer = {"Authorization": f"Bearer {begun['token']}"}
        async with asyncio.timeout(WAIT):
            while True:
                path = f"/api/conversations/{begun['id']}"
                async with http.get(path, headers=bearer) as answer:
                    if len((await answer.json())["messages"]) > 1:
                        return str(begun["id"])
                await asyncio.sleep(0.1)


def settings(collector: OtlpCollector, **more: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "X-Team=desk,authorization=Bearer abc=",
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "LOG_FORMAT": "json",
        **more,
    }


async def test_every_stage_is_a_span_and_no_word_is_sent(tmp_path: Path) -> None:
    async with otlp_collector() as collector, openai_server() as model:
        model.scenes = [GOOD]
        asks = {
            "LLM_MODEL": "openai:some-model",
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": model.url,
            "LLM_TIMEOUT_SECONDS": "40",
        }
        program = Program(tmp_path / "data", env=settings(collector, **asks))
        await program.start()
        try:
            conversation = await asked(program, QUESTION)
            (trace,) = await until(lambda: collector.traces(conversation))
            spans = await until(lambda: s if set(s := collector.of(trace)) >= STAGES else None)
            first = spans["accept"]
            assert not first.parent_span_id
            assert {s.parent_span_id for s in spans.values() if s is not first} == {first.span_id}
            assert all(s.end_time_unix_nano >= s.start_time_unix_nano > 0 for s in spans.values())
            assert values(spans["accept"])["contact_center.channel"] == "web"
            assert values(spans["model"])["gen_ai.request.model"] == "openai:some-model"
            assert values(spans["model"])["gen_ai.usage.input_tokens"] == 310
            assert "contact_center.alone" in values(spans["decide"])

            # What goes wrong is found in the log by the trace.
            model.scenes = [Scene(status=500)]
            second = await asked(program, "How do I add a colleague who approves answers?")
            (failed,) = await until(lambda: collector.traces(second))
            assert failed != trace
            assert await until(lambda: _logged(program, failed.hex()))

            stage = await until(
                lambda: next(
                    (m for m in collector.metrics if m.name == "contact_center_stage_seconds"), None
                )
            )
            for point in stage.histogram.data_points:
                assert sum(point.bucket_counts) == point.count
                assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
            assert any(m.name == "http_requests" and m.sum.is_monotonic for m in collector.metrics)
            assert any(m.name == "contact_center_disk_free_bytes" for m in collector.metrics)
            assert collector.headers["x-team"] == "desk"
            assert collector.headers["authorization"] == "Bearer abc="
        finally:
            await program.stop()
    assert not any(b"approve" in sent.lower() for sent in collector.raw)


async def test_texts_are_sent_where_they_are_asked_for_and_a_delivery_is_a_span(
    tmp_path: Path,
) -> None:
    async with otlp_collector() as collector, vendors_up() as vendors:
        own = settings(collector, OTEL_TEXTS="on", **vendors.settings())
        program = Program(tmp_path / "data", env=own)
        await program.start()
        try:
            hook = f"{program.url}/webhooks/telegram"
            event = vendors.telegram.message(QUESTION, chat=7)

            async def is_taken() -> bool:
                return await vendors.telegram.push(event, hook, secret=TELEGRAM_SECRET) == 200

            async with asyncio.timeout(WAIT):
                while not await is_taken():
                    await asyncio.sleep(0.2)
            sent = await until(lambda: next((s for s in collector.spans if _was_sent(s)), None))
            spans = await until(
                lambda: s if (s := collector.of(sent.trace_id)).get("accept") else None
            )
            assert values(spans["accept"])["contact_center.question"] == QUESTION
            assert values(spans["decide"])["contact_center.answer"]
            assert values(sent)["contact_center.channel"] == "telegram"
            assert sent.parent_span_id == spans["accept"].span_id
        finally:
            await program.stop()


async def test_a_collector_that_is_away_holds_nobody_up(tmp_path: Path) -> None:
    async with otlp_collector() as collector:
        collector.is_away = True
        program = Program(tmp_path / "data", env=settings(collector))
        await program.start()
        await asked(program, QUESTION)
        await until(lambda: collector.raw)
        async with asyncio.timeout(WAIT):
            await program.stop()


def _was_sent(span: Any) -> bool:
    return span.name == "deliver" and "contact_center.state" in values(span)


def _logged(program: Program, trace: str) -> list[dict[str, Any]]:
    lines = program.output.read_text().splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    return [record for record in records if record.get("trace_id") == trace]
