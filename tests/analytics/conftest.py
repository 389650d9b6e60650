"""A past in the store, and those who count it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from analytics.facts.projection import FactsProjection
from analytics.facts.store import FactStore
from analytics.queries.service import Analytics
from bench.history import history
from core.accounts.roles import Role, User
from core.domain.events import Commit
from core.engine.store.commit_log import commit_to_document
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.support.world import World, build

END = datetime(2026, 11, 8, tzinfo=UTC)  #: Berlin and New York change their clocks before it
SUPERVISOR = User(id="u1", email="sara@example.com", role=Role.SUPERVISOR)


async def seven() -> int:
    """How many drafts wait."""
    return 7


@dataclass(kw_only=True)
class Past:
    """Conversations in the log whose facts are in the store."""

    db: Database
    world: World
    clock: ManualClock
    commits: list[Commit]
    store: FactStore
    projection: FactsProjection

    def analytics(self, zone: str = "UTC") -> Analytics:
        """Counts as of a time zone."""
        return Analytics(self.store, clock=self.clock, zone=ZoneInfo(zone), queue_length=seven)


async def write_log(db: Database, conversations: list[list[Commit]]) -> None:
    """Put them into the log, as if they had happened."""
    commits = [commit for own in conversations for commit in own]
    for start in range(0, len(commits), 1000):
        batch = commits[start : start + 1000]
        await db["log"].insert_many([commit_to_document(c) for c in batch], ordered=False)
    ids = [own[0].conversation_id for own in conversations]
    await db["conversations"].insert_many([{"_id": i} for i in ids], ordered=False)


@pytest.fixture
async def past(db: Database) -> Past:
    """400 conversations over 20 days, taken in as they happened."""
    clock = ManualClock(END)
    conversations = list(history(400, days=20, end=END))
    await write_log(db, conversations)
    world = build(db, clock=clock)
    commits = sorted((c for own in conversations for c in own), key=lambda c: (c.at, c.base))
    store = FactStore(db, clock=clock)
    projection = FactsProjection(store, conversations=world.conversations)
    for start in range(0, len(commits), 100):
        await projection.apply(commits[start : start + 100])
        await projection.flush()
    return Past(
        db=db, world=world, clock=clock, commits=commits, store=store, projection=projection
    )
