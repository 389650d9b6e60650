"""The list of conversations: newest first, in pages, by index."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from core.conversations import Conversation, Status
from core.ports import Snapshot
from core.storage.client import Database
from core.storage.listing import ConversationListing
from core.storage.snapshots import MongoSnapshots
from core.testing.clock import ManualClock


async def fill(db: Database, now: datetime) -> None:
    """Conversations from now back over a month, every third of them with a person."""
    snapshots = MongoSnapshots(db["conversations"], db["unsettled"], owner="test")
    for n in range(40):
        at = now - timedelta(hours=n * 18)
        status = Status.HUMAN if n % 3 == 0 else Status.RESOLVED
        state = Conversation(id=f"c{n:02}", seq=1, status=status, started_at=at, updated_at=at)
        await snapshots.unsettle(state)
        await snapshots.save([Snapshot(state=state, projected=1)], settled=True)


@pytest.mark.parametrize("statuses", [tuple(Status), (Status.HUMAN,), (Status.REVIEW,)])
async def test_pages_hold_everything_once_newest_first(
    db: Database, clock: ManualClock, statuses: tuple[Status, ...]
) -> None:
    await fill(db, clock.now())
    listing = ConversationListing(db["conversations"])
    seen: list[Conversation] = []
    before = None
    while True:
        page = await listing.page(now=clock.now(), statuses=statuses, before=before, limit=7)
        seen += page.items
        before = page.next
        if before is None:
            break
    expected = [f"c{n:02}" for n in range(40)]
    if statuses == (Status.HUMAN,):
        expected = expected[::3]
    elif statuses == (Status.REVIEW,):
        expected = []
    assert [c.id for c in seen] == expected


async def test_the_list_reads_by_index(db: Database, clock: ManualClock) -> None:
    query = {"status": "human", "updated_at": {"$gte": clock.now(), "$lte": clock.now()}}
    plan = await db["conversations"].find(query).explain()
    assert "COLLSCAN" not in str(plan), plan
