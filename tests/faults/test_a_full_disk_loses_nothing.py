"""A file system of 64 MB fills up while customers write: nothing acknowledged is lost.

The states are told truly (`/readyz`, the customer's answer, the console), and it goes on by itself
as soon as there is room again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.process import Program

MEGABYTE = 1_000_000
SIZE = 64 * MEGABYTE
WRITERS = 6
pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(300)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of `SIZE` bytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("a file system of its own needs root and the right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@dataclass(kw_only=True)
class Writer:
    """A customer whose program comes again, and what was acknowledged to them."""

    id: str
    headers: dict[str, str]
    kept: list[str] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    async def write(self, http: aiohttp.ClientSession, n: int) -> None:
        """One message, once."""
        body = {"text": f"message {n} {'x' * 2000}", "client_id": f"m{n}"}
        path = f"/api/conversations/{self.id}/messages"
        async with http.post(path, json=body, headers=self.headers) as answer:
            if answer.status == 202:
                self.kept.append(body["text"])
            elif answer.status == 503:
                self.refused.append(await answer.json(content_type=None))

    async def found(self, http: aiohttp.ClientSession) -> list[str]:
        """What is there of it."""
        async with http.get(f"/api/conversations/{self.id}", headers=self.headers) as answer:
            messages = (await answer.json())["messages"]
        return [m["text"] for m in messages if m["author"] == "customer"][1:]


async def begun(http: aiohttp.ClientSession) -> Writer:
    async with http.post("/api/conversations", json={"text": "hello"}) as answer:
        assert answer.status == 201, await answer.text()
        made = await answer.json()
    return Writer(id=made["id"], headers={"Authorization": f"Bearer {made['token']}"})


async def ready(http: aiohttp.ClientSession) -> tuple[int, dict[str, str]]:
    async with http.get("/readyz") as answer:
        return answer.status, (await answer.json())["parts"]


async def until(
    http: aiohttp.ClientSession, status: int, *, seconds: float = 60.0
) -> dict[str, str]:
    """The parts, once `/readyz` answers with this status."""
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                found, parts = await ready(http)
                if found == status:
                    return parts
            await asyncio.sleep(0.3)


@pytest.mark.parametrize("left", [20 * MEGABYTE, 0], ids=["nearly full", "to the last byte"])
async def test_nothing_is_lost_and_it_goes_on_by_itself(small_disk: Path, left: int) -> None:
    program = Program(small_disk / "data", env={"RATE_PER_CONVERSATION": "50"})
    program.output = small_disk.parent / "output.log"
    await program.start()
    try:
        async with aiohttp.ClientSession(program.url) as http:
            added = await program.command(
                "users", "add", "a@example.com", "--role", "admin", "--token"
            )
            token = added.split()[-1]
            writers = [await begun(http) for _ in range(WRITERS)]
            over = asyncio.Event()

            async def talk(writer: Writer) -> None:
                n = 0
                while not over.is_set():
                    await writer.write(http, n)
                    n += 1
                    await asyncio.sleep(0.3)

            talks = [asyncio.create_task(talk(writer)) for writer in writers]
            await asyncio.sleep(2)
            ballast = small_disk / "ballast"
            _fill(ballast, leave=left)
            parts = await until(http, 503)
            assert parts["disk"] == "failed"
            await asyncio.sleep(3)
            told = [one for writer in writers for one in writer.refused]
            assert {one.get("limit") for one in told} == {"full"}
            headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
            async with http.get("/console/account", headers=headers) as page:
                assert "The disk is full" in await page.text()
            kept_while_full = sum(len(writer.kept) for writer in writers)
            ballast.unlink()
            assert (await until(http, 200))["disk"] == "ok"
            await asyncio.sleep(2)
            over.set()
            await asyncio.gather(*talks)
            assert sum(len(writer.kept) for writer in writers) > kept_while_full
            for writer in writers:
                assert await writer.found(http) == writer.kept
        await program.kill()
        await program.start()
        async with aiohttp.ClientSession(program.url) as http:
            for writer in writers:
                assert await writer.found(http) == writer.kept
    finally:
        await program.stop()


def _fill(ballast: Path, *, leave: int) -> None:
    """Write a file until so many bytes are left."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while (room := os.statvfs(ballast.parent).f_bavail * 4096) > leave:
            file.write(bytes(min(MEGABYTE, max(room - leave, 4096))))
