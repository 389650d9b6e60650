"""Somebody writes the answer that was missing: it is offered to whoever still waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app import App, serving
from config.settings import read_settings
from core.domain.drafts import Reason
from core.domain.messages import Address, InboundMessage, Sender
from core.rag.domain.model import Article
from core.runtime.data_dir import DataDir
from core.storage.embedded import EmbeddedStore


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[App]:
    """Everything, with a knowledge base of its own."""
    settings = read_settings({"DATA_DIR": str(tmp_path), "PORT": "0"})
    store = EmbeddedStore(tmp_path)
    store.launch()
    async with serving(settings, DataDir(tmp_path), store=store, guide=None) as running:
        yield running


async def test_the_draft_is_written_anew_and_a_person_decides(live: App) -> None:
    await live.rag.knowledge.add_article(
        Article(id="parcels", title="Parcels", text="Parcels arrive within three days.")
    )
    question = "Do you repair broken umbrellas?"
    message = InboundMessage(
        address=Address(channel="web", account="web", chat="first"),
        external_id="m1",
        sender=Sender(id="first"),
        text=question,
    )
    await live.core.inbox.receive(message)
    async with asyncio.timeout(60):
        while not (state := await live.core.conversations.peek("first")).review:
            await asyncio.sleep(0.1)
    assert state.review.claimed_by == ""
    before = state.review
    await live.core.projector.drain()
    await live.rag.knowledge.add_article(
        Article(
            id="umbrellas",
            title="Repairs of umbrellas",
            text="Yes. We repair broken umbrellas of every make within a week.",
            questions=(question,),
        ),
        by="sara@example.com",
    )
    async with asyncio.timeout(60):
        while (now := (await live.core.conversations.peek("first")).review) == before:
            await asyncio.sleep(0.1)
    assert now is not None
    assert now.draft_id == before.draft_id
    assert now.reasons[0] is Reason.NEW_SOURCE
    assert Reason.NOTHING_FOUND not in now.reasons
    assert "repair broken umbrellas" in now.draft.text
    assert [c.title for c in now.draft.citations] == ["Repairs of umbrellas"]
