"""Customers write while a backup is made; killed right after, it is restored elsewhere.

Nothing is lost: what was acknowledged before the moment that the backup names is kept, in its order
and once; so are files, staff and the audit, and the vectors agree with the articles.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from app import opened
from config.settings import read_settings
from core.rag.knowledge.indexing import points_of
from core.runtime.data_dir import DataDir
from core.storage.embedded import EmbeddedStore
from tests.support.process import Program

KEY = "a key that only the tests know"
WRITERS = 8
BEFORE = float(os.environ.get("LOAD_BEFORE_BACKUP", "3"))  #: seconds; 120 makes it a long run
pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(600)]


@dataclass(kw_only=True)
class Writer:
    """A customer, and what we have acknowledged to them, with the time."""

    id: str
    headers: dict[str, str]
    kept: list[tuple[str, datetime]] = field(default_factory=list)

    async def write(self, http: aiohttp.ClientSession, n: int) -> None:
        """A message, every fifth one with a file."""
        body: dict[str, object] = {"text": f"message {n} of mine", "client_id": f"m{n}"}
        path = f"/api/conversations/{self.id}"
        if n % 5 == 4:
            upload, content = f"{path}/attachments?name=note.txt", f"note {n} of {self.id}".encode()
            async with http.post(upload, data=content, headers=self.headers) as answer:
                assert answer.status == 201, await answer.text()
                body["attachments"] = [(await answer.json())["id"]]
        async with http.post(f"{path}/messages", json=body, headers=self.headers) as answer:
            if answer.status == 202:
                self.kept.append((str(body["text"]), datetime.now(UTC)))


async def begun(http: aiohttp.ClientSession, n: int) -> Writer:
    async with http.post("/api/conversations", json={"text": f"hello from {n}"}) as answer:
        assert answer.status == 201
        made = await answer.json()
    one = Writer(id=made["id"], headers={"Authorization": f"Bearer {made['token']}"})
    one.kept.append((f"hello from {n}", datetime.now(UTC)))
    return one


async def said(http: aiohttp.ClientSession, writer: Writer) -> list[str]:
    """What the customer said, by the restored program; each file still opens."""
    async with http.get(f"/api/conversations/{writer.id}", headers=writer.headers) as answer:
        if answer.status == 404:
            return []
        messages = [m for m in (await answer.json())["messages"] if m["author"] == "customer"]
    for message in messages:
        for file in message.get("attachments", ()):
            async with http.get(file["url"], headers=writer.headers) as answer:
                assert answer.status == 200, message
                number = message["text"].split()[1]
                assert await answer.text() == f"note {number} of {writer.id}"
    return [m["text"] for m in messages]


@pytest.fixture
async def programs(tmp_path: Path) -> AsyncIterator[tuple[Program, Program]]:
    """The one that is backed up, and the one that is restored elsewhere."""
    env = {"RATE_PER_CONVERSATION": "50", "BACKUP_KEY": KEY}
    both = Program(tmp_path / "here", env=env), Program(tmp_path / "there" / "data", env=env)
    both[1].data_dir.parent.mkdir()
    yield both
    for program in both:
        await program.stop()


async def test_nothing_that_was_acknowledged_is_lost(
    programs: tuple[Program, Program], tmp_path: Path
) -> None:
    here, there = programs
    await here.start()
    (tmp_path / "kb.md").write_text("# Delivery\nWe deliver in three days.\n")
    await here.command("kb", "add", str(tmp_path / "kb.md"))
    writers: list[Writer] = []

    async def customers(http: aiohttp.ClientSession, n: int) -> None:
        # It is killed while they write.
        with contextlib.suppress(aiohttp.ClientError):
            writers.append(writer := await begun(http, n))
            for number in range(10_000):
                await writer.write(http, number)
                await asyncio.sleep(0.4)

    async with aiohttp.ClientSession(here.url) as http:
        work = [asyncio.create_task(customers(http, n)) for n in range(WRITERS)]
        await asyncio.sleep(BEFORE)
        (tmp_path / "more.md").write_text("# Returns\nYou have thirty days to return it.\n")
        told, _ = await asyncio.gather(
            here.command("backup", str(tmp_path / "one.backup")),
            here.command("kb", "add", str(tmp_path / "more.md")),
        )
        await here.kill()
        await asyncio.gather(*work)
    as_of = datetime.fromisoformat(re.findall(r"acknowledged before (\S+)", told)[0])

    restored = await there.command(
        "restore", str(tmp_path / "one.backup"), "--data-dir", str(there.data_dir)
    )
    assert re.search(r"audit: \d+ entries, intact", restored)
    await there.start()
    async with aiohttp.ClientSession(there.url) as http:
        for writer in writers:
            kept = [text for text, _ in writer.kept]
            found = await said(http, writer)
            assert found == kept[: len(found)]
            before = [text for text, at in writer.kept if at < as_of]
            assert found[: len(before)] == before
    acknowledged = sum(at < as_of for writer in writers for _, at in writer.kept)
    print(f"\n{acknowledged} acknowledged before {as_of}, none lost")
    assert acknowledged > WRITERS * 4
    assert "intact" in await there.command("audit", "verify")
    await there.stop()
    await _vectors_agree(there.data_dir)


async def _vectors_agree(data_dir: Path) -> None:
    held = DataDir(data_dir)
    held.hold("test")
    try:
        settings = read_settings({"DATA_DIR": str(data_dir)})
        async with opened(settings, held, store=EmbeddedStore(data_dir)) as app:
            articles = await (await app.rag.ready()).list()
            points = [await points_of(one.article, app.rag.embedder) for one in articles]
            assert len(articles) >= 1
            assert await app.rag.index.count() == sum(map(len, points))
            assert [one.pending for one in articles] == [False] * len(articles)
    finally:
        held.release()
