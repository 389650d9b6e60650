"""SIGKILL at random moments through 200 conversations, restarted each time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.process import Program

CONVERSATIONS = 200
KILLS = 8
SEED = 20261122

QUESTIONS = (
    "How do I talk to a person?",
    "What is the capital of Mongolia?",
    "상담원과 이야기하려면 어떻게 하나요?",
    "How do I enable the Telegram channel?",
)


class Visitor:
    """Somebody who tries again until he is told that his message has arrived."""

    def __init__(self, number: int, base: str, session: aiohttp.ClientSession) -> None:
        self._number = number
        self._base = base
        self._session = session
        self.id = ""
        self._headers: dict[str, str] = {}

    async def write(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                if not self.id:
                    await self._open()
                path = f"{self._base}/api/conversations/{self.id}/messages"
                body = {"text": QUESTIONS[self._number % len(QUESTIONS)], "client_id": "one"}
                async with self._session.post(path, json=body, headers=self._headers) as answer:
                    if answer.status == 202:
                        return
            await asyncio.sleep(0.1)

    async def _open(self) -> None:
        async with self._session.post(f"{self._base}/api/conversations", json={}) as answer:
            if answer.status == 201:
                opened = await answer.json()
                self._headers = {"Authorization": f"Bearer {opened['token']}"}
                self.id = opened["id"]

    async def conversation(self) -> dict[str, Any]:
        path = f"{self._base}/api/conversations/{self.id}"
        async with self._session.get(path, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found


def authors(conversation: dict[str, Any]) -> list[str]:
    return [message["author"] for message in conversation["messages"]]


@pytest.mark.faults
@pytest.mark.timeout(400)
async def test_nothing_is_lost_and_nothing_answered_twice(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    program = Program(tmp_path / "data")
    await program.start()
    timeout = aiohttp.ClientTimeout(total=5)
    connector = aiohttp.TCPConnector(force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        visitors = [Visitor(i, program.url, session) for i in range(CONVERSATIONS)]
        writing: list[asyncio.Task[None]] = []

        async def arrive() -> None:
            for visitor in visitors:
                writing.append(asyncio.create_task(visitor.write()))
                await asyncio.sleep(chance.uniform(0.0, 0.15))

        arriving = asyncio.create_task(arrive())
        try:
            for _ in range(KILLS):
                await asyncio.sleep(chance.uniform(0.05, 1.5))
                await program.kill()
                await program.start()
            await arriving
            await asyncio.gather(*writing)
            async with asyncio.timeout(60):
                while True:
                    states = [await visitor.conversation() for visitor in visitors]
                    if all(len(authors(state)) >= 2 for state in states):
                        break
                    await asyncio.sleep(0.3)
            await asyncio.sleep(1.0)
            states = [await visitor.conversation() for visitor in visitors]
        finally:
            await program.stop()
    counts = Counter(tuple(authors(state)) for state in states)
    assert set(counts) <= {("customer", "ai"), ("customer", "system")}, counts
    assert sum(counts.values()) == CONVERSATIONS
