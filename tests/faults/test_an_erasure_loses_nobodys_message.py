"""Ten customers write while an eleventh is forgotten: each message is kept once, in its order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.support.process import Program

WORD = "plantedquokka"
WRITERS = 10
PATIENCE = 20.0  #: how long a customer's program tries again
LONGEST = 8.0  #: until anybody has an answer: that it is kept, or when to come again


@dataclass(kw_only=True)
class Writer:
    """A customer whose program comes again when it is asked to."""

    id: str
    headers: dict[str, str]
    kept: list[str] = field(default_factory=list)
    asked_again: int = 0
    longest: float = 0.0

    async def write(self, http: aiohttp.ClientSession, n: int) -> None:
        """One message, until it is kept."""
        text, deadline = f"message {n} of mine", time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            began = time.monotonic()
            async with http.post(
                f"/api/conversations/{self.id}/messages",
                json={"text": text, "client_id": f"m{n}"},
                headers=self.headers,
            ) as answer:
                self.longest = max(self.longest, time.monotonic() - began)
                if answer.status == 202:
                    self.kept.append(text)
                    return
                assert answer.status in (429, 503), await answer.text()
                self.asked_again += 1
                await asyncio.sleep(float(answer.headers["Retry-After"]))
        raise AssertionError(f"{text} was not kept within {PATIENCE} s")


async def opened(http: aiohttp.ClientSession, text: str) -> Writer:
    async with http.post("/api/conversations", json={"text": text}) as answer:
        assert answer.status == 201
        made = await answer.json()
    return Writer(id=made["id"], headers={"Authorization": f"Bearer {made['token']}"})


async def said(http: aiohttp.ClientSession, writer: Writer) -> list[str]:
    async with http.get(f"/api/conversations/{writer.id}", headers=writer.headers) as answer:
        assert answer.status == 200
        messages = (await answer.json())["messages"]
    return [m["text"] for m in messages if m["author"] == "customer"]


@pytest.fixture
async def program(tmp_path: Path) -> AsyncIterator[Program]:
    """The real one; it ends with the test, however that ends."""
    made = Program(tmp_path / "data", env={"RATE_PER_CONVERSATION": "50"})
    await made.start()
    yield made
    await made.stop()


@pytest.mark.timed
async def test_none_is_lost_and_none_doubled(program: Program, tmp_path: Path) -> None:
    done = asyncio.Event()
    async with aiohttp.ClientSession(program.url) as http:
        writers = [await opened(http, f"hello from {n}") for n in range(WRITERS)]
        theirs = await opened(http, f"my {WORD} broke")

        async def talk(writer: Writer) -> None:
            n = 0
            while not done.is_set() or n < 5:
                await writer.write(http, n)
                n += 1
                await asyncio.sleep(0.2)

        talks = [asyncio.create_task(talk(writer)) for writer in writers]
        await asyncio.sleep(2)
        began = time.monotonic()
        receipt = await program.command("erase", theirs.id)
        seconds = time.monotonic() - began
        await asyncio.sleep(1)
        done.set()
        await asyncio.gather(*talks)

        assert "conversations" in receipt
        for n, writer in enumerate(writers):
            assert await said(http, writer) == [f"hello from {n}", *writer.kept]
        longest = max(writer.longest for writer in writers)
        again = sum(writer.asked_again for writer in writers)
        kept = sum(len(writer.kept) for writer in writers)
        print(f"\n{kept} kept, {again} asked again, longest {longest:.1f} s, erase {seconds:.1f} s")
        assert longest < LONGEST
    await program.stop()
    # And it was not only in memory: the next process knows the same.
    await program.start()
    async with aiohttp.ClientSession(program.url) as http:
        for n, writer in enumerate(writers):
            assert await said(http, writer) == [f"hello from {n}", *writer.kept]
    await program.stop()
    files = [f for f in (tmp_path / "data").rglob("*") if f.is_file()]
    assert [f.name for f in files if WORD.encode() in f.read_bytes()] == []
