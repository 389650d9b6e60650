"""A reader of server-sent events for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp


@dataclass(frozen=True, slots=True)
class Heard:
    """One event; `number` is -1 for events without an id."""

    number: int
    event: str
    data: Any


class Ear:
    """Reads events from an open stream."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.beats = 0

    async def next(self, *, seconds: float = 5.0) -> Heard:
        """The next event; comments are counted, not given."""
        async with asyncio.timeout(seconds):
            while True:
                block = (await self.answer.content.readuntil(b"\n\n")).decode()
                if not block:
                    raise EOFError
                fields = dict(
                    line.split(": ", 1) for line in block.strip().split("\n") if ": " in line
                )
                if block.startswith(":"):
                    self.beats += 1
                elif "data" in fields:
                    return Heard(
                        int(fields.get("id", -1)), fields["event"], json.loads(fields["data"])
                    )

    async def numbered(self, count: int) -> list[Heard]:
        """The next events that have an id."""
        heard: list[Heard] = []
        while len(heard) < count:
            one = await self.next()
            if one.number >= 0:
                heard.append(one)
        return heard


@asynccontextmanager
async def listening(
    http: aiohttp.ClientSession, path: str, *, token: str, after: int | None = None
) -> AsyncIterator[Ear]:
    """An open stream."""
    headers = {"Authorization": f"Bearer {token}"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    timeout = aiohttp.ClientTimeout(total=None)
    async with http.get(path, headers=headers, timeout=timeout) as answer:
        assert answer.status == 200, await answer.text()
        assert answer.content_type == "text/event-stream"
        yield Ear(answer)
