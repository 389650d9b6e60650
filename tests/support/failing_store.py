"""A store that fails on command, as a replica set fails: by code, by connection, by concern."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymongo
from pymongo import AsyncMongoClient

BOOT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingStore:
    """A server that says it is the primary of a set of one, and takes fail points.

    Fail points without `app` concern every client but `control`, whose name no client of ours has.
    """

    port: int

    def uri(self, app: str = "") -> str:
        """How to connect; a fail point may be aimed at `app`.

        The server is looked at twice a second: a fail point changes nothing that the waiting
        look of the driver would notice, as a real election does.
        """
        name = f"&appName={app}" if app else ""
        return f"mongodb://127.0.0.1:{self.port}/?heartbeatFrequencyMS=500&journal=false{name}"

    @asynccontextmanager
    async def failing(
        self, *commands: str, times: int | None = None, app: str = "", **fault: Any
    ) -> AsyncIterator[None]:
        """These commands fail so many times, or all the time (None), while this is entered."""
        data: dict[str, Any] = {"failCommands": list(commands), **fault}
        if app:
            data["appName"] = app
        await self._control("alwaysOn" if times is None else {"times": times}, data)
        try:
            yield
        finally:
            await self._control("off", {"failCommands": list(commands)})

    async def step_down(self, seconds: float) -> None:
        """For so long nobody is primary."""
        async with self._client() as client:
            await client.admin.command({"replSetStepDown": seconds, "force": True})

    async def _control(self, mode: str | dict[str, int], data: dict[str, Any]) -> None:
        point = {"configureFailPoint": "failCommand", "mode": mode, "data": data}
        async with self._client() as client:
            await client.admin.command(point)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
        client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(
            self.uri("control"), directConnection=True
        )
        try:
            yield client
        finally:
            await client.close()


@contextmanager
def failing_store(directory: Path) -> Iterator[FailingStore]:
    """The server, below this directory, until the end of the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = directory / "store.toml"
    config.write_text("")
    program = Path(sys.executable).with_name("secantusd-py")
    command: Sequence[str] = (
        str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port),
        "--storage-path", str(directory / "store"), "--log-level", "ERROR",
        "--cache-size", "128M", "--enable-test-commands",
    )  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield FailingStore(port=port)
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with pymongo.MongoClient[dict[str, Any]](
            "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=200
        ) as client:
            try:
                client.admin.command("ping")
            except pymongo.errors.PyMongoError:
                continue
            return
    raise RuntimeError("the failing store does not start")
