"""A message that no code of ours should ever freeze on, and does: named, ended, then a person's."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiohttp
import pytest

from tests.support.process import Program

# Seeded into the program from outside: a part of drafting that never comes back.
SPINS = """
import core.rag.safety.injection as guard
honest = guard.suspicions
def suspicions(text):
    while "spin for ever" in text:
        pass
    return honest(text)
guard.suspicions = suspicions
"""
# The same in C code that keeps the interpreter to itself, for seconds.
HOLDS = """
import re
import core.rag.safety.injection as guard
honest = guard.suspicions
def suspicions(text):
    if "hold for long" in text:
        re.match("(a+)+$", "a" * 26 + "b")
    return honest(text)
guard.suspicions = suspicions
"""


def program(tmp_path: Path, fault: str) -> Program:
    (tmp_path / "seeded").mkdir()
    (tmp_path / "seeded" / "sitecustomize.py").write_text(fault, encoding="utf-8")
    return Program(tmp_path / "data", env={"PYTHONPATH": str(tmp_path / "seeded")})


async def written(running: Program, words: str, *, count: int = 1, seconds: float = 200) -> str:
    """The program's output once these words stand in it so many times."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        said = running.output.read_text(encoding="utf-8", errors="replace")
        if said.count(words) >= count:
            return said
        await asyncio.sleep(0.1)
    raise AssertionError(f"{words!r} is not in\n{running.output.read_text()[-3000:]}")


async def ask(running: Program, text: str) -> None:
    async with aiohttp.ClientSession() as session:
        url = f"{running.url}/api/conversations"
        async with session.post(url, json={"text": text}) as answer:
            assert answer.status == 201


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_it_is_named_ended_and_goes_to_a_person(tmp_path: Path) -> None:
    running = program(tmp_path, SPINS)
    await running.start(seconds=200)
    token = (
        await running.command("users", "add", "agent@a.example", "--role", "agent", "--token")
    ).split()[-1]
    await ask(running, "please spin for ever")

    said = await written(running, "the event loop is held up for")
    assert "in suspicions" in said
    began = time.monotonic()
    await running.stop()
    assert time.monotonic() - began < 40

    # It is drafted anew, freezes again, and now nobody is gentle.
    starting = asyncio.create_task(running.start(seconds=200))
    await written(running, "the event loop is held up for", count=2)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await running.kill()

    await running.start(seconds=200)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        items = []
        for _ in range(100):
            async with session.get(f"{running.url}/api/approvals/pending") as answer:
                items = (await answer.json())["items"]
            if items:
                break
            await asyncio.sleep(0.1)
        assert [item["question"] for item in items] == ["please spin for ever"]
        assert "crashed" in json.dumps(items[0]["reasons"])
    await ask(running, "How do I talk to a person?")
    await running.stop()


@pytest.mark.faults
@pytest.mark.timeout(900)
async def test_what_keeps_the_interpreter_to_itself_is_named_afterwards(tmp_path: Path) -> None:
    running = program(tmp_path, HOLDS)
    await running.start(seconds=200)
    await ask(running, "please hold for long")
    said = await written(running, "the event loop goes on after", seconds=200)
    assert "in suspicions" in said
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{running.url}/metrics") as answer:
            shown = await answer.text()
        assert "contact_center_loop_blocked_total 1.0" in shown
    await running.stop()
