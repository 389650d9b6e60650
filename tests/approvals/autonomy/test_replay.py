"""The questions of a replay are found by what has changed, not by reading the whole log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from approvals.autonomy import replay
from approvals.autonomy.replay import Archive
from core.clock import SystemClock
from core.domain.events import Commit
from core.engine.store.listing import ConversationListing
from core.storage.client import Database
from tests.support.world import World, build, running


def archive(world: World) -> Archive:
    return Archive(
        world.conversations,
        listing=ConversationListing(world.db["conversations"]),
        snapshots=world.snapshots,
    )


async def asked(world: World, chat: str) -> str:
    message = world.message(f"Question of {chat}?", chat=chat, key=chat)
    cid = (await world.inbox.accept(message)).conversation_id
    await world.until(cid, lambda c: c.seq > 0 and not c.unanswered)
    return cid


async def settled(world: World) -> None:
    async with asyncio.timeout(10):
        while await world.snapshots.unsettled():
            await asyncio.sleep(0.02)


async def test_settled_or_not_each_question_is_found_once_in_order(db: Database) -> None:
    async with running(build(db)) as world:
        cids = [await asked(world, f"c{n}") for n in range(3)]
        await settled(world)
        cids.append(await asked(world, "c3"))
        begun = SystemClock().now() - timedelta(hours=1)
        found = await archive(world).since(begun)
        assert [past.conversation_id for past in found] == cids
        assert [past.question for past in found] == [f"Question of c{n}?" for n in range(4)]
        assert await archive(world).since(found[2].at) == found[2:]
        assert await archive(world).since(SystemClock().now() + timedelta(hours=1)) == []


async def test_no_more_is_read_than_the_newest_questions_need(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MOST", 2)
    async with running(build(db)) as world:
        cids = [await asked(world, f"c{n}") for n in range(6)]
        await settled(world)
        read: list[str] = []
        history = world.conversations.history

        async def noted(conversation_id: str, *, after: int = 0) -> Sequence[Commit]:
            read.append(conversation_id)
            return await history(conversation_id, after=after)

        monkeypatch.setattr(world.conversations, "history", noted)
        found = await archive(world).since(SystemClock().now() - timedelta(hours=1))
        assert [past.conversation_id for past in found] == cids[-2:]
        assert len(read) < len(cids)
