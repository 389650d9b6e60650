"""A shop's knowledge, a model as slow as a test says, and what customers see meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.process import Program
from tests.support.servers.openai import OpenAIServer, Scene, openai_server

FAQ = {
    "How do I reset my password?": "Open Settings and press Reset password. The link works for"
    " 30 minutes.",
    "How long does delivery take?": "Parcels arrive within three working days in Norway.",
    "Can I return an opened grinder?": "Opened grinders can be returned within 30 days.",
    "Where do I find the serial number?": "The serial number is printed under the base plate.",
    "How do I clean the burrs?": "Brush the burrs with the small brush once a week.",
    "Do you repair old kettles?": "Kettles are repaired in the workshop. It repairs"
    " old kettles for five years.",
    "배송은 얼마나 걸리나요?": "배송은 영업일 기준 사흘이 걸립니다.",
}
NEVER = 3600.0  #: seconds; no test waits so long


def asked_in(body: dict[str, Any]) -> str:
    """The customer's question in a request to the model."""
    told = str(body["messages"][-1]["content"])
    return told.rpartition("<customer>")[2].partition("</customer>")[0].strip()


@dataclass(slots=True)
class SlowModel:
    """Answers each question of the FAQ from its source, in the time that was set for it."""

    server: OpenAIServer
    delays: dict[str, float] = field(default_factory=dict)  #: seconds to the first piece
    pauses: dict[str, float] = field(default_factory=dict)  #: seconds between pieces

    def reply(self, body: dict[str, Any]) -> Scene:
        """How this request is answered."""
        question = next((q for q in FAQ if q in asked_in(body)), "")
        sentences = FAQ.get(question, "NO_ANSWER").replace(". ", ". [1] ") + " [1]"
        return Scene(
            text=sentences if question else "NO_ANSWER",
            delay=self.delays.get(question, 0.0),
            pause=self.pauses.get(question, 0.0),
            size=12,
        )

    def pause_for(self, question: str, *, seconds: float) -> None:
        """Have the last piece come after so long."""
        pieces = len(self.reply({"messages": [{"content": question}]}).text) / 12
        self.pauses[question] = seconds / pieces


@asynccontextmanager
async def slow_model() -> AsyncIterator[SlowModel]:
    """The model, serving."""
    async with openai_server() as server:
        model = SlowModel(server)
        server.reply = model.reply
        yield model


def settings_for(model: SlowModel, **more: str) -> dict[str, str]:
    """The environment that leads the program to it."""
    return {
        "LLM_MODEL": "openai:slow",
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": model.server.url,
        **more,
    }


async def teach(program: Program, folder: Path) -> None:
    """Give the program the shop's knowledge."""
    file = folder / "faq.csv"
    rows = [f'"{question}","{answer}"' for question, answer in FAQ.items()]
    file.write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
    await program.command("kb", "add", str(file), within=300.0)


@dataclass(slots=True)
class Visitor:
    """A customer on the web with an open stream; every event with the second it came."""

    http: aiohttp.ClientSession
    id: str
    token: str
    began: float
    events: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    reading: asyncio.Task[None] | None = None

    async def read(self) -> None:
        """Take in the stream until it ends."""
        url = f"/api/conversations/{self.id}/events"
        try:
            async with self.http.get(url, headers=self._bearer, timeout=_FOREVER) as stream:
                name = ""
                async for line in stream.content:
                    key, _, value = line.decode().strip().partition(": ")
                    if key == "event":
                        name = value
                    elif key == "data":
                        self.events.append((self.now, name, json.loads(value)))
        except aiohttp.ClientError:
            return  # the program went away

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def now(self) -> float:
        """Seconds since the question."""
        return time.monotonic() - self.began

    async def write(self, text: str) -> None:
        """Say something more."""
        body = {"text": text, "client_id": f"m{time.monotonic_ns()}"}
        url = f"/api/conversations/{self.id}/messages"
        async with self.http.post(url, json=body, headers=self._bearer) as answer:
            assert answer.status == 202, await answer.text()

    async def press_human(self) -> None:
        """Ask for a person by the button."""
        url = f"/api/conversations/{self.id}/human"
        async with self.http.post(url, json={}, headers=self._bearer) as answer:
            assert answer.status < 300, await answer.text()

    async def state(self) -> dict[str, Any]:
        """The conversation as it stands."""
        url = f"/api/conversations/{self.id}"
        async with self.http.get(url, headers=self._bearer) as answer:
            return dict(await answer.json())

    def at(self, *names: str) -> list[float]:
        """When events of these kinds came."""
        return [at for at, name, _ in self.events if name in names]

    def said(self, author: str) -> list[tuple[float, str]]:
        """What one side has said, and when."""
        return [
            (at, str(data["text"]))
            for at, name, data in self.events
            if name == "message" and data["author"] == author
        ]

    async def until(self, holds: Callable[[], object], *, seconds: float) -> None:
        """Return once it holds."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(self.events) from None


_FOREVER = aiohttp.ClientTimeout(total=None)


async def visitor(http: aiohttp.ClientSession, question: str, *, locale: str = "en") -> Visitor:
    """A new visitor who listens first and then asks."""
    async with http.post("/api/conversations", json={"locale": locale}) as answer:
        opened = await answer.json()
    new = Visitor(http=http, id=opened["id"], token=opened["token"], began=time.monotonic())
    new.reading = asyncio.create_task(new.read())
    await asyncio.sleep(0.2)
    new.began = time.monotonic()
    await new.write(question)
    return new
