"""Starts and ends the measured servers, and reads what memory and time they take."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import free_port

ROOT = Path(__file__).parents[1]
#: One address and one conversation stand for many people in what is measured here.
MANY_PEOPLE = {
    "CONVERSATIONS_PER_ADDRESS": "1000000",
    "DRAFTS_PER_ADDRESS": "1000",
    "STREAMS_PER_ADDRESS": "5000",
    "STREAMS_PER_CONVERSATION": "5000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A running server."""

    port: int
    pid: int
    started_in: float  #: seconds until it said that it is ready

    def memory(self) -> int:
        """Resident bytes of the process itself, its database child not included."""
        return _resident(self.pid)

    def memory_with_children(self) -> int:
        """Resident bytes of the process and of every child of it."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return _resident(self.pid) + sum(_resident(int(child)) for child in found)


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


@contextlib.asynccontextmanager
async def serving(
    command: Sequence[str], *, ready: str = "ready", settings: Mapping[str, str] = MANY_PEOPLE
) -> AsyncIterator[Peer]:
    """Run it until the block ends; `{port}` and `{dir}` in the command are filled in."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        filled = [part.format(port=port, dir=folder) for part in command]
        begun = time.perf_counter()
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *filled,
            cwd=ROOT,
            env={**os.environ, **settings},
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        try:
            async with asyncio.timeout(120):
                while ready not in (line := (await child.stdout.readline()).decode()):
                    if not line:
                        raise RuntimeError(f"{filled[:3]} ended before it was ready")
            took = time.perf_counter() - begun
            draining = asyncio.create_task(_drain(child.stdout))
            yield Peer(port=port, pid=child.pid, started_in=took)
            draining.cancel()
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            try:
                await asyncio.wait_for(child.wait(), 10)
            except TimeoutError:
                child.kill()
                await child.wait()


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.readline():
        pass


def module(name: str, *args: str) -> list[str]:
    """The command of one of our bench servers."""
    return ["-m", f"bench.servers.{name}", "{port}", *args]
