"""Conversations as they were last written down: who holds them, many at once, by index."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.domain.conversation import Conversation, Status
from core.engine.ports import Snapshot
from core.engine.store.listing import ConversationListing
from core.engine.store.snapshots import MongoSnapshots
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database


async def fill(db: Database, now: datetime) -> None:
    """Conversations from now back over a month, every third of them with a person."""
    snapshots = MongoSnapshots(db["conversations"], db["unsettled"], owner="test")
    for n in range(40):
        at = now - timedelta(hours=n * 18)
        status = Status.HUMAN if n % 3 == 0 else Status.RESOLVED
        state = Conversation(id=f"c{n:02}", seq=1, status=status, started_at=at, updated_at=at)
        await snapshots.unsettle(state)
        await snapshots.save([Snapshot(state=state, projected=1)], settled=True)


async def test_who_holds_what_newest_first(db: Database, clock: ManualClock) -> None:
    await fill(db, clock.now())
    listing = ConversationListing(db["conversations"])
    held = await listing.in_hands(clock.now() - timedelta(days=7))
    assert list(held) == ["c00", "c03", "c06", "c09"]


async def test_many_are_read_at_once(db: Database, clock: ManualClock) -> None:
    await fill(db, clock.now())
    found = await ConversationListing(db["conversations"]).read(["c01", "c30", "nobody"])
    assert {key: c.status for key, c in found.items()} == {
        "c01": Status.RESOLVED,
        "c30": Status.HUMAN,
    }


async def test_the_list_reads_by_index(db: Database, clock: ManualClock) -> None:
    query = {"status": "human", "updated_at": {"$gte": clock.now(), "$lte": clock.now()}}
    plan = await db["conversations"].find(query).explain()
    assert "COLLSCAN" not in str(plan), plan
