"""Runs the syncs that are due; one process of an installation does it at a time."""

from __future__ import annotations

import asyncio
import logging

from core.clock import Clock
from core.errors import StoreUnavailable
from core.runtime.tasks import end
from plugins.sources.model import ConfiguredSource
from plugins.sources.store import SourceStore
from plugins.sources.sync import Syncs

log = logging.getLogger(__name__)

LOOK_SECONDS = 2.0  #: how soon it is seen what another process has asked for, or tried again
LONGEST_SECONDS = 60.0  #: between two looks where something will be due; clocks are set anew
MOST_AT_ONCE = 3  #: a slow site holds up no other


class SyncSchedule:
    """Looks what is due, and has it done."""

    def __init__(self, store: SourceStore, syncs: Syncs, *, clock: Clock, alone: bool) -> None:
        """`alone`: no other process may be in the middle of a sync when we begin."""
        self._store = store
        self._syncs = syncs
        self._clock = clock
        self._alone = alone
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        self.live = False  #: whether this process runs them

    def wake(self) -> None:
        """Look now: something was asked for."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled; what runs then is broken off, and begun again by whoever comes next."""
        self.live = True
        try:
            begun = not self._alone
            while True:
                self._wake.clear()
                pause: float | None = LOOK_SECONDS
                try:
                    if not begun:
                        await self._store.break_off()
                        begun = True
                    pause = await self._look()
                except StoreUnavailable:
                    log.info("the store does not answer; syncs wait")
                except Exception:
                    log.exception("looking for due syncs failed")
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        finally:
            self.live = False
            await end(*self._running.values())
            self._running.clear()

    async def _look(self) -> float | None:
        """Begin what is due; seconds to the next look, None where only somebody's word matters."""
        self._running = {i: task for i, task in self._running.items() if not task.done()}
        now = self._clock.now()
        sources = await self._store.all()
        for source in sources:
            if len(self._running) >= MOST_AT_ONCE:
                break
            if source.id not in self._running and source.is_due(now):
                self._running[source.id] = asyncio.create_task(
                    self._sync(source), name=f"sync {source.id}"
                )

        if not self._alone or self._running or any(s.state.asked or s.state.run for s in sources):
            return LOOK_SECONDS
        # What comes has come through this process, so at rest nothing is read to find it.
        due = [s.state.next_at for s in sources if not s.paused and s.every and s.state.next_at]
        if not due:
            return None
        return min(max((min(due) - now).total_seconds(), LOOK_SECONDS), LONGEST_SECONDS)

    async def _sync(self, source: ConfiguredSource) -> None:
        try:
            await self._syncs.sync(source)
        except StoreUnavailable:
            log.info("the store does not answer; %s is synced when it does", source.id)
        except Exception:
            log.exception("syncing %s failed", source.id)
