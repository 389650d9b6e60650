"""`python -m bench.cluster`: answers a second with one worker and with two, beside one process.

What the embedded store and a stand-in for Qdrant on the same machine can show: whether anything of
ours makes the second worker wait for the first. Not shown: what more machines bring.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from bench.load import Result
from bench.peers import MANY_PEOPLE, ROOT
from core.cluster.model import Role
from core.storage.client import open_database
from tests.support.cluster import shared_services
from tests.support.process import free_port

QUESTION = "How do I talk to a person?"  #: the product's own guide answers it
READY_SECONDS = 300.0  #: for all to start and to share the work, on a machine that does much else
GAINED = 1.8  #: times as many answers with a second worker, where nobody waits for a core
SHOWN, SHOWN_EACH = 20, 5  #: conversations, and messages of each, that are watched in a stream
LATER = 0.005  #: seconds more from message to answer than one process takes
SETTINGS = {
    **MANY_PEOPLE,
    "RATE_PER_ADDRESS": "1000000",
    "RATE_PER_CONVERSATION": "1000000",
    "DRAFTS_PER_ADDRESS": "1000000",
}


@asynccontextmanager
async def one_process(folder: Path, how: str) -> AsyncIterator[Sequence[str]]:
    """The addresses of the webs: one, which does everything."""
    async with AsyncExitStack() as stack:
        port = free_port()
        await stack.enter_async_context(member(Role.ALL, folder / "all", how, PORT=str(port)))
        yield [f"http://127.0.0.1:{port}"]


@asynccontextmanager
async def many(folder: Path, how: str, *, workers: int) -> AsyncIterator[Sequence[str]]:
    """Two webs and so many workers over one store; returned once the work is shared out."""
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(shared_services(folder, durable=True))
        ports = [free_port(), free_port()]
        for number, port in enumerate(ports):
            web = member(Role.WEB, folder / f"web-{number}", how, PORT=str(port), **services.env)
            await stack.enter_async_context(web)
        for number in range(workers):
            worker = member(Role.WORKER, folder / f"worker-{number}", how, **services.env)
            await stack.enter_async_context(worker)
        await _shared_out(services.uri, workers)
        yield [f"http://127.0.0.1:{port}" for port in ports]


@asynccontextmanager
async def member(role: Role, folder: Path, how: str, **settings: str) -> AsyncIterator[None]:
    """One process, until the block ends."""
    folder.mkdir(mode=0o700)
    given = json.dumps({**SETTINGS, "PORT": "0", **settings})
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.servers.member", role.value, str(folder), given, how),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(READY_SECONDS):
            while b"ready" not in (line := await child.stdout.readline()):
                if not line:
                    raise RuntimeError(f"a {role.value} ended before it was ready")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await child.wait()
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _shared_out(uri: str, workers: int) -> None:
    db = await open_database(uri)
    try:
        async with asyncio.timeout(READY_SECONDS):
            while True:
                held = await db["leases"].find({"_id": {"$regex": "^p:"}}).to_list()
                owners = {one["owner"] for one in held}
                if len(held) == 256 and len(owners - {""}) == workers and "" not in owners:
                    return
                await asyncio.sleep(0.2)
    finally:
        await db.client.close()


async def answered(session: aiohttp.ClientSession, web: str, other: str) -> float:
    """Seconds from the question, asked at one web, to the answer in the stream of the other."""
    began = time.perf_counter()
    async with session.post(f"{web}/api/conversations", json={"text": QUESTION}) as answer:
        answer.raise_for_status()
        made = await answer.json()
    url = f"{other}/api/conversations/{made['id']}/events"
    headers = {"Authorization": f"Bearer {made['token']}"}
    async with session.get(url, headers=headers) as stream:
        async for line in stream.content:
            if line.startswith(b"data: ") and json.loads(line[6:]).get("author") == "ai":
                return time.perf_counter() - began
    raise RuntimeError("the stream ended before the answer")


async def shown(webs: Sequence[str]) -> Result:
    """How long until what is written at one web stands in a stream that is open at the other."""
    latencies: list[float] = []
    began = time.perf_counter()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for number in range(SHOWN):
            web, other = webs[number % len(webs)], webs[(number + 1) % len(webs)]
            async with session.post(f"{web}/api/conversations", json={}) as answer:
                answer.raise_for_status()
                made = await answer.json()
            headers = {"Authorization": f"Bearer {made['token']}"}
            place = f"/api/conversations/{made['id']}"
            async with session.get(f"{other}{place}/events", headers=headers) as stream:
                for turn in range(SHOWN_EACH):
                    text = f"{QUESTION} ({number}.{turn})"
                    wrote = time.perf_counter()
                    body = {"text": text, "client_id": f"{number}.{turn}"}
                    posted = session.post(f"{web}{place}/messages", json=body, headers=headers)
                    async with posted as taken:
                        taken.raise_for_status()
                    async for line in stream.content:
                        if line.startswith(b"data: ") and json.loads(line[6:]).get("text") == text:
                            latencies.append(time.perf_counter() - wrote)
                            break
    return Result(seconds=time.perf_counter() - began, latencies=latencies, errors=0)


async def measured(webs: Sequence[str], *, at_once: int, seconds: float) -> Result:
    """So many customers ask again and again, at one web after the other."""
    latencies: list[float] = []
    errors = 0
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as s:
        await asyncio.gather(*(answered(s, web, webs[0]) for web in webs))  # all is warm
        begun = time.perf_counter()
        ends = begun + seconds

        async def customer(number: int) -> None:
            nonlocal errors
            while time.perf_counter() < ends:
                web, other = webs[number % len(webs)], webs[(number + 1) % len(webs)]
                try:
                    async with asyncio.timeout(60):
                        latencies.append(await answered(s, web, other))
                except (aiohttp.ClientError, TimeoutError, RuntimeError):
                    errors += 1
                number += 1

        await asyncio.gather(*(customer(number) for number in range(at_once)))
        took = time.perf_counter() - begun
    return Result(seconds=took, latencies=latencies, errors=errors)


async def main(how: str, *, at_once: int, seconds: float) -> int:
    """Print the figures; 1 where a bound does not hold, which is asked of "sleeps" alone."""
    print(f"answers {how}, {at_once} customers at once, load {os.getloadavg()[0]:.1f}")
    rates: dict[str, float] = {}
    alone: dict[str, float] = {}
    for name in ("one process", "one worker", "two workers"):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            started = (
                one_process(place, how)
                if name == "one process"
                else many(place, how, workers=1 if name == "one worker" else 2)
            )
            async with started as webs:
                one = await measured(webs, at_once=1, seconds=seconds / 2)
                busy = await measured(webs, at_once=at_once, seconds=seconds)
                seen = await shown(webs)
        rates[name], alone[name] = busy.rate, one.quantile(0.5)
        print(
            f"{name:12} {busy.rate:7.1f} answers/s   one at a time p50 {1000 * alone[name]:6.1f} ms"
            f"   busy p50 {1000 * busy.quantile(0.5):6.0f} p95 {1000 * busy.quantile(0.95):6.0f} ms"
            f"   shown at the other web p50 {1000 * seen.quantile(0.5):.0f}"
            f" p99 {1000 * seen.quantile(0.99):.0f} ms   errors {one.errors + busy.errors}",
            flush=True,
        )
    gained = rates["two workers"] / rates["one worker"]
    later = alone["two workers"] - alone["one process"]
    print(f"two workers over one: x {gained:.2f}   later than one process: {1000 * later:+.1f} ms")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if how == "as-is" or (gained >= GAINED and later <= LATER) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", choices=["sleeps", "as-is"], help="what answering takes")
    parser.add_argument("--at-once", type=int, default=32, help="customers")
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args()
    sys.exit(asyncio.run(main(asked.how, at_once=asked.at_once, seconds=asked.seconds)))
