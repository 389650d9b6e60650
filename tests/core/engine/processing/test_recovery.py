"""What a dead process left is looked after beside what comes now, in order and a few at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry

from core.domain import events as ev
from core.domain.drafts import Draft, Question
from core.domain.next_step import is_idle
from core.engine.ports import Snapshot
from core.engine.processing.recovery import AT_ONCE, Recovery
from core.engine.store.snapshots import MongoSnapshots
from core.errors import StoreUnavailable
from core.storage.client import Database
from tests.support.world import World, build, sure

QUESTION = "How do I reset my password?"


class Seen:
    """A projection that remembers what it was fed, by conversation."""

    name = "seen"

    def __init__(self) -> None:
        self.numbers: dict[str, list[int]] = defaultdict(list)

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        for commit in commits:
            self.numbers[commit.conversation_id] += [item.seq for item in commit.numbered()]


async def left(db: Database, count: int, *, answered: bool) -> list[str]:
    """A process that took messages and died: nothing of them was projected."""
    world = build(db)
    world.worker._stopping = not answered
    cids = [await world.write(QUESTION, chat=f"c{n}") for n in range(count)]
    if answered:
        for cid in cids:
            await world.until(cid, lambda c: not c.unanswered)
    await world.worker.stop()
    await world.commit_log.close()
    await world.snapshots.close()
    return cids


@asynccontextmanager
async def hearing(world: World) -> AsyncIterator[Recovery]:
    """Started as the application is: it hears, and what was left has yet to be looked at."""
    world.projector.start(catching_up=True)
    recovery = Recovery(
        snapshots=world.snapshots,
        projector=world.projector,
        worker=world.worker,
        is_idle=is_idle,
        clock=world.clock,
        registry=CollectorRegistry(),
    )
    try:
        yield recovery
    finally:
        await world.worker.stop()
        await world.projector.stop()
        await world.commit_log.close()
        await world.snapshots.close()


async def test_everything_left_is_projected_once_answered_and_settled(db: Database) -> None:
    cids = await left(db, 40, answered=False)
    world, seen = build(db), Seen()
    world.projector.register(seen)
    async with hearing(world) as recovery:
        await recovery.run()
        for cid in cids:
            await world.until(cid, lambda c: not c.unanswered)
        async with asyncio.timeout(10):
            while await world.snapshots.unsettled():
                await asyncio.sleep(0.05)
        assert {await answers(world, cid) for cid in cids} == {1}
    assert seen.numbers == {cid: [1, 2, 3] for cid in cids}


async def answers(world: World, cid: str) -> int:
    return (await world.kinds(cid)).count("sent")


async def test_who_writes_before_their_past_was_read_is_projected_in_order(db: Database) -> None:
    [cid] = await left(db, 1, answered=True)
    world, seen = build(db), Seen()
    world.projector.register(seen)
    async with hearing(world) as recovery:
        await world.inbox.accept(world.message("And my address?", chat="c0", key="later"))
        await world.until(cid, lambda c: not c.unanswered and c.seq > 3)
        await world.projector.drain()
        assert seen.numbers[cid] == [item.seq for item in await world.events(cid)]
        await recovery.run()
        await world.projector.drain()
        assert seen.numbers[cid] == [item.seq for item in await world.events(cid)]


async def test_an_erasure_waits_for_a_past_that_was_not_read(db: Database) -> None:
    """`reached` is what it waits for: what comes later would bring back what it forgot."""
    [cid] = await left(db, 1, answered=True)
    world, seen = build(db), Seen()
    world.projector.register(seen)
    async with hearing(world):
        async with asyncio.timeout(5):
            await world.projector.reached(cid, 3)
        assert seen.numbers[cid] == [1, 2, 3]


async def test_lists_never_wait_for_all_that_was_left(db: Database) -> None:
    await left(db, 60, answered=True)
    world = build(db)
    async with hearing(world) as recovery:
        running = asyncio.create_task(recovery.run())
        message = world.message(QUESTION, chat="new", key="new")
        cid = (await world.inbox.accept(message)).conversation_id
        async with asyncio.timeout(5):
            await world.projector.drain()
        await world.until(cid, lambda c: not c.unanswered)
        await running


async def test_what_was_left_is_answered_a_few_at_a_time(db: Database) -> None:
    await left(db, 3 * AT_ONCE, answered=False)
    world = build(db)
    most = now = 0

    async def slow(question: Question) -> Draft:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return sure()

    world.responder.answer = slow
    async with hearing(world) as recovery:
        await recovery.run()
    assert len(world.responder.asked) == 3 * AT_ONCE
    assert most <= AT_ONCE


async def test_a_stop_in_the_middle_of_it_says_of_nothing_that_it_was_projected(
    db: Database,
) -> None:
    cids = await left(db, 30, answered=True)
    first = build(db)
    async with hearing(first):
        await first.inbox.accept(first.message("And my address?", chat="c0", key="later"))
    second, seen = build(db), Seen()
    second.projector.register(seen)
    async with hearing(second) as recovery:
        await recovery.run()
        await second.projector.drain()
    assert {cid: seen.numbers[cid] for cid in cids[1:]} == {cid: [1, 2, 3] for cid in cids[1:]}


class Away(MongoSnapshots):
    """A store that does not answer the first times."""

    failures = 5

    async def load(self, conversation_id: str) -> Snapshot | None:
        self._fail()
        return await super().load(conversation_id)

    async def unsettled(self) -> list[str]:
        self._fail()
        return await super().unsettled()

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable


async def test_a_store_that_is_away_is_waited_for(db: Database) -> None:
    cids = await left(db, 3, answered=False)
    world = build(db)
    async with hearing(world):
        away = Away(db["conversations"], db["unsettled"], owner="all")
        world.projector._snapshots = away
        recovery = Recovery(
            snapshots=away,
            projector=world.projector,
            worker=world.worker,
            is_idle=is_idle,
            clock=world.clock,
            registry=CollectorRegistry(),
        )
        await recovery.run()
        for cid in cids:
            await world.until(cid, lambda c: not c.unanswered)
        assert away.failures == 0
