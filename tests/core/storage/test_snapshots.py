"""Snapshots and marks: nothing is settled by somebody who has not seen the newest commit."""

from __future__ import annotations

from core.conversations import Conversation
from core.ports import Snapshot
from core.storage.client import Database
from core.storage.snapshots import MongoSnapshots
from core.testing.clock import START


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
