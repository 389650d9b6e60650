"""100,000 hostile messages through all that reads them; and some thousands against a server.

python -m bench.messages                 the path of the text: what blocks the loop, and how long
python -m bench.messages --start 30000   the same from there on: a run that was ended goes on
python -m bench.messages --http 3000     over HTTP, while /healthz is asked every 200 ms
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import heapq
import time
from asyncio.events import Handle
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
from prometheus_client import CollectorRegistry

from bench.path import OURS
from bench.peers import MANY_PEOPLE, serving
from core.clock import SystemClock
from core.domain.conversation import Conversation
from core.domain.drafts import Question, Turn
from core.domain.messages import Address, InboundMessage, Sender
from core.domain.policy import looks_finished
from core.engine.inbound.inbox import _events, _storable
from core.engine.processing.draft_merging import wants_nothing
from core.i18n import Words
from core.nlu.handoff_intent import wants_person
from core.rag.answering.extractive import ExtractiveAnswerer
from core.rag.answering.guide import Guide
from core.rag.answering.prometheus import AnswerMetrics
from core.rag.answering.responder import RagResponder
from core.rag.confidence.model import Confidence
from core.rag.llm.client import Again, Piece, always
from core.rag.llm.prompt import Prompt
from core.rag.vectors.embeddings import ThreadEmbedder
from core.rag.vectors.encoder import Matrix
from core.rendering.html import to_html
from core.rendering.markdown import from_markdown
from core.runtime.logs.masking import masked as masked_for_log
from core.runtime.shipped import GUIDE, LOCALES, PROMPTS
from tests.support.hostile.messages import Adversary

BLOCKED = 0.1  #: seconds
WORST = 12  #: that are named
PIECE = 200  #: characters that a model says at once


@dataclass(slots=True)
class Blocks:
    """How long the loop was held up by one step of its, in processor and in wall time."""

    steps: int = 0
    over: int = 0  #: in processor time of the loop's thread
    over_wall: int = 0
    longest: float = 0.0
    longest_wall: float = 0.0
    last: float = 0.0  #: the last one that was over
    message: str = ""
    worst: list[tuple[float, str]] = field(default_factory=list)

    def took(self, seconds: float, wall: float) -> None:
        """One step is done."""
        self.steps += 1
        if seconds > BLOCKED:
            self.over += 1
            self.last = seconds
        self.over_wall += wall > BLOCKED
        self.longest, self.longest_wall = max(self.longest, seconds), max(self.longest_wall, wall)
        if len(self.worst) < WORST or seconds > self.worst[0][0]:
            heapq.heappush(self.worst, (seconds, self.message))
            self.worst = heapq.nlargest(WORST, self.worst)[::-1]


@contextmanager
def watched(blocks: Blocks) -> Iterator[None]:
    """Measures each step of the running loop."""
    run = Handle._run  # noqa: SLF001

    def timed(self: Any) -> None:
        wall, began = time.perf_counter(), time.thread_time()
        try:
            run(self)
        finally:
            blocks.took(time.thread_time() - began, time.perf_counter() - wall)

    Handle._run = timed  # type: ignore[method-assign]  # noqa: SLF001
    try:
        yield
    finally:
        Handle._run = run  # type: ignore[method-assign]  # noqa: SLF001


class Hashed:
    """An encoder that costs nothing: what is measured here is everything else."""

    name, size = "hashed", 64

    def questions(self, texts: Sequence[str]) -> Matrix:
        """See Encoder."""
        rows = [np.random.default_rng(hash(text) & 0xFFFFFFFF).normal(size=64) for text in texts]
        return np.asarray([row / np.linalg.norm(row) for row in rows], dtype=np.float32)

    passages = questions


class Parrot:
    """A model that answers with what it is asked, the worst that one can be made to say."""

    name, timeout_seconds = "parrot", 3600.0

    def __init__(self) -> None:
        self.prompt = Prompt.load(PROMPTS / "answer.md")

    async def start(self) -> None:
        """Nothing to load."""

    async def stream(
        self, blanks: Mapping[str, str], *, again: Again = always
    ) -> AsyncGenerator[Piece, None]:
        """See AnswerModel."""
        text = blanks["question"]
        for at in range(0, len(text), PIECE):
            yield Piece(text=text[at : at + PIECE])
            await asyncio.sleep(0)


async def path(count: int, seed: int, start: int = 0) -> bool:
    """Send them through from the one of this number on; whether the loop was never blocked."""
    began = time.process_time()
    adversary = Adversary(seed=seed)
    print(f"{len(adversary.attacks):,} attacks, {len(adversary.words):,} words", flush=True)
    messages = list(adversary.messages(count))
    long = sum(len(text) > 10_000 for text in messages)
    gc.freeze()  # what no server carries is not to be looked through beside its messages
    print(f"{len(messages):,} messages, {long:,} long, made in {time.process_time() - began:.0f} s")
    with ThreadPoolExecutor(1) as computing:
        embedder = ThreadEmbedder(Hashed(), computing)
        guide = Guide(GUIDE, embedder=embedder)
        await guide.ready()

        async def made(model: Parrot | None) -> RagResponder:
            responder = RagResponder(
                retriever=_Searching(guide, embedder),
                extractive=ExtractiveAnswerer(Confidence.load()),
                words=Words.load(LOCALES),
                clock=SystemClock(),
                metrics=AnswerMetrics(CollectorRegistry()),
                model=model,
                gate=lambda _question, _draft: True,
                budget_seconds=3600.0,
            )
            await responder.start()
            await responder.draft(_question("How do I approve an answer?"))
            return responder

        models = (None, Parrot())
        responders = [await made(model) for model in models]
        pure, drafting = Counter[str](), Blocks()
        hits: list[tuple[Parrot | None, Question]] = []
        slowest: dict[str, tuple[float, str]] = {}
        with watched(drafting):
            for number, text in enumerate(messages[start:], start):
                for name, read in READERS.items():
                    took = _steady(read, text)
                    pure[name] += took > BLOCKED
                    if took > slowest.get(name, (0.0, ""))[0]:
                        slowest[name] = (took, text)
                drafting.message, before = text, drafting.over
                question = _question(_stored(text), past=_stored(messages[number - 1]))
                await responders[number % 2].draft(question)
                if drafting.over > before:
                    hits.append((models[number % 2], question))
                    print(
                        f"  {number:,}: {drafting.last * 1000:.0f} ms: {_shown(text)}", flush=True
                    )
                if number % 1_000 == 999:
                    longest = {name: f"{took * 1000:.0f}" for name, (took, _) in slowest.items()}
                    print(
                        f"{number + 1:,}: {drafting.steps:,} steps, {drafting.over} over 100 ms,"
                        f" longest {drafting.longest * 1000:.0f} ms; reading, in ms: {longest}",
                        flush=True,
                    )
        slow = [took async for took in _once_more(hits, made)]
        for name, (took, text) in sorted(slowest.items(), key=lambda one: -one[1][0]):
            print(f"{name}: longest {took * 1000:.1f} ms, {pure[name]} over 100 ms: {_shown(text)}")
        print(
            f"drafts: {drafting.steps:,} steps of the loop,"
            f" longest {drafting.longest * 1000:.0f} ms of processor time"
            f" ({drafting.longest_wall * 1000:.0f} ms by the clock),"
            f" {drafting.over} over 100 ms ({drafting.over_wall} by the clock)"
        )
        for seconds, text in reversed(drafting.worst):
            print(f"  {seconds * 1000:.0f} ms: {_shown(text)}")
        await guide.stop()
        print(
            f"drafted again, alone: {len(slow)},"
            f" of which {sum(took > BLOCKED for took in slow)} over 100 ms,"
            f" longest {max(slow, default=0.0) * 1000:.0f} ms"
        )
    return not any(took > BLOCKED for took in slow) and not sum(pure.values())


async def _once_more(
    hits: Sequence[tuple[Parrot | None, Question]],
    made: Callable[[Parrot | None], Awaitable[RagResponder]],
) -> AsyncGenerator[float, None]:
    """The longest step of each in seconds, the least of three times, by who remembers nothing.

    Others on the machine make a step longer and never shorter.
    """
    for model, question in hits:
        took = []
        for _ in range(3):
            responder, blocks = await made(model), Blocks()
            with watched(blocks):
                # A step of its own, or what it does at once would be a part of ours.
                await asyncio.create_task(responder.draft(question))
            took.append(blocks.longest)
        print(f"  again {min(took) * 1000:.0f} ms: {_shown(question.text)}", flush=True)
        yield min(took)


class _Searching:
    def __init__(self, guide: Guide, embedder: ThreadEmbedder) -> None:
        self._guide, self._embedder = guide, embedder

    async def search(self, text: str, *, locale: str = "", limit: int = 5) -> Any:
        return await self._guide.search(text, locale=locale, limit=limit)

    def foresee(self, text: str) -> None:
        self._embedder.foresee(text)


def _question(text: str, *, past: str = "") -> Question:
    history = (Turn(author="customer", text=past), Turn(author="ai", text=past)) if past else ()
    return Question(conversation_id="c", text=text, locale="en", channel="web", history=history)


def _stored(text: str) -> str:
    """As it is kept, and read by whoever drafts."""
    return _storable(_inbound(text)).text


def _inbound(text: str) -> InboundMessage:
    return InboundMessage(
        address=Address(channel="web", account="", chat="1"),
        external_id="1",
        sender=Sender(id="1", name=text[:200]),
        text=text,
    )


#: What happens to a message on the loop before anybody drafts, and to a text that is shown.
READERS: Mapping[str, Callable[[str], object]] = {
    "taking in": lambda text: _events(Conversation(id="c"), _storable(_inbound(text))),
    "wants a person": wants_person,
    "wants nothing": wants_nothing,
    "looks finished": looks_finished,
    "as HTML": lambda text: to_html(from_markdown(text)),
    "masked for the log": masked_for_log,
}


def _steady(read: Callable[[str], object], text: str) -> float:
    """What it takes; where it looks long the least of three, as others only make it longer."""
    took = _seconds(read, text)
    return took if took <= BLOCKED else min(took, _seconds(read, text), _seconds(read, text))


def _seconds(read: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    with suppress(ValueError):
        read(text)
    return time.thread_time() - began


def _shown(text: str) -> str:
    return f"{len(text):,} characters, {text[:40]!r}"


async def http(count: int, seed: int) -> bool:
    """Write them to a running server; whether /healthz always answered within a second."""
    adversary = Adversary(seed=seed)
    texts = [text for text in adversary.messages(count) if text.strip()]
    async with serving(OURS, ready="Sign in", settings=MANY_PEOPLE) as peer:
        waits: list[float] = []
        statuses: Counter[int] = Counter()
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{peer.port}", timeout=timeout
        ) as session:
            asking = asyncio.create_task(_health(peer.port, waits))
            todo = iter(texts)
            await asyncio.gather(*(_customer(session, todo, statuses) for _ in range(8)))
            await asyncio.sleep(5)  # for what is still being drafted
            asking.cancel()
            async with session.get("/metrics") as answer:
                lines = (await answer.text()).splitlines()
    waits.sort()
    print(f"{len(texts):,} messages over HTTP, answered {dict(statuses)}")
    print(
        f"/healthz asked {len(waits):,} times: p50 {waits[len(waits) // 2] * 1000:.0f} ms,"
        f" p99 {waits[len(waits) * 99 // 100] * 1000:.0f} ms, longest {waits[-1] * 1000:.0f} ms"
    )
    for line in lines:
        if line.startswith("contact_center_loop_blocked"):
            print(line)
    return waits[-1] <= 1.0


async def _customer(
    session: aiohttp.ClientSession, todo: Iterator[str], statuses: Counter[int]
) -> None:
    for text in todo:
        async with session.post("/api/conversations", json={"text": text}) as answer:
            await answer.read()
            statuses[answer.status] += 1


async def _health(port: int, waits: list[float]) -> None:
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", timeout=timeout) as session:
        while True:
            began = time.perf_counter()
            async with session.get("/healthz") as answer:
                await answer.read()
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--http", type=int, default=0)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    doing = (
        http(asked.http, asked.seed) if asked.http else path(asked.count, asked.seed, asked.start)
    )
    raise SystemExit(0 if asyncio.run(doing) else 1)
