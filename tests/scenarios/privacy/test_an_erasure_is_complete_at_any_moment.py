"""Whenever somebody is forgotten, also in the middle of a word, nothing of them is left."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from app import App, serving
from approvals.queue.model import Ruling
from config.settings import read_settings
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.domain import events as ev
from core.domain.events import Decision
from core.domain.messages import Address, InboundKind, InboundMessage, Sender
from core.privacy.stored import stored_file
from core.rag.domain.model import Article
from core.runtime.data_dir import DataDir
from core.storage.embedded import EmbeddedStore
from tests.support.people.memory import remembering

ROUNDS = 10
ASKED = "How do I reset my password?"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[App]:
    """Everything, on a store of its own whose files can be searched."""
    settings = read_settings(
        {"DATA_DIR": str(tmp_path), "PORT": "0", "AUDIT_SHARE": "1", "RATE_PER_CONVERSATION": "200"}
    )
    store = EmbeddedStore(tmp_path, durable=False)
    store.launch()
    async with serving(settings, DataDir(tmp_path), store=store, guide=None) as running:
        await running.rag.knowledge.add_article(
            Article(id="reset", title=ASKED, text="Open Settings and press Reset.")
        )
        yield running


def holding(folder: Path, word: str) -> list[str]:
    """The files in which the word stands."""
    files = [f for f in folder.rglob("*") if f.is_file()]
    return [f.name for f in files if word.encode() in f.read_bytes()]


@dataclass(slots=True, kw_only=True)
class Writer:
    """Somebody who writes on and on."""

    http: aiohttp.ClientSession
    id: str
    token: str
    word: str
    dice: random.Random
    acknowledged: list[str] = field(default_factory=list)
    over: bool = False

    async def write_on(self) -> None:
        """Until it is over; remembers what was acknowledged."""
        path, n = f"/api/conversations/{self.id}/messages", 0
        headers = {"Authorization": f"Bearer {self.token}"}
        while not self.over:
            n += 1
            body = {"text": f"{self.word} line {n}", "client_id": f"m{n}"}
            async with self.http.post(path, json=body, headers=headers) as answer:
                if answer.status == 202:
                    self.acknowledged.append(body["text"])
            await asyncio.sleep(self.dice.choice((0.0, 0.02, 0.1)))


async def opened(http: aiohttp.ClientSession, word: str, dice: random.Random) -> Writer:
    """Their first word."""
    text = dice.choice((f"{word}?", f"{ASKED} My {word} is lost."))
    async with http.post("/api/conversations", json={"text": text}) as answer:
        assert answer.status == 201
        made = await answer.json()
    return Writer(http=http, id=made["id"], token=made["token"], word=word, dice=dice)


@pytest.mark.timeout(600)
async def test_half_a_second_after_a_message_and_while_they_write_on(
    live: App, tmp_path: Path
) -> None:
    """Ten people, each forgotten at another moment; the store is written anew once, at the end."""
    privacy, dice = live.privacy, random.Random(14)
    rewrite, privacy._rewrite = privacy._rewrite, None
    async with aiohttp.ClientSession(live.core.site.url()) as http:
        for number in range(ROUNDS):
            writer = await opened(http, f"quokka{number}word", dice)
            writing = asyncio.create_task(writer.write_on()) if number else None
            await asyncio.sleep(0.5 if number == 0 else dice.uniform(0.0, 1.5))
            before = list(writer.acknowledged)
            receipt = await privacy.erase(OPERATOR, writer.id)
            assert receipt.conversations == 1
            assert receipt.removed["events"] >= 2 + len(before)
            # What was acknowledged before is gone at once, whatever they go on to write.
            history = await live.core.conversations.history(writer.id)
            left = [e.text for c in history for e in c.events if isinstance(e, ev.Received)]
            assert set(left) & set(before) == set()
            writer.over = True
            if writing is not None:
                await writing
                await asyncio.sleep(dice.uniform(0.0, 0.3))
            if not (await live.core.conversations.peek(writer.id)).erased:
                await privacy.erase(OPERATOR, writer.id)
            history = await live.core.conversations.history(writer.id)
            assert [type(e) for c in history for e in c.events] == [ev.Erased]
    await asyncio.sleep(5)  # whatever settles late has settled
    db = live.db
    for name in await db.list_collection_names():
        found = [str(d) async for d in db[name].find({}) if "quokka" in str(d)]
        assert found == [], name
    assert remembering(live, "quokka") == []
    privacy._rewrite = rewrite
    assert rewrite is not None
    await rewrite()
    assert holding(tmp_path, "quokka") == []
    files = [str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*") if not f.is_dir()]
    assert [f for f in files if stored_file(f) is None] == []


async def test_no_part_of_the_process_remembers(live: App) -> None:
    """Every way a word goes: answered alone, rated, rejected with a reason, talked about."""
    word = "plantedquokka"
    accounts = live.core.accounts
    sue = await accounts.add(OPERATOR, "sue@example.com", role=Role.SUPERVISOR)
    ids = []
    for n, text in enumerate((ASKED, f"What about the {word}?", f"And a {word} more", f"{word}!")):
        address = Address(channel="telegram", account="1", chat=f"77000{n}")
        message = InboundMessage(
            address=address,
            external_id=f"{n}",
            sender=Sender(id=address.chat, name=f"{word} {n}"),
            text=text,
        )
        await live.core.inbox.accept(message)
        ids.append(address.conversation_id())
        if n == 0:
            rating = InboundMessage(
                address=address, external_id="r", sender=Sender(id=address.chat),
                kind=InboundKind.RATING, value="1", text=f"that {word} again",
            )  # fmt: skip
            await asyncio.sleep(1.5)
            await live.core.inbox.accept(rating)
    async with asyncio.timeout(20):
        while None in [(await live.core.conversations.peek(i)).review for i in ids[1:]]:
            await asyncio.sleep(0.05)
    decide = live.desk.service.decide
    reviews = [(await live.core.conversations.peek(i)).review for i in ids[1:]]
    drafts = [review.draft_id for review in reviews if review is not None]
    reason = f"not for a {word}"
    ruling = Ruling(decision=Decision.REJECT, text=f"No {word}.", reason=reason)
    await decide(sue, drafts[0], ruling, version=1)
    await decide(
        sue, drafts[1], Ruling(decision=Decision.EDIT, text=f"A {word} is fine."), version=1
    )
    await live.desk.service.take_over(sue, ids[3])
    await live.desk.service.note(sue, ids[3], f"about the {word}")
    await live.core.projector.drain()
    await live.desk.trust.learning.caught_up()
    headers = {"Authorization": f"Bearer {await accounts.issue_token(sue, actor=OPERATOR)}"}
    async with aiohttp.ClientSession(live.core.site.url(), headers=headers) as http:
        for path in ("/api/dashboard/summary", "/console/alike", "/console/dashboard/gaps/list"):
            async with http.get(path) as answer:
                assert answer.status == 200
    assert len(remembering(live, word)) > 5  # or it would prove nothing
    for conversation_id in ids:
        await live.privacy.erase(OPERATOR, conversation_id)
    await asyncio.sleep(4)
    assert remembering(live, word) == []
