"""Answering from the guide without a model, beside a bare service that embeds and searches."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import orjson

from bench.load import Customer, Result, closed_loop, customers, fixed_rate, posters
from bench.path import OURS
from bench.peers import Peer, module, serving
from bench.ratios import PAIRS, Row

GUIDE = Path(__file__).parents[1] / "docs" / "guide"


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
