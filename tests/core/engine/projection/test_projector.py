"""The projector: whoever waits for it is told, whatever failed and whatever was given away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from core.domain.events import Commit
from core.domain.messages import Address
from core.engine.ports import SoleOwner
from core.errors import StoreUnavailable
from core.storage.client import Database
from tests.support.world import build, running

QUESTION = "How do I reset my password?"
LEAVING = Address(channel="web", account="a", chat="leaving").conversation_id()


class Share(SoleOwner):
    """Owns everything but what was given away."""

    def __init__(self) -> None:
        self.given: set[str] = set()

    def owns(self, conversation_id: str) -> bool:
        return conversation_id not in self.given


class FailsTwice:
    """A projection that cannot be written twice; after the first time something is given away."""

    name = "fails twice"

    def __init__(self, share: Share) -> None:
        self._share = share
        self.failures = 0
        self.seen: set[str] = set()

    async def apply(self, commits: Sequence[Commit]) -> None:
        if self.failures < 2:
            self.failures += 1
            self._share.given.add(LEAVING)
            raise StoreUnavailable
        self.seen |= {commit.conversation_id for commit in commits}


async def test_lists_do_not_wait_for_what_was_given_away_between_failures(db: Database) -> None:
    world, share = build(db), Share()
    projection = FailsTwice(share)
    world.projector._ownership = share
    world.projector.register(projection)
    await world.worker.stop()  # nothing but these two messages is projected
    async with running(world):
        assert await world.write(QUESTION, chat="leaving") == LEAVING
        ours = await world.write(QUESTION, chat="ours")
        async with asyncio.timeout(10):
            await world.projector.drain()
    assert projection.seen == {ours}
