"""Load shapes: closed loops of conversations, and fixed rates measured from the schedule."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import orjson

from bench.wire import Events, Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one run showed; seconds, in the order in which they were measured."""

    seconds: float
    latencies: Sequence[float] = field(repr=False)
    errors: int = 0

    @property
    def rate(self) -> float:
        """Completed per second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, q: float) -> float:
        """The q-quantile of the latencies, nearest rank, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0


Once = Callable[[int], Awaitable[None]]


async def closed_loop(workers: Sequence[Once], *, seconds: float) -> Result:
    """Each worker goes again as soon as it is done, until the time is over."""
    latencies: list[float] = []
    errors = 0
    ends = time.perf_counter() + seconds
    begun = time.perf_counter()

    async def run(once: Once) -> None:
        nonlocal errors
        turn = 0
        while time.perf_counter() < ends:
            start = time.perf_counter()
            try:
                async with asyncio.timeout(30):
                    await once(turn)
            except (OSError, TimeoutError, RuntimeError, asyncio.IncompleteReadError):
                errors += 1
                return
            latencies.append(time.perf_counter() - start)
            turn += 1

    await asyncio.gather(*(run(once) for once in workers))
    return Result(seconds=time.perf_counter() - begun, latencies=latencies, errors=errors)


async def fixed_rate(workers: Sequence[Once], *, rate: float, seconds: float) -> Result:
    """Requests at scheduled times; each latency counts from its schedule, so a stall shows.

    A request whose worker is still busy waits in line, and its wait counts.
    """
    free: asyncio.Queue[Once] = asyncio.Queue()
    for worker in workers:
        free.put_nowait(worker)
    latencies: list[float] = []
    errors = 0
    begun = time.perf_counter()

    async def one(number: int) -> None:
        nonlocal errors
        due = begun + number / rate
        once = await free.get()
        try:
            async with asyncio.timeout(30):
                await once(number)
            latencies.append(time.perf_counter() - due)
        except (OSError, TimeoutError, RuntimeError, asyncio.IncompleteReadError):
            errors += 1
        finally:
            free.put_nowait(once)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            delay = begun + number / rate - time.perf_counter()
            if delay > 0:
                await asyncio.sleep(delay)
            group.create_task(one(number))
    return Result(seconds=time.perf_counter() - begun, latencies=latencies, errors=errors)


class Customer:
    """A visitor with an open stream, who writes and waits for the answer."""

    def __init__(self, port: int, questions: Sequence[str]) -> None:
        self._port = port
        self._questions = questions
        self._post = Post(port)
        self._events: Events | None = None
        self._path = ""
        self._headers: dict[str, str] = {}
        self._sent = 0

    async def open(self) -> None:
        """Start a conversation and its stream."""
        await self._post.__aenter__()
        status, body = await self._post.send("/api/conversations", b"{}")
        if status != 201:
            raise RuntimeError(f"no conversation: {status} {body[:200]!r}")
        opened = orjson.loads(body)
        self._path = f"/api/conversations/{opened['id']}"
        self._headers = {"Authorization": f"Bearer {opened['token']}"}
        self._events = Events(self._port, f"{self._path}/events", self._headers)
        await self._events.open()

    async def write(self, number: int) -> None:
        """Post the next question and return once it is acknowledged."""
        text = self._questions[number % len(self._questions)]
        self._sent += 1
        body = orjson.dumps({"text": text, "client_id": f"m{self._sent}"})
        status, answer = await self._post.send(f"{self._path}/messages", body, self._headers)
        if status != 202:
            raise RuntimeError(f"not accepted: {status} {answer[:200]!r}")

    async def ask(self, number: int) -> None:
        """Post the next question and return once it is answered."""
        assert self._events is not None
        await self.write(number)
        await self._events.answered()

    async def ask_anew(self, number: int) -> None:
        """Open a new conversation with the question and return once something is answered."""
        text = self._questions[number % len(self._questions)]
        body = orjson.dumps({"text": text, "locale": "en"})
        status, answer = await self._post.send("/api/conversations", body)
        if status != 201:
            raise RuntimeError(f"no conversation: {status} {answer[:200]!r}")
        opened = orjson.loads(answer)
        headers = {"Authorization": f"Bearer {opened['token']}", "Last-Event-ID": "0"}
        events = Events(self._port, f"/api/conversations/{opened['id']}/events", headers)
        await events.open()
        await events.answered()
        events.close()

    async def close(self) -> None:
        """Hang up."""
        if self._events is not None:
            self._events.close()
        await self._post.__aexit__(None, None, None)


@contextlib.asynccontextmanager
async def customers(
    port: int, count: int, questions: Sequence[str]
) -> AsyncIterator[list[Customer]]:
    """So many visitors with open streams."""
    everybody = [Customer(port, [*questions[i:], *questions[:i]]) for i in range(count)]
    for one in everybody:
        await one.open()
    try:
        yield everybody
    finally:
        for one in everybody:
            await one.close()


@contextlib.asynccontextmanager
async def posters(
    port: int, count: int, path: str, bodies: Sequence[bytes]
) -> AsyncIterator[list[Once]]:
    """So many keep-alive connections, each posting the bodies in turn to one path."""
    posts = [Post(port) for _ in range(count)]

    def once(post: Post, offset: int) -> Once:
        async def send(number: int) -> None:
            status, answer = await post.send(path, bodies[(number + offset) % len(bodies)])
            if status >= 300:
                raise RuntimeError(f"{status} {answer[:200]!r}")

        return send

    async with contextlib.AsyncExitStack() as stack:
        for post in posts:
            await stack.enter_async_context(post)
        yield [once(post, index) for index, post in enumerate(posts)]
