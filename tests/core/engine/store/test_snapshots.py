"""Snapshots and marks: nothing is settled by somebody who has not seen the newest commit."""

from __future__ import annotations

from dataclasses import replace

from pymongo import AsyncMongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from core.domain.conversation import Conversation
from core.engine.ports import Snapshot
from core.engine.store.snapshots import AT_ONCE, MongoSnapshots
from core.sdk.testing.clock import START
from core.storage.client import Database, Document


def snapshots(db: Database, owner: str) -> MongoSnapshots:
    return MongoSnapshots(db["conversations"], db["unsettled"], owner=owner)


def at(seq: int) -> Conversation:
    return Conversation(id="c1", seq=seq, started_at=START, updated_at=START)


async def test_a_mark_stays_until_a_snapshot_holds_its_commit(db: Database) -> None:
    one, two = snapshots(db, "one"), snapshots(db, "two")
    await one.unsettle(at(0))
    assert await one.unsettled() == ["c1"]
    await two.unsettle(at(5))  # another process appends number 6 meanwhile
    await one.unsettle(at(2))  # an older commit takes nothing back
    await one.save([Snapshot(state=at(5), projected=5)], settled=True)
    assert await one.unsettled() == ["c1"]
    await two.save([Snapshot(state=at(6), projected=6)], settled=True)
    assert await one.unsettled() == []


async def test_an_older_snapshot_replaces_no_newer_one(db: Database) -> None:
    one = snapshots(db, "one")
    assert await one.load("c1") is None
    await one.save([Snapshot(state=at(6), projected=4)], settled=False)
    await one.save([Snapshot(state=at(3), projected=3)], settled=False)
    loaded = await one.load("c1")
    assert loaded == Snapshot(state=at(6), projected=4)


async def test_a_written_down_conversation_is_unsettled_by_the_next_commit(db: Database) -> None:
    one = snapshots(db, "one")
    await one.save([Snapshot(state=at(3), projected=3)], settled=True)
    assert await one.unsettled() == []
    await one.unsettle(at(3))
    assert await one.unsettled() == ["c1"]
    await one.save([Snapshot(state=at(4), projected=4)], settled=False)
    assert await one.unsettled() == ["c1"]


async def test_what_was_said_to_be_the_first_replaces_no_newer_one(db: Database) -> None:
    one = snapshots(db, "one")
    await one.save([Snapshot(state=at(6), projected=6)], settled=False)
    await one.save([Snapshot(state=at(3), projected=3, first=True)], settled=False)
    assert await one.load("c1") == Snapshot(state=at(6), projected=6)
    await one.save([Snapshot(state=at(8), projected=8, first=True)], settled=False)
    assert await one.load("c1") == Snapshot(state=at(8), projected=8)


async def test_many_are_written_a_few_at_a_time(db: Database, mongo_uri: str) -> None:
    """Thousands in one write took longer than an operation may, and everybody else waited."""
    longest = Longest()
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        mongo_uri, tz_aware=True, event_listeners=[longest]
    )
    try:
        one = snapshots(client[db.name], "one")
        states = [replace(at(1), id=f"c{n}") for n in range(300)]
        for state in states:
            await one.unsettle(replace(state, seq=0))
        longest.writes = 0
        for first in (True, False):
            many = [Snapshot(state=state, projected=1, first=first) for state in states]
            await one.save(many, settled=True)
        assert await one.unsettled() == []
        assert await db["conversations"].count_documents({}) == 300
        assert 0 < longest.writes <= AT_ONCE
    finally:
        await client.close()


class Longest(CommandListener):
    """How many writes the longest command carried."""

    writes = 0

    def started(self, event: CommandStartedEvent) -> None:
        for kind in ("documents", "updates", "deletes"):
            self.writes = max(self.writes, len(event.command.get(kind, ())))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        del event

    def failed(self, event: CommandFailedEvent) -> None:
        del event
