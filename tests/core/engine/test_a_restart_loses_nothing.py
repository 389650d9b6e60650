"""What a dead process left is found: unanswered, undelivered and unprojected alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from core.domain import events as ev
from core.domain.conversation import Status
from core.domain.drafts import Draft, Question
from core.domain.messages import OutboundMessage
from core.engine.projection.projector import SETTLED_AT_ONCE
from core.engine.store.commit_log import MongoCommitLog
from core.errors import StoreUnavailable
from core.storage.client import Database
from tests.support.world import World, build, running, sure, unsure

QUESTION = "How do I reset my password?"


class Seen:
    """A projection that remembers what it was fed, and may fail for a while."""

    name = "seen"

    def __init__(self) -> None:
        self.commits: list[tuple[str, int]] = []
        self.failing = False

    async def apply(self, commits: Sequence[ev.Commit]) -> None:
        if self.failing:
            raise RuntimeError("this projection is down")
        self.commits += [(c.conversation_id, c.base) for c in commits]


class Gathered(Seen):
    """One that holds what it was fed until it is told to write."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[str, int]] = []
        self.flushes = 0

    async def flush(self) -> None:
        self.flushes += 1
        if self.failing:
            raise StoreUnavailable
        self.written += self.commits
        self.commits.clear()


class Away(Gathered):
    """Takes everything in, and cannot write."""

    async def flush(self) -> None:
        raise StoreUnavailable


async def crash(world: World) -> None:
    """End every task of that world without letting it finish anything."""
    current = asyncio.current_task()
    tasks = [t for t in asyncio.all_tasks() if t is not current and "work" in t.get_name()]
    tasks += [t for t in asyncio.all_tasks() if t.get_name() == "projector"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await world.commit_log.close()
    await world.snapshots.close()


async def test_an_accepted_question_is_answered_after_a_crash(db: Database) -> None:
    first = build(db)

    async def never(question: Question) -> Draft:
        del question
        await asyncio.sleep(60)
        return sure()

    first.responder.answer = never
    first.projector.start()
    cid = await first.write(QUESTION)
    await crash(first)
    async with running(build(db)) as second:
        await second.until(cid, lambda c: not c.unanswered)
        assert len(await second.said(cid)) == 1


async def test_a_send_that_nobody_recorded_is_settled_after_a_crash(db: Database) -> None:
    first = build(db)
    handed = asyncio.Event()

    async def die(message: OutboundMessage) -> None:
        del message
        handed.set()
        await asyncio.sleep(60)

    first.vendor.after_send = die
    first.projector.start()
    cid = await first.write(QUESTION, channel="vendor")
    await handed.wait()
    await crash(first)
    async with running(build(db)) as second:
        await second.until(cid, lambda c: not c.outgoing and not c.unanswered)
        last = (await second.events(cid))[-1].event
        assert isinstance(last, ev.DeliveryRecorded)
        assert last.doubled


async def test_a_waiting_draft_still_waits_after_a_crash(db: Database) -> None:
    first = build(db)
    first.responder.always(unsure())
    first.projector.start()
    cid = await first.write(QUESTION)
    waiting = await first.until(cid, lambda c: c.status is Status.REVIEW)
    await crash(first)
    async with running(build(db)) as second:
        state = await second.conversations.load(cid)
        assert state.review == waiting.review
        assert len(await second.said(cid)) == 1


async def test_projections_see_everything_although_they_fail_and_we_crash(db: Database) -> None:
    first = build(db)
    broken = Seen()
    broken.failing = True
    first.projector.register(broken)
    first.projector.start()
    cid = await first.write(QUESTION)
    await first.until(cid, lambda c: not c.unanswered)
    await crash(first)
    second = build(db)
    seen = Seen()
    second.projector.register(seen)
    async with running(second):
        await second.projector.drain()
        assert seen.commits == [(cid, 1), (cid, 3)]


async def test_an_idle_conversation_is_settled_and_a_new_message_unsettles_it(
    db: Database,
) -> None:
    world = build(db)
    async with running(world):
        cid = await world.write(QUESTION)
        await world.until(cid, lambda c: not c.unanswered)
        async with asyncio.timeout(5):
            while await world.snapshots.unsettled():
                await asyncio.sleep(0.05)
        snapshot = await world.snapshots.load(cid)
        assert snapshot is not None
        assert snapshot.state == await world.conversations.load(cid)
        await world.write("How do I change my address?")
        assert await world.snapshots.unsettled() == [cid]


async def test_two_processes_never_both_append(db: Database) -> None:
    one, two = build(db), build(db)
    async with running(one):
        cid = await one.write(QUESTION)
        await one.until(cid, lambda c: not c.unanswered)

        async def note(world: World, text: str) -> None:
            await world.conversations.update(cid, lambda _: (ev.Noted(by="x", text=text),))

        notes = [note(w, f"{i}") for i in range(20) for w in (one, two)]
        await asyncio.gather(*notes)
        events = await one.events(cid)
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        assert sum(isinstance(e.event, ev.Noted) for e in events) == 40


class FailingLog(MongoCommitLog):
    """A log that does not take the next commit."""

    failing = True

    async def append(self, commit: ev.Commit) -> None:
        if self.failing:
            raise StoreUnavailable
        await super().append(commit)


async def test_a_first_message_that_was_not_stored_leaves_no_trace_in_the_snapshot(
    db: Database,
) -> None:
    world = build(db)
    failing = FailingLog(db["log"])
    world.conversations._log = failing
    message = world.message(QUESTION, key="once")
    with pytest.raises(StoreUnavailable):
        await world.inbox.accept(message)
    failing.failing = False
    async with running(world):
        commit = await world.inbox.accept(message)
        assert commit.base == 1
        await world.until(commit.conversation_id, lambda c: not c.unanswered)
        assert await world.kinds(commit.conversation_id) == ["started", "received", "sent"]


async def test_what_a_projection_held_unwritten_comes_again_after_a_crash(db: Database) -> None:
    first = build(db)
    held = Away()
    first.projector.register(held)
    first.responder.always(unsure())
    first.projector.start()
    cid = await first.write(QUESTION)
    await first.until(cid, lambda c: c.status is Status.REVIEW)
    # The state that a list shows is saved meanwhile, and must not say that all is projected.
    async with asyncio.timeout(5):
        while (snapshot := await first.snapshots.load(cid)) is None or snapshot.state.seq == 0:
            await asyncio.sleep(0.01)
    assert held.commits
    assert snapshot.projected == 0
    await crash(first)
    second, found = build(db), Gathered()
    second.projector.register(found)
    async with running(second):
        await second.projector.drain()
    assert [base for c, base in found.written if c == cid] == [base for _, base in held.commits]


async def test_many_commits_are_written_by_one_flush(db: Database) -> None:
    world = build(db)
    gathered = Gathered()
    world.projector.register(gathered)
    async with running(world):
        cid = await world.write(QUESTION)
        for _ in range(40):
            await world.append(cid, ev.Rated(score=5))
        await world.projector.drain()
    assert len([c for c, _ in gathered.written if c == cid]) >= 41
    assert gathered.flushes < 20


async def test_more_than_one_write_takes_is_settled_while_more_comes(db: Database) -> None:
    world = build(db)
    async with running(world):
        cids = [await world.write(QUESTION, chat=f"c{n}") for n in range(SETTLED_AT_ONCE + 40)]
        for cid in cids:
            await world.until(cid, lambda c: not c.unanswered)
        async with asyncio.timeout(20):
            while set(await world.snapshots.unsettled()) & set(cids[: SETTLED_AT_ONCE + 20]):
                # Somebody always writes: there is no moment of rest.
                await world.append(cids[-1], ev.Rated(score=5))
                await asyncio.sleep(0.05)
        for cid in cids[:5]:
            snapshot = await world.snapshots.load(cid)
            assert snapshot is not None
            assert snapshot.projected == snapshot.state.seq == 3
    assert await world.snapshots.unsettled() == []
