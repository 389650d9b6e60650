"""Others are answered while one address holds 1,000 half-open connections and 3,000 streams."""

from __future__ import annotations

import asyncio
import sys
import time

from bench.path import OURS
from bench.peers import ROOT, Peer, serving
from tests.support.hostile.flood import answered, client, flood, quantile

SILENT, STREAMS = 1_000, 3_000
QUESTIONS, EVERY = 60, 0.25  #: so many, one each so many seconds
LIMIT = 1.0  #: seconds, p95


async def doors() -> bool:
    """Print the waits of others, calm and flooded; whether the promise holds."""
    async with serving(OURS, ready="Sign in", settings={}) as peer:
        async with client(f"http://127.0.0.1:{peer.port}", "127.0.0.2") as http:
            await answered(http)  # everything lazy is loaded
        calm = await _others(peer)
        flooding = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bench.doors", str(peer.port)),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert flooding.stdout is not None
        rising = await _others(peer)  # while it is being opened
        held = (await flooding.stdout.readline()).decode().strip()
        flooded = await _others(peer)
        await flooding.communicate(b"\n")
    for name, waits in (("calm", calm), ("rising", rising), (f"flooded ({held})", flooded)):
        print(
            f"others, {name}: p50 {quantile(waits, 0.5) * 1000:.0f} ms, "
            f"p95 {quantile(waits, 0.95) * 1000:.0f} ms, worst {max(waits) * 1000:.0f} ms",
            flush=True,
        )
    return quantile(flooded, 0.95) <= LIMIT and quantile(rising, 0.95) <= LIMIT


async def _others(peer: Peer) -> list[float]:
    """The waits of people at other addresses who ask at a steady rate."""

    async def one(number: int) -> float:
        await asyncio.sleep(number * EVERY)
        source = f"127.0.0.{2 + number % 50}"
        async with client(f"http://127.0.0.1:{peer.port}", source) as http:
            began = time.perf_counter()
            async with http.get("/healthz") as alive:
                assert alive.status == 200
            assert time.perf_counter() - began < 10 * LIMIT
            return await answered(http)

    return await asyncio.gather(*map(one, range(QUESTIONS)))


async def _flood(port: int) -> None:
    async with flood(
        port, source="127.0.0.1", silent=SILENT, streams=STREAMS, conversations=30
    ) as held:
        print(f"{len(held.silent)} silent, {len(held.streams)} of {STREAMS} streams", flush=True)
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(_flood(int(sys.argv[1])))
