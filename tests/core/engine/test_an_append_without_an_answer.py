"""An append that fails may have landed: it is worked on, projected and marked all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from core.domain import events as ev
from core.domain.conversation import Conversation
from core.engine.ports import AlreadyAccepted
from core.engine.store.commit_log import MongoCommitLog
from core.engine.store.snapshots import MongoSnapshots
from core.errors import StoreUnavailable
from core.storage.client import Database
from tests.support.world import World, build, running

QUESTION = "How do I reset my password?"


class Seen:
    """A projection that remembers what it was fed."""

    name = "seen"

    def __init__(self) -> None:
        self.numbers: list[int] = []

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        self.numbers += [item.seq for commit in commits for item in commit.numbered()]


class UnheardLog(MongoCommitLog):
    """Stores a commit, and its answer gets lost."""

    lost = False

    async def append(self, commit: ev.Commit) -> None:
        await super().append(commit)
        if self.lost:
            raise StoreUnavailable


class FailingMarks(MongoSnapshots):
    """Takes no mark for a while."""

    failing = False

    async def unsettle(self, state: Conversation) -> None:
        if self.failing:
            raise StoreUnavailable
        await super().unsettle(state)


def unheard(world: World) -> UnheardLog:
    log = UnheardLog(world.db["log"])
    world.conversations._log = log
    return log


def unmarked(world: World) -> FailingMarks:
    marks = FailingMarks(world.db["conversations"], world.db["unsettled"], owner="all")
    world.conversations._snapshots = marks
    return marks


async def end(world: World) -> None:
    """As if it were killed: nothing of it was running."""
    await world.commit_log.close()
    await world.snapshots.close()


async def test_a_message_whose_answer_got_lost_is_answered_without_being_brought_again(
    db: Database,
) -> None:
    world = build(db)
    log, seen = unheard(world), Seen()
    world.projector.register(seen)
    async with running(world):
        log.lost = True
        with pytest.raises(StoreUnavailable):
            await world.inbox.accept(world.message(QUESTION, key="once"))
        log.lost = False
        [cid] = await world.snapshots.unsettled()
        await world.until(cid, lambda c: c.seq > 2 and not c.unanswered)
        message = world.message(QUESTION, key="once")
        with pytest.raises(AlreadyAccepted):
            await world.conversations.update(cid, lambda _: (), key=message.key())
        await world.projector.drain()
        assert await world.kinds(cid) == ["started", "received", "sent"]
    assert sorted(set(seen.numbers)) == [1, 2, 3]


async def test_a_later_commit_does_not_hide_one_whose_answer_got_lost(db: Database) -> None:
    world = build(db)
    log, seen = unheard(world), Seen()
    world.projector.register(seen)
    async with running(world):
        cid = await world.write(QUESTION)
        await world.until(cid, lambda c: not c.unanswered)
        log.lost = True
        with pytest.raises(StoreUnavailable):
            await world.conversations.update(cid, lambda _: (ev.Noted(by="ann", text="one"),))
        log.lost = False
        await world.conversations.update(cid, lambda _: (ev.Noted(by="ann", text="two"),))
        await world.projector.drain()
        numbers = [item.seq for item in await world.events(cid)]
    assert seen.numbers == numbers


async def test_what_is_brought_again_after_a_failed_mark_is_marked(db: Database) -> None:
    first = build(db)
    first.worker._stopping = True  # it dies before it answers
    unmarked(first).failing = True
    message = first.message(QUESTION, key="once")
    with pytest.raises(StoreUnavailable):
        await first.inbox.accept(message)
    assert await first.snapshots.unsettled() == []
    await end(first)

    second = build(db)
    second.worker._stopping = True
    commit = await second.inbox.accept(message)
    assert await second.snapshots.unsettled() == [commit.conversation_id]
    await end(second)

    third = build(db)
    async with running(third):
        cid = commit.conversation_id
        await third.until(cid, lambda c: c.seq > 0 and not c.unanswered)
        assert await third.kinds(cid) == ["started", "received", "sent"]


async def test_a_commit_after_a_failed_mark_is_marked(db: Database) -> None:
    world = build(db)
    marks = unmarked(world)
    cid = await world.write(QUESTION)
    await world.until(cid, lambda c: not c.unanswered)
    await world.db["unsettled"].delete_many({})
    world.conversations.mark_settled(cid)
    marks.failing = True
    with pytest.raises(StoreUnavailable):
        await world.conversations.update(cid, lambda _: (ev.Noted(by="ann", text="one"),))
    marks.failing = False
    await world.conversations.update(cid, lambda _: (ev.Noted(by="ann", text="two"),))
    assert await world.snapshots.unsettled() == [cid]
    await end(world)


async def test_what_was_brought_again_is_settled_in_the_end(db: Database) -> None:
    world = build(db)
    async with running(world):
        message = world.message(QUESTION, key="once")
        cid = (await world.inbox.accept(message)).conversation_id
        await world.until(cid, lambda c: not c.unanswered)
        await settled(world)
        assert (await world.inbox.accept(message)).conversation_id == cid
        await settled(world)


async def settled(world: World) -> None:
    async with asyncio.timeout(5):
        while await world.snapshots.unsettled():
            await asyncio.sleep(0.02)
