"""`make bench`: ratios of medians from three A B A B pairs in one run, then the plain figures."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
import uvloop

from bench.channels import acknowledging_webhooks
from bench.kills import main as killing
from bench.load import Customer, Result, closed_loop, customers, fixed_rate, posters
from bench.peers import Peer, module, serving
from bench.switching import main as switching
from bench.wire import Events

PAIRS = 3
QUESTION = "How do I reset my password?"
GUIDE = Path(__file__).parents[1] / "docs" / "guide"
OURS = ["bot.py", "run", "--port", "{port}", "--data-dir", "{dir}/data"]
CONSTANT = module("constant", "{dir}/data")
INSERT = module("bare_insert", "{dir}")
ECHO = module("aiogram_echo")

Run = Callable[[Peer], Awaitable[Result]]
Figure = Callable[[Result], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: ours beside the peer's, and what the ratio has to keep."""

    name: str
    ours: float
    peer: float
    unit: str
    least: float | None = None
    most: float | None = None

    @property
    def ratio(self) -> float:
        """Ours as a multiple of the peer's."""
        return self.ours / self.peer if self.peer else 0.0

    @property
    def holds(self) -> bool:
        """Whether the ratio keeps its bound."""
        return (self.least is None or self.ratio >= self.least) and (
            self.most is None or self.ratio <= self.most
        )

    def __str__(self) -> str:
        bound = f"≥ {self.least:.2f}" if self.least is not None else ""
        bound = f"≤ {self.most:.2f}" if self.most is not None else bound
        verdict = "" if not bound else ("holds" if self.holds else "DOES NOT HOLD")
        return (
            f"{self.name:<52} {self.ours:>10.2f} {self.peer:>10.2f} {self.unit:<6} "
            f"{self.ratio:>6.2f} × {bound:>7} {verdict}"
        )


def update(number: int) -> bytes:
    """A Telegram update with a text message."""
    person = {"id": 7, "is_bot": False, "first_name": "Ann"}
    message = {
        "message_id": number,
        "date": 1_700_000_000,
        "chat": {"id": 7, "type": "private", "first_name": "Ann"},
        "from": person,
        "text": QUESTION,
    }
    return orjson.dumps({"update_id": number, "message": message})


async def echo_loop(peer: Peer, count: int, seconds: float) -> Result:
    """Closed loops against the echo: its answer is the response itself."""
    bodies = [update(i) for i in range(1, 500)]
    async with posters(peer.port, count, "/webhook", bodies) as workers:
        return await closed_loop(workers, seconds=seconds)


async def path_loop(peer: Peer, count: int, seconds: float) -> Result:
    """Closed loops of customers who wait for each answer on their streams."""
    async with customers(peer.port, count, [QUESTION]) as everybody:
        return await closed_loop([one.ask for one in everybody], seconds=seconds)


async def pairs(
    name: str,
    *,
    ours: tuple[Sequence[str], Run],
    peer: tuple[Sequence[str], Run],
    figure: Figure,
    unit: str,
    least: float | None = None,
    most: float | None = None,
) -> Row:
    """Both servers up, measured in turn A B A B; medians of the figures."""
    mine: list[float] = []
    theirs: list[float] = []
    ours_ready = "Sign in" if "bot.py" in ours[0] else "ready"
    async with serving(ours[0], ready=ours_ready) as a, serving(peer[0]) as b:
        for _ in range(PAIRS):
            mine.append(figure(await ours[1](a)))
            theirs.append(figure(await peer[1](b)))
    row = Row(
        name=name,
        ours=statistics.median(mine),
        peer=statistics.median(theirs),
        unit=unit,
        least=least,
        most=most,
    )
    print(row, flush=True)
    return row


async def acknowledging(seconds: float) -> Row:
    """Acknowledging at 100 messages a second, p99, beside one durable insert."""

    async def ours(peer: Peer) -> Result:
        async with customers(peer.port, 32, [QUESTION]) as everybody:
            return await fixed_rate([one.write for one in everybody], rate=100, seconds=seconds)

    async def bare(peer: Peer) -> Result:
        body = orjson.dumps({"text": QUESTION, "client_id": "x"})
        async with posters(peer.port, 32, "/messages", [body]) as workers:
            return await fixed_rate(workers, rate=100, seconds=seconds)

    return await pairs(
        "acknowledge at 100/s, p99, to aiohttp + one insert",
        ours=(CONSTANT, ours),
        peer=(INSERT, bare),
        figure=lambda r: r.quantile(0.99) * 1000,
        unit="ms",
        most=1.0,
    )


async def whole_path(count: int, least: float | None, seconds: float) -> Row:
    """The whole path, constant answerer, beside a webhook echo that keeps nothing."""
    return await pairs(
        f"whole path, {count} conversations, to aiogram echo",
        ours=(CONSTANT, lambda p: path_loop(p, count, seconds)),
        peer=(ECHO, lambda p: echo_loop(p, count, seconds)),
        figure=lambda r: r.rate,
        unit="/s",
        least=least,
    )


def guide_questions() -> list[str]:
    """Plain questions made of the guide's own headings, so that they find something."""
    return [
        line.removeprefix("## ").strip()
        for file in sorted(GUIDE.glob("en/*.md"))
        for line in file.read_text().splitlines()
        if line.startswith("## ")
    ]


def guide_passages() -> list[str]:
    """The guide in paragraphs, for the bare search."""
    return [
        paragraph.strip()
        for file in sorted(GUIDE.glob("*/*.md"))
        for paragraph in file.read_text().split("\n\n")
        if len(paragraph.strip()) > 40
    ]


async def answering(seconds: float) -> list[Row]:
    """Answering from the guide without a model, beside a bare embed-and-search service."""
    heads = guide_questions()
    # Every question is new, so that no cache answers: it is the work that is compared.
    questions = [f"{heads[i % len(heads)]} (case {i})" for i in range(40_000)]

    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as passages:
        json.dump(guide_passages(), passages)
    search = module("bare_search", "{dir}/shard", passages.name)
    offset = 0

    def fresh(count: int) -> list[str]:
        nonlocal offset
        offset += count
        return questions[offset - count : offset]

    async def until_known(peer: Peer) -> None:
        async with (
            aiohttp.ClientSession(f"http://127.0.0.1:{peer.port}") as web,
            asyncio.timeout(120),
        ):
            while True:
                async with web.get("/readyz") as answer:
                    if answer.status == 200:
                        break
                await asyncio.sleep(0.2)
        await asyncio.sleep(20.0)  # the guide is taken in in the background

    async def ours_closed(peer: Peer) -> Result:
        return await _ask_each(peer, fresh(2000), workers=8, seconds=seconds)

    async def bare_closed(peer: Peer) -> Result:
        bodies = [orjson.dumps({"text": q}) for q in fresh(2000)]
        async with posters(peer.port, 8, "/ask", bodies) as workers:
            return await closed_loop(workers, seconds=seconds)

    async def ours_20(peer: Peer) -> Result:
        return await _ask_each(peer, fresh(2000), workers=32, seconds=seconds, rate=20)

    async def bare_20(peer: Peer) -> Result:
        bodies = [orjson.dumps({"text": q}) for q in fresh(2000)]
        async with posters(peer.port, 32, "/ask", bodies) as workers:
            return await fixed_rate(workers, rate=20, seconds=seconds)

    rows: list[Row] = []
    closed: tuple[list[float], list[float]] = ([], [])
    at_20: tuple[list[float], list[float]] = ([], [])
    at_5: list[Result] = []
    async with serving(OURS, ready="Sign in") as a, serving(search) as b:
        await until_known(a)
        for _ in range(PAIRS):
            closed[0].append((await ours_closed(a)).rate)
            closed[1].append((await bare_closed(b)).rate)
        for _ in range(PAIRS):
            at_20[0].append((await ours_20(a)).quantile(0.5) * 1000)
            at_20[1].append((await bare_20(b)).quantile(0.5) * 1000)
        at_5.append(await _ask_each(a, fresh(2000), workers=16, seconds=seconds * 2, rate=5))
        stages = await _stages(a)
        rows.append(
            Row(
                name="answering without a model, questions/s, to bare search",
                ours=statistics.median(closed[0]),
                peer=statistics.median(closed[1]),
                unit="/s",
                least=0.85,
            )
        )
        rows.append(
            Row(
                name="reply p50 at 20/s, to bare search",
                ours=statistics.median(at_20[0]),
                peer=statistics.median(at_20[1]),
                unit="ms",
                most=1.35,
            )
        )
        for row in rows:
            print(row)
        five = at_5[0]
        print(
            f"at 5 questions/s: p50 {five.quantile(0.5) * 1000:.0f} ms, "
            f"p95 {five.quantile(0.95) * 1000:.0f} ms, p99 {five.quantile(0.99) * 1000:.0f} ms, "
            f"{five.errors} errors"
        )
        print(stages)
    Path(passages.name).unlink()
    return rows


async def _ask_each(
    peer: Peer, questions: Sequence[str], *, workers: int, seconds: float, rate: float = 0.0
) -> Result:
    """Each question in a conversation of its own, as most customers have one."""
    async with customers(peer.port, workers, questions) as everybody:
        if rate:
            return await fixed_rate([one.ask_anew for one in everybody], rate=rate, seconds=seconds)
        # Worker i starts at question i: with this stride none is asked twice.
        strides = [_strided(one, workers) for one in everybody]
        return await closed_loop(strides, seconds=seconds)


def _strided(customer: Customer, stride: int) -> Callable[[int], Awaitable[None]]:
    return lambda turn: customer.ask_anew(turn * stride)


async def _stages(peer: Peer) -> str:
    """p50, p95 and p99 of each stage, read off the program's own histogram."""
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{peer.port}") as web,
        web.get("/metrics") as answer,
    ):
        text = await answer.text()
    counts: dict[str, list[tuple[float, float]]] = {}
    for found in _BUCKET.finditer(text):
        counts.setdefault(found["stage"], []).append((float(found["le"]), float(found["count"])))
    lines = []
    for stage, buckets in counts.items():
        shown = ", ".join(
            f"p{q:.0f} {_quantile(buckets, q / 100) * 1000:.1f}" for q in (50, 95, 99)
        )
        lines.append(f"  {stage:<9} {shown} ms")
    return "\n".join(lines)


_BUCKET = re.compile(
    r'^contact_center_stage_seconds_bucket\{le="(?P<le>[^"]+)",stage="(?P<stage>\w+)"\} '
    r"(?P<count>\S+)$",
    re.MULTILINE,
)


def _quantile(buckets: Sequence[tuple[float, float]], q: float) -> float:
    """Within its bucket the quantile is taken to lie on a straight line."""
    ordered = sorted(buckets)
    wanted = q * ordered[-1][1]
    low, below = 0.0, 0.0
    for high, count in ordered:
        if count >= wanted and count > below:
            top = low if high == float("inf") else high
            return low + (top - low) * (wanted - below) / (count - below)
        low, below = high, count
    return low


async def footprint() -> list[Row]:
    """Memory beside the echo's, an idle event stream, and start-up."""
    rows: list[Row] = []
    streams = 800
    async with serving(OURS, ready="Sign in") as a, serving(ECHO) as b:
        await path_loop_once(a)
        async with posters(b.port, 4, "/webhook", [update(i) for i in range(1, 100)]) as workers:
            await closed_loop(workers, seconds=1.0)
        rows.append(
            Row(
                name="memory, to aiogram echo",
                ours=a.memory() / 2**20,
                peer=b.memory() / 2**20,
                unit="MiB",
                most=1.3,
            )
        )
        with_store = a.memory_with_children() / 2**20
        async with customers(a.port, 1, [QUESTION]) as everybody:
            opened = everybody[0]
            await asyncio.sleep(1.0)
            before = a.memory()
            idle = [
                Events(a.port, f"{opened._path}/events", opened._headers)  # noqa: SLF001
                for _ in range(streams)
            ]
            for one in idle:
                await one.open()
            await asyncio.sleep(2.0)
            per_stream = (a.memory() - before) / streams / 1024
            for one in idle:
                one.close()
        rows.append(
            Row(name="an idle stream, to 20 KiB", ours=per_stream, peer=20, unit="KiB", most=1.0)
        )
        for row in rows:
            print(row)
        print(
            f"memory with the embedded store: {with_store:.0f} MiB; start-up {a.started_in:.2f} s"
        )
    return rows


async def path_loop_once(peer: Peer) -> None:
    """One question, so that everything lazy is loaded."""
    async with customers(peer.port, 1, [QUESTION]) as everybody:
        await everybody[0].ask(0)


async def accepted_per_second(seconds: float) -> None:
    """How many messages a second are accepted, by 64 customers who do not wait for answers."""
    async with (
        serving(CONSTANT) as peer,
        customers(peer.port, 64, [QUESTION]) as everybody,
    ):
        result = await closed_loop([one.write for one in everybody], seconds=seconds)
    print(
        f"accepted: {result.rate:.0f}/s, p50 {result.quantile(0.5) * 1000:.1f} ms, "
        f"p99 {result.quantile(0.99) * 1000:.1f} ms"
    )


async def main(only: Sequence[str], seconds: float) -> int:
    """Run what was asked for; 1 when a bound does not hold."""
    rows: list[Row] = []
    print(f"{'':<52} {'ours':>10} {'peer':>10} {'':<6} {'ratio':>6}", flush=True)
    begun = time.perf_counter()
    if "ack" in only:
        rows.append(await acknowledging(seconds))
    if "path" in only:
        rows.append(await whole_path(1, None, seconds))
        rows.append(await whole_path(16, 0.55, seconds))
        rows.append(await whole_path(64, 0.75, seconds))
    if "answer" in only:
        rows += await answering(seconds)
    if "channels" in only:
        await acknowledging_webhooks(seconds)
    held = True
    if "kills" in only:
        held &= await killing(50, 1) == 0
    if "switching" in only:
        held &= await switching() == 0
    if "memory" in only:
        rows += await footprint()
    if "accept" in only:
        await accepted_per_second(seconds)
    print(f"{time.perf_counter() - begun:.0f} s in all, load {os.getloadavg()[0]:.1f}")
    return 0 if held and all(row.holds for row in rows) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=["ack", "path", "answer", "memory", "accept"])
    parser.add_argument("--seconds", type=float, default=6.0)
    asked = parser.parse_args()
    sys.exit(uvloop.run(main(asked.only, asked.seconds)))
