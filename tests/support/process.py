"""The real program as a child process: started, asked over HTTP, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
#: The product's top folders, as the walls know them: a new one is looked at by every test.
PRODUCT: tuple[str, ...] = tuple(
    tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "root_packages"
    ]
)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """`bot.py run` on a data directory; may be killed and started again."""

    def __init__(
        self,
        data_dir: Path,
        *,
        env: dict[str, str] | None = None,
        descriptors: int = 0,
        role: str = "",
        output: str = "output.log",
        port: int = 0,
        program: Sequence[str] = (str(ROOT / "bot.py"),),
    ) -> None:
        """`role` is one of many processes'; a worker is ready when its own port says so.

        `program` is what Python runs in place of ours.
        """
        self.program = program
        self.role = role
        self.data_dir = data_dir
        self.descriptors = descriptors  #: how many it may open, hard; 0 changes nothing
        self.port = port or free_port()
        self.output = data_dir.parent / output
        self._env = {**os.environ, "DATA_DIR": str(data_dir), **(env or {})}
        self.own_port = 0  #: METRICS_PORT, where there are many
        if role:
            self.own_port = free_port()
            self._env["METRICS_PORT"] = str(self.own_port)
        self._child: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The running process's."""
        assert self._child is not None
        return self._child.pid

    @property
    def environment(self) -> dict[str, str]:
        """What it and its commands are started with."""
        return dict(self._env)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self, *, seconds: float = 60.0) -> None:
        """Start it and return once it is ready to serve."""
        limited = ["prlimit", f"--nofile={self.descriptors}"] if self.descriptors else []
        with self.output.open("ab") as output:
            self._child = await asyncio.create_subprocess_exec(
                *limited,
                sys.executable,
                *self.program,
                "run",
                "--port",
                str(self.port),
                "--data-dir",
                str(self.data_dir),
                *(["--role", self.role] if self.role else []),
                cwd=ROOT,
                env=self._env,
                stdout=output,
                stderr=output,
            )
        async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
            while True:
                if self._child.returncode is not None:
                    raise RuntimeError(self.output.read_text()[-2000:])
                try:
                    port = self.own_port if self.role == "worker" else self.port
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)

    async def command(self, *arguments: str, within: float = 60.0) -> str:
        """What `bot.py` with these arguments says; it is done by the running program."""
        asked = await asyncio.create_subprocess_exec(
            sys.executable,
            *self.program,
            *arguments,
            cwd=ROOT,
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(within):
            out, _ = await asked.communicate()
        said = out.decode()
        if asked.returncode != 0:
            raise RuntimeError(f"bot.py {' '.join(arguments)}: {said}")
        return said

    def freeze(self) -> None:
        """SIGSTOP: it stands still, and everything it holds with it."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on as if nothing had been."""
        os.kill(self.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL: no handler of ours runs."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, as an operator does it."""
        await self._end(signal.SIGTERM)

    async def ends(self, *, seconds: float) -> int:
        """Its exit code, once it has ended by itself. Raises TimeoutError."""
        assert self._child is not None
        async with asyncio.timeout(seconds):
            return await self._child.wait()

    async def _end(self, number: signal.Signals) -> None:
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(number)
            await self._child.wait()
        self._child = None
