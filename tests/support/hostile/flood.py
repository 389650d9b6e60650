"""Somebody who holds as many connections and streams as the server lets them, and says nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import aiohttp

QUESTION = "How do I talk to a person?"  #: the product's own guide knows
#: How half-open connections look: nothing at all, half a head, a head without its body.
SILENCES: Sequence[bytes] = (
    b"",
    b"GET / HTT",
    b"GET / HTTP/1.1\r\nHost: here\r\nX-A: b",
    b"POST /login HTTP/1.1\r\nHost: here\r\nContent-Length: 500\r\n\r\n{",
    b"POST /webhooks/telegram HTTP/1.1\r\nHost: here\r\nContent-Length: 2000000\r\n\r\n{",
)
AGAIN = 50  #: half-open connections that are opened anew, twice a second


@dataclass(slots=True, kw_only=True)
class Flood:
    """What is held; `keep_up` opens anew what the server ends."""

    port: int
    source: str  #: the loopback address it all comes from
    silent: list[asyncio.StreamWriter] = field(default_factory=list)
    streams: list[asyncio.StreamWriter] = field(default_factory=list)
    refused: int = 0  #: streams that were answered with a problem
    opened: int = 0  #: silent connections in all

    async def open_silent(self, count: int) -> None:
        """So many half-open connections, as fast as they come."""
        for start in range(0, count, 50):
            opened = await asyncio.gather(
                *(self._silent(n) for n in range(start, min(start + 50, count)))
            )
            self.silent += [writer for writer in opened if writer is not None]
            self.opened += len(opened)

    async def open_streams(self, count: int, *, conversations: int = 1) -> None:
        """So many wishes for a stream, on the tokens of so many conversations."""
        paths = [await self._conversation() for _ in range(conversations)]
        for start in range(0, count, 50):
            wishes = (self._stream(*paths[n % len(paths)]) for n in range(start, start + 50))
            opened = await asyncio.gather(*wishes)
            held = [writer for writer in opened if writer is not None]
            self.streams += held
            self.refused += 50 - len(held)

    async def keep_up(self) -> None:
        """Hold as many half-open ones as there were; until it is cancelled."""
        wanted = len(self.silent)
        while True:
            self.silent = [w for w in self.silent if not w.transport.is_closing()]
            await self.open_silent(min(wanted - len(self.silent), AGAIN))
            await asyncio.sleep(0.5)

    def close(self) -> None:
        """Let go of everything."""
        for writer in (*self.silent, *self.streams):
            writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(
            "127.0.0.1", self.port, local_addr=(self.source, 0), limit=4096
        )

    async def _silent(self, number: int) -> asyncio.StreamWriter | None:
        try:
            reader, writer = await self._connect()
            writer.write(SILENCES[number % len(SILENCES)])
        except OSError:
            return None
        # Its end is noticed by reading, and nothing else is done with it.
        task = asyncio.create_task(_read_away(reader, writer))
        _READING.add(task)
        task.add_done_callback(_READING.discard)
        return writer

    async def _conversation(self) -> tuple[str, str]:
        reader, writer = await self._connect()
        writer.write(
            b"POST /api/conversations HTTP/1.1\r\nHost: here\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        )
        answer = await reader.read()
        writer.close()
        opened = json.loads(answer.partition(b"\r\n\r\n")[2])
        return f"/api/conversations/{opened['id']}/events", opened["token"]

    async def _stream(self, path: str, token: str) -> asyncio.StreamWriter | None:
        try:
            reader, writer = await self._connect()
            head = f"GET {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n\r\n"
            writer.write(head.encode())
            if (await reader.readline()).startswith(b"HTTP/1.1 200"):
                return writer
            writer.transport.abort()
        except OSError:
            pass
        return None


_READING: set[asyncio.Task[None]] = set()


async def _read_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(4096):
            pass
    writer.transport.abort()


@contextlib.asynccontextmanager
async def flood(
    port: int, *, source: str, silent: int, streams: int, conversations: int = 1
) -> AsyncIterator[Flood]:
    """All of it, held and kept up until the block ends."""
    held = Flood(port=port, source=source)
    await held.open_streams(streams, conversations=conversations)
    await held.open_silent(silent)
    keeping = asyncio.create_task(held.keep_up())
    try:
        yield held
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        held.close()


def client(url: str, source: str) -> aiohttp.ClientSession:
    """Somebody at that address, with a new connection for everything they want."""
    connector = aiohttp.TCPConnector(local_addr=(source, 0), force_close=True, limit=0)
    return aiohttp.ClientSession(url, connector=connector, cookie_jar=aiohttp.DummyCookieJar())


async def answered(http: aiohttp.ClientSession) -> float:
    """The seconds from a question in a new conversation to its cited answer."""
    began = time.monotonic()
    async with http.post("/api/conversations", json={"text": QUESTION, "locale": "en"}) as opened:
        assert opened.status == 201, await opened.text()
        chat = await opened.json()
    headers = {"Authorization": f"Bearer {chat['token']}", "Last-Event-ID": "0"}
    async with http.get(f"/api/conversations/{chat['id']}/events", headers=headers) as stream:
        assert stream.status == 200, await stream.text()
        async for line in stream.content:
            if line.startswith(b"data:") and json.loads(line[5:]).get("author") == "ai":
                break
    return time.monotonic() - began


def quantile(seconds: Sequence[float], q: float) -> float:
    """The q-quantile, nearest rank."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
