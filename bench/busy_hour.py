"""`python -m bench.busy_hour`: killed in the middle of a busy hour, and started again.

A constant answerer, so that what is measured is ours: how soon the next start hears, how long it
answers late, how long it takes to look after what the dead process left, and what memory it took.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import orjson
import uvloop

from bench.load import Result, closed_loop, customers, fixed_rate
from bench.path import QUESTION
from bench.peers import ROOT, Peer, module
from bench.wire import Post
from core.storage.client import connect
from core.storage.embedded_auth import by_password
from tests.support.process import free_port

WRITERS = 32  #: connections that open conversations as fast as they are taken
RATE = 10  #: messages a second while it recovers
HEARS, ANSWERS, RECOVERED, MEMORY = 5.0, 1.0, 60.0, 250.0  #: s, s p95, s, MiB


class Center:
    """The served program on one data directory; killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.begun = 0.0
        self._child: asyncio.subprocess.Process | None = None

    @property
    def peer(self) -> Peer:
        """The running process."""
        assert self._child is not None
        return Peer(port=self.port, pid=self._child.pid, started_in=0.0)

    async def start(self) -> None:
        """Begin to start it; gives no word of when it hears."""
        self.begun = time.perf_counter()
        command = [part.format(port=self.port) for part in module("constant", str(self.folder))]
        self._child = await asyncio.create_subprocess_exec(
            sys.executable, *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
        )

    async def hears(self, *, within: float = 300.0) -> float:
        """Seconds from the start to the first message that it took."""
        async with asyncio.timeout(within):
            while True:
                with suppress(OSError, asyncio.IncompleteReadError):
                    async with Post(self.port) as post:
                        status, _ = await post.send("/api/conversations", _opening())
                        if status == 201:
                            return time.perf_counter() - self.begun
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL; the store goes with it."""
        assert self._child is not None
        self._child.send_signal(signal.SIGKILL)
        await self._child.wait()

    def memory(self) -> tuple[float, float]:
        """MiB of the process now, and the most it ever took."""
        return self.peer.memory() / 2**20, _high_water(self.peer.pid) / 2**20

    async def unsettled(self) -> int:
        """Conversations that somebody would have to look at after a kill now."""
        store = next(
            port for child in _children(self.peer.pid) if (port := _option(child, "--port"))
        )
        password = (self.folder / "store.password").read_text().strip()
        client = connect(by_password(password).uri(int(store)))
        try:
            return await client["contact_center"]["unsettled"].count_documents({})
        finally:
            await client.close()


def _opening() -> bytes:
    return orjson.dumps({"text": QUESTION, "locale": "en"})


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _option(pid: int, name: str) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    return words[words.index(name) + 1] if name in words else ""


def _high_water(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


async def fill(port: int, conversations: int) -> float:
    """Open so many conversations, each with a question; seconds it took."""
    begun, opened = time.perf_counter(), 0

    async def one() -> None:
        nonlocal opened
        async with Post(port) as post:
            while opened < conversations:
                opened += 1
                status, body = await post.send("/api/conversations", _opening())
                if status != 201:
                    raise RuntimeError(f"no conversation: {status} {body[:200]!r}")

    await asyncio.gather(*(one() for _ in range(WRITERS)))
    return time.perf_counter() - begun


async def alone(port: int, seconds: float) -> Result:
    """One customer after the other: the path when nobody else writes."""
    async with customers(port, 1, [QUESTION]) as [one]:
        return await closed_loop([one.ask], seconds=seconds)


async def settled(center: Center, left: int, *, within: float) -> float:
    """Seconds until no more than so many conversations are unsettled."""
    begun = time.perf_counter()
    async with asyncio.timeout(within):
        while await center.unsettled() > left:
            await asyncio.sleep(0.5)
    return time.perf_counter() - begun


async def main(conversations: int, *, rest: float, long: float) -> int:
    """Run and print; 1 when a bound does not hold."""
    failed = 0

    def said(name: str, value: float, unit: str, most: float | None = None) -> None:
        nonlocal failed
        bound = "" if most is None else f"  (at most {most:g})"
        bad = most is not None and value > most
        failed += bad
        print(
            f"{name:<52} {value:>9.1f} {unit}{bound}{'  DOES NOT HOLD' if bad else ''}", flush=True
        )

    with tempfile.TemporaryDirectory(prefix="busy-hour-") as folder:
        center = Center(Path(folder) / "data")
        await center.start()
        said("first start hears after", await center.hears(), "s")
        before = await alone(center.port, 5)
        said("one at a time, p50, at the start", before.quantile(0.5) * 1000, "ms")
        said("memory at the start", center.memory()[0], "MiB")
        took = await fill(center.port, conversations)
        said(f"{conversations} conversations, a second", conversations / took, "/s")
        said("memory after them", center.memory()[0], "MiB", MEMORY)
        said("memory, the most", center.memory()[1], "MiB")
        said("unsettled when they are done", await center.unsettled(), "")
        if rest:
            await asyncio.sleep(rest)
            said(f"unsettled after {rest:g} s of rest", await center.unsettled(), "")
            after = await alone(center.port, 5)
            said("one at a time, p50, after them", after.quantile(0.5) * 1000, "ms")
        filling = asyncio.create_task(fill(center.port, conversations))
        await asyncio.sleep(long)
        await center.kill()
        with suppress(OSError, asyncio.IncompleteReadError, RuntimeError):
            await filling
        await center.start()
        said("killed while writing; hears after", await center.hears(), "s", HEARS)
        recovering = asyncio.create_task(settled(center, 10 * RATE, within=600))
        latencies: list[float] = []
        errors = 0
        async with customers(center.port, 4 * RATE, [QUESTION]) as everybody:
            while not recovering.done() or len(latencies) < 5 * RATE:
                result = await fixed_rate([c.ask for c in everybody], rate=RATE, seconds=5)
                latencies += result.latencies
                errors += result.errors
        during = Result(seconds=1.0, latencies=latencies, errors=errors)
        said("answers meanwhile, p50", during.quantile(0.5) * 1000, "ms")
        said("answers meanwhile, p95", during.quantile(0.95), "s", ANSWERS)
        said("answers meanwhile that failed", errors, "", 0)
        said("everything looked after, from the first word", recovering.result(), "s", RECOVERED)
        said("memory, the most, of the second", center.memory()[1], "MiB", MEMORY)
        await center.kill()
    print(f"load {os.getloadavg()[0]:.1f}")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=20_000)
    parser.add_argument("--rest", type=float, default=15.0, help="seconds before the second load")
    parser.add_argument("--long", type=float, default=20.0, help="seconds of it before the kill")
    asked = parser.parse_args()
    sys.exit(uvloop.run(main(asked.conversations, rest=asked.rest, long=asked.long)))
