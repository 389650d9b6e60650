"""Twenty conversations on the web while an admin switches Telegram on, wrong, off and on again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.load import Customer
from tests.support.process import Program
from tests.support.servers.telegram import TOKEN
from tests.support.servers.vendors import admin_of, channel_states, vendors_up

QUESTION = "How do I talk to a person?"
CONVERSATIONS = 20
PAUSE = 0.5  #: seconds between an answer and the customer's next message


@dataclass(slots=True)
class Lap:
    """One stretch of the run: what every message of a customer waited for its answer."""

    name: str
    waits: list[float] = field(default_factory=list)
    seen: tuple[str, str] = ("", "")  #: the channel's state and reason at the end

    def quantile(self, q: float) -> float:
        """In milliseconds, nearest rank."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000 if ordered else 0.0


@dataclass(slots=True)
class Run:
    """The laps, calm ones first and last, and how many messages were never answered."""

    laps: list[Lap] = field(default_factory=list)
    lost: int = 0
    delivered: Sequence[str] = ()


async def switch_under_load(folder: Path, *, calm: float, busy: float) -> Run:
    """Drive the real program; each lap lasts at least `busy` seconds, the calm ones `calm`."""
    folder.mkdir(parents=True, exist_ok=True)
    run = Run()
    program = Program(
        folder / "data",
        env={
            "ASSISTANT_TURNS": "1000",
            "RATE_PER_ADDRESS": "1000",
            "PRIVATE_API_ADDRESSES": "127.0.0.1",  # where the vendors' stand-ins listen
        },
    )
    async with vendors_up() as vendors:
        try:
            await program.start()
            async with await admin_of(program) as admin, _talking(program, run) as lap:
                await asyncio.sleep(2.0)  # everybody has come
                await lap("calm", calm)
                right = {"bot_token": TOKEN, "api_base_url": vendors.telegram.url}
                await _post(admin, "enable", right)
                await lap("enabled", busy, admin=admin, reaches="running")
                vendors.telegram.say(QUESTION)
                await _until_answered(vendors.telegram.texts)
                await _put(admin, {"bot_token": "1111:a-wrong-token"})
                await lap("wrong token", busy, admin=admin, reaches="needs_admin")
                await _post(admin, "disable", None)
                await lap("disabled", busy, admin=admin, reaches="disabled")
                await _post(admin, "enable", right)
                await lap("enabled again", busy, admin=admin, reaches="running")
                await lap("calm again", calm)
            run.delivered = vendors.telegram.texts()
        finally:
            await program.stop()
    return run


@asynccontextmanager
async def _talking(program: Program, run: Run) -> Any:
    current = Lap(name="arriving")
    over = False

    async def talk(number: int) -> None:
        customer = Customer(program.port, [QUESTION])
        await customer.open()
        try:
            await asyncio.sleep(number * PAUSE / CONVERSATIONS)
            while not over:
                begun, lap = time.perf_counter(), current
                try:
                    async with asyncio.timeout(30):
                        await customer.ask(0)
                except (TimeoutError, OSError, RuntimeError, asyncio.IncompleteReadError):
                    run.lost += 1
                    return
                lap.waits.append(time.perf_counter() - begun)
                await asyncio.sleep(PAUSE)
        finally:
            await customer.close()

    async def lap(
        name: str, seconds: float, *, admin: aiohttp.ClientSession | None = None, reaches: str = ""
    ) -> None:
        nonlocal current
        current = Lap(name=name)
        run.laps.append(current)
        await asyncio.sleep(seconds)
        if admin is not None:
            current.seen = await _reached(admin, reaches)

    talking = [asyncio.create_task(talk(number)) for number in range(CONVERSATIONS)]
    try:
        yield lap
    finally:
        over = True
        await asyncio.gather(*talking)


async def _reached(admin: aiohttp.ClientSession, state: str) -> tuple[str, str]:
    deadline = time.monotonic() + 60
    while True:
        seen = (await channel_states(admin))["telegram"]
        if seen[0] == state or time.monotonic() > deadline:
            return seen
        await asyncio.sleep(0.2)


async def _until_answered(texts: Any) -> None:
    async with asyncio.timeout(30):
        while not texts():
            await asyncio.sleep(0.05)


async def _post(
    admin: aiohttp.ClientSession, what: str, settings: Mapping[str, str] | None
) -> None:
    body = {"settings": dict(settings)} if settings is not None else None
    async with admin.post(f"/api/plugins/telegram/{what}", json=body) as answer:
        assert answer.status < 300, await answer.text()


async def _put(admin: aiohttp.ClientSession, settings: Mapping[str, str]) -> None:
    async with admin.put("/api/plugins/telegram/settings", json={"settings": settings}) as answer:
        assert answer.status < 300, await answer.text()
