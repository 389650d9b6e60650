"""Recovery at start: takes up what the process before left unfinished, beside new messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TypeVar

from prometheus_client import CollectorRegistry, Gauge

from core.clock import Clock
from core.domain.conversation import Conversation
from core.engine.ports import SnapshotStore
from core.engine.processing.worker import Worker
from core.engine.projection.projector import Projector
from core.errors import StoreUnavailable
from core.runtime.backoff import Backoff

log = logging.getLogger(__name__)

AT_ONCE = 16  #: conversations that are read, or worked on, side by side
WORK_SECONDS = 0.5  #: for which one that is worked on keeps others from it; it may wait for hours
BACKOFF = Backoff(0.2, 10.0)  #: while the store is away

T = TypeVar("T")


class Recovery:
    """Takes up every unfinished conversation, a few at a time, while new messages are served.

    Whoever writes now must not wait for what an hour of many others has left: it is read and
    worked on in a bounded number of places, and the projector takes up first what is written to.
    """

    def __init__(
        self,
        *,
        snapshots: SnapshotStore,
        projector: Projector,
        worker: Worker,
        is_idle: Callable[[Conversation], bool],
        clock: Clock,
        registry: CollectorRegistry,
    ) -> None:
        self._snapshots = snapshots
        self._projector = projector
        self._worker = worker
        self._is_idle = is_idle
        self._clock = clock
        self._left = Gauge(
            "contact_center_recovering",
            "Conversations that the process before left and that wait to be looked at.",
            registry=registry,
        )

    async def run(self) -> None:
        """Return once everything has been looked at; the projector has caught up then."""
        begun = self._clock.monotonic()
        found = await self._patiently(self._snapshots.unsettled)
        self._left.set(len(found))
        waiting = iter(found)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(found))):
                group.create_task(self._look_after(waiting), name="recovery")
        self._projector.caught_up()
        if found:
            seconds = self._clock.monotonic() - begun
            log.info("looked after %d unfinished conversations in %.1f s", len(found), seconds)

    async def _look_after(self, waiting: Iterator[str]) -> None:
        for conversation_id in waiting:
            try:
                state = await self._patiently(partial(self._projector.take_up, conversation_id))
                if not self._is_idle(state):
                    await self._worker.look_at(conversation_id, within=WORK_SECONDS)
            except Exception:
                # One that cannot be read must not keep the others from being looked at.
                log.exception("%s cannot be recovered", conversation_id)
            self._left.dec()

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        """What is read, as soon as the store is there."""
        failures = 0
        while True:
            try:
                return await read()
            except StoreUnavailable:
                failures += 1
            await asyncio.sleep(BACKOFF.after(failures))
