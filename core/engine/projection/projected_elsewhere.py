"""Waits until other processes have projected commits of ours to conversations that they own."""

from __future__ import annotations

import asyncio
import logging

from core.clock import Clock
from core.engine.ports import SnapshotStore
from core.errors import StoreUnavailable
from core.runtime.lru import LruDict

log = logging.getLogger(__name__)

WATCHED = 100  #: conversations that we changed for lists, and remember
PATIENCE = 1.0  #: seconds of a list
LONG_PATIENCE = 15.0  #: of whoever must not go on before: a worker may just have died
LOOK_SECONDS = 0.05


class ProjectedElsewhere:
    """Commits of ours that another process is to project, found by its snapshots.

    Who projects writes a snapshot at once when something moved that lists show.
    """

    def __init__(self, snapshots: SnapshotStore, clock: Clock) -> None:
        self._snapshots = snapshots
        self._clock = clock
        self._moved: LruDict[str, tuple[int, float]] = LruDict(WATCHED)

    def moved(self, conversation_id: str, number: int) -> None:
        """We have just appended this, which lists show."""
        self._moved[conversation_id] = number, self._clock.monotonic()

    async def drain(self) -> None:
        """Return once lists show what we appended, or in a second at the latest."""
        now = self._clock.monotonic()
        waited = [
            self._until(one, number, projected=False, deadline=at + PATIENCE)
            for one, (number, at) in list(self._moved.items())
            if now - at < PATIENCE
        ]
        self._moved.clear()
        try:
            await asyncio.gather(*waited)
        except StoreUnavailable:
            log.warning("the store is away; lists may be behind")

    async def reached(self, conversation_id: str, number: int) -> None:
        """Return once every projection has surely seen it; not for ever, for nobody may live.

        Raises StoreUnavailable.
        """
        deadline = self._clock.monotonic() + LONG_PATIENCE
        if not await self._until(conversation_id, number, projected=True, deadline=deadline):
            log.warning("nobody has projected %s up to now; is there a worker?", conversation_id)

    async def _until(self, one: str, number: int, *, projected: bool, deadline: float) -> bool:
        while True:
            snapshot = await self._snapshots.load(one)
            if snapshot is not None:
                seen = snapshot.projected if projected else snapshot.state.seq
                if seen >= number:
                    return True
            if self._clock.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_SECONDS)
