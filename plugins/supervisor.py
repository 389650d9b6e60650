"""Brings one channel up, watches it, takes it down, and knows why it is not running."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core.errors import ChannelAuthFailed, ChannelNotReady
from plugins.catalog import Found
from plugins.guard import Guarded
from plugins.life import Life, Surroundings
from plugins.states import Down, State, Status, Wanted, sentence

log = logging.getLogger(__name__)


class Supervisor:
    """One channel's life; a task of its own acts on what is wanted, one step at a time."""

    def __init__(self, found: Found, around: Surroundings) -> None:
        self.found = found
        self._around = around
        self._clock = around.clock
        self._wanted = Wanted(enabled=False)
        self._changed = asyncio.Event()
        self._failed: asyncio.Future[Exception] | None = None
        self._guard: Guarded | None = None
        self._failures = 0
        self._crashes = 0
        self._status = Status(state=State.DISABLED, since=self._clock.now())
        self._task = asyncio.create_task(self._run(), name=f"plugin {found.id}")

    @property
    def status(self) -> Status:
        """How it does now."""
        return self._status

    @property
    def channel(self) -> Guarded | None:
        """The channel while it runs."""
        return self._guard

    def want(self, wanted: Wanted) -> None:
        """Make it so, whatever it does just now; returns at once."""
        self._wanted = wanted
        self._failures = self._crashes = 0
        self._changed.set()

    async def close(self) -> None:
        """Take it down for good."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # What the guard reports (plugins.guard.Watcher).

    def accepted(self) -> None:
        """A message of a customer was stored."""
        now = self._clock.now()
        self._status = replace(self._status, accepted=self._status.accepted + 1, last_traffic=now)

    def delivered(self) -> None:
        """The vendor took a message of ours."""
        now = self._clock.now()
        self._status = replace(self._status, delivered=self._status.delivered + 1, last_traffic=now)

    def troubled(self, error: BaseException) -> None:
        """Something went wrong that one may live with."""
        self._status = replace(
            self._status, last_error=sentence(error), last_error_at=self._clock.now()
        )

    def failed(self, error: Exception) -> None:
        """The channel cannot go on; called on the main loop."""
        self.troubled(error)
        if self._failed is not None and not self._failed.done():
            self._failed.set_result(error)

    # The life.

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            wanted = self._wanted
            if not wanted.enabled:
                self._set(State.DISABLED)
                await self._changed.wait()
                continue
            try:
                await self._live(wanted)
                continue  # something else is wanted now
            except Down as down:
                end = down
            except Exception as error:
                log.exception("the host broke over %s", self.found.id)
                end = Down(State.BROKEN, sentence(error))
            await self._wait_after(end)

    async def _wait_after(self, end: Down) -> None:
        state, reason, delay = end.state, end.reason, None
        if end.crashed:
            self._crashes += 1
            if self._crashes >= self._around.pace.most_crashes:
                state, reason = State.BROKEN, f"It stopped {self._crashes} times: {reason}"
        if state is State.RETRYING:
            pace = self._around.pace
            delay = min(pace.first_retry * 2**self._failures, pace.longest_retry)
            self._failures = min(self._failures + 1, 20)
        retry_at = None if delay is None else self._clock.now() + timedelta(seconds=delay)
        self._set(state, reason, retry_at=retry_at)
        log.warning("channel %s is %s: %s", self.found.id, state, reason)
        try:
            async with asyncio.timeout(delay):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _live(self, wanted: Wanted) -> None:
        """Returns when something else is wanted. Raises Down when it ends by itself."""
        if wanted.problem:
            raise Down(State.NEEDS_ADMIN, wanted.problem)
        if self.found.manifest is None:
            raise Down(State.BROKEN, self.found.problem)
        self._set(State.STARTING)
        life = Life(self.found.manifest, self._around, watcher=self)
        self._failed = asyncio.get_running_loop().create_future()
        try:
            starting = asyncio.create_task(life.begin(self.found, wanted))
            if not await self._unless_changed(starting):
                return
            self._guard = starting.result()
            self._set(State.RUNNING)
            log.info("channel %s is running", self.found.id)
            await self._watch(life)
        finally:
            guard, self._guard = self._guard, None
            # Whoever cancels us wants the channel down, not its end left half done.
            await asyncio.shield(asyncio.ensure_future(life.end(guard)))

    async def _watch(self, life: Life) -> None:
        began = self._clock.monotonic()
        assert self._failed is not None
        waking = asyncio.create_task(self._wake())
        watchdog = asyncio.create_task(life.beat())
        changed = asyncio.create_task(self._changed.wait())
        try:
            ends: list[asyncio.Future[Any]] = [changed, self._failed, watchdog]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (waking, watchdog, changed):
                task.cancel()
            await asyncio.gather(waking, watchdog, changed, return_exceptions=True)
        if self._clock.monotonic() - began >= self._around.pace.stable:
            self._failures = self._crashes = 0
        if self._changed.is_set():
            return
        error = self._failed.result() if self._failed.done() else watchdog.exception()
        assert error is not None
        self.troubled(error)
        match error:
            case ChannelAuthFailed():
                raise Down(State.NEEDS_ADMIN, error.detail)
            case ChannelNotReady():
                raise Down(State.RETRYING, error.detail)
            case _:
                raise Down(State.RETRYING, sentence(error), crashed=True)

    async def _wake(self) -> None:
        try:
            await self._around.on_running(self.found.id)
        except Exception:
            log.exception("waking what waited for channel %s failed", self.found.id)

    async def _unless_changed(self, starting: asyncio.Task[Guarded]) -> bool:
        """Whether the start came to its end; False when something else is wanted by now."""
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait([starting, changed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            if not starting.done():
                starting.cancel()
                await asyncio.gather(starting, return_exceptions=True)
        if starting.cancelled() or self._changed.is_set():
            if not starting.cancelled():
                starting.exception()
            return False
        error = starting.exception()
        if error is not None:
            if not isinstance(error, Down):
                raise error
            self.troubled(error)
            raise error
        return True

    def _set(self, state: State, reason: str = "", *, retry_at: datetime | None = None) -> None:
        self._status = replace(
            self._status, state=state, reason=reason, retry_at=retry_at, since=self._clock.now()
        )
