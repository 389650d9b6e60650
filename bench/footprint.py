"""What it takes to stand there: memory, an idle event stream, start-up."""

from __future__ import annotations

import asyncio

from bench.load import closed_loop, customers, posters
from bench.path import ECHO, OURS, QUESTION, update
from bench.peers import Peer, serving
from bench.ratios import Row
from bench.wire import Events


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
