"""At 400 descriptors somebody holds 450 silent connections and all streams they get.

Others are answered, vendors are acknowledged, colleagues work, health checks are told the truth.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.support.hostile.flood import QUESTION, answered, client, flood, quantile
from tests.support.servers.vendors import (
    MEDIA,
    admin_of,
    program_with,
    running,
    stubbornly,
    vendors_up,
)

pytestmark = [pytest.mark.timeout(400), pytest.mark.timed]

DESCRIPTORS = 400
OPERATOR = "an-operators-token-for-this-test"
FLOODED, ELSEWHERE = "127.0.0.1", "127.0.0.2"


async def test_450_silent_connections_and_300_streams_at_400_descriptors(tmp_path: Path) -> None:
    async with (
        vendors_up() as vendors,
        program_with(vendors, tmp_path, METRICS_TOKEN=OPERATOR) as program,
    ):
        program.descriptors = DESCRIPTORS
        await program.start(seconds=120)
        media = [medium(vendors, program) for medium in MEDIA]
        async with (
            await admin_of(program) as admin,
            client(program.url, FLOODED) as here,
            client(program.url, ELSEWHERE) as there,
        ):
            await running(admin, "telegram", "sms", "slack", seconds=120)
            for number, medium in enumerate(media):
                event = medium.event(QUESTION, customer=7100 + number)
                await stubbornly(lambda m=medium, e=event: m.deliver(e))  # type: ignore[misc]
            await answered(there)
            calm = quantile([await answered(there) for _ in range(10)], 0.95)

            async with flood(
                program.port, source=FLOODED, silent=450, streams=300, conversations=10
            ) as held:
                assert held.refused > 200
                assert held.streams

                waits = [await answered(there) for _ in range(20)]
                # A machine that is busy with other tests answers nobody within a second.
                assert quantile(waits, 0.95) <= max(1.0, 5 * calm), (calm, waits)
                # The flood's own neighbours, too: an office has one address.
                assert await answered(here) <= max(2.0, 5 * calm)
                for http in (here, there):
                    began = time.monotonic()
                    for _ in range(10):
                        async with http.get("/healthz") as alive, http.get("/readyz") as ready:
                            assert (alive.status, ready.status) == (200, 200)
                    assert time.monotonic() - began <= 10.0
                for number, medium in enumerate(media):
                    for turn in range(5):
                        event = medium.event(QUESTION, customer=7200 + 10 * number + turn)
                        assert await medium.deliver(event) == 200
                async with admin.get("/api/approvals/pending") as pending:
                    assert pending.status == 200
                operator = {"Authorization": f"Bearer {OPERATOR}"}
                async with there.get("/metrics", headers=operator) as told:
                    numbers = await told.text()
                assert 'http_limited_total{limit="streams"' in numbers
                assert 'http_connections_ended_total{why="evicted"}' in numbers
                used = len(list(Path(f"/proc/{program.pid}/fd").iterdir()))
                assert used < DESCRIPTORS - 50, used

            async with asyncio.timeout(10):
                while len(list(Path(f"/proc/{program.pid}/fd").iterdir())) > 100:
                    await asyncio.sleep(0.1)
            await answered(here)
        log = program.output.read_text()
        assert "Too many open files" not in log
        assert "Traceback" not in log, log[-3000:]
