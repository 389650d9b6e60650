"""A store that is away is said so: a vendor brings its receipt again, a person hears a 503."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.engine.bus import LocalBus
from core.engine.repository import Conversations
from core.engine.store.commit_log import MongoCommitLog
from core.engine.store.deliveries import MongoDeliveries
from core.engine.store.snapshots import MongoSnapshots
from core.errors import StoreUnavailable
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database, connect


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    """A database where nobody listens."""
    client = connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50")
    yield client["away"]
    await client.close()


async def test_who_asks_hears_that_it_is_away(away: Database, clock: ManualClock) -> None:
    snapshots = MongoSnapshots(away["conversations"], away["unsettled"], owner="test")
    conversations = Conversations(
        log_store=MongoCommitLog(away["log"]), snapshots=snapshots, bus=LocalBus(), clock=clock
    )
    deliveries = MongoDeliveries(away["deliveries"], conversations)
    with pytest.raises(StoreUnavailable):
        await deliveries.by_external_id("vendor", "v1")
    with pytest.raises(StoreUnavailable):
        await deliveries.get("c1.1")
    with pytest.raises(StoreUnavailable):
        await deliveries.dead_letters(limit=10, cursor="")
