"""Supervises one channel: has it take webhooks, starts it, probes it, restarts it, stops it.

What hears and what speaks are told apart. An instance that is prepared takes what the vendor
brings; its start may fail for as long as it likes. An instance is started once: when its start
fails, or what it has started, the next one is prepared and takes over the ears before this one
ends, and waits for its turn to be started.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core.errors import (
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    ContactCenterError,
    StoreUnavailable,
)
from core.runtime import tasks
from plugins.host.instance import ChannelEnvironment, ChannelInstance
from plugins.host.missed import Missed
from plugins.host.states import Down, State, Status, Wanted, sentence
from plugins.isolation.loop_thread import PATIENCE, TookTooLong
from plugins.isolation.proxy import ChannelProxy
from plugins.registry.catalog import Found
from plugins.registry.store import PluginStore

log = logging.getLogger(__name__)

ENDING_SECONDS = 30.0  #: longer than a channel may take to stop


class Supervisor:
    """One channel's supervisor; its task applies what is wanted, one step at a time."""

    def __init__(self, found: Found, around: ChannelEnvironment, *, store: PluginStore) -> None:
        self.found = found
        self._around = around
        self._clock = around.clock
        self._missed = Missed(found.id, store=store, clock=around.clock)
        self._wanted = Wanted(enabled=False)
        self._changed = asyncio.Event()
        self._prepared = asyncio.Event()
        self._settled = asyncio.Event()
        self._failed: asyncio.Future[Exception] | None = None
        self._life: ChannelInstance | None = None
        self._speaks = False
        self._failures = 0
        self._crashes = 0
        self._status = Status(state=State.DISABLED, since=self._clock.now())
        self._task = asyncio.create_task(self._run(), name=f"plugin {found.id}")

    @property
    def status(self) -> Status:
        """How it does now."""
        life = self._life
        hears = self._speaks or (life is not None and life.hears)
        return replace(self._status, hears=hears, speaks=self._speaks)

    @property
    def channel(self) -> ChannelProxy | None:
        """The channel while it is up."""
        return self._life.proxy if self._speaks and self._life is not None else None

    @property
    def life(self) -> ChannelInstance | None:
        """The instance whose ears are open, up or not."""
        return self._life

    async def settled(self, within: float) -> None:
        """Return once its ears are open, or cannot be; after this time in any case."""
        await _at_most(within, self._settled)

    async def prepared(self, within: float) -> None:
        """Return once its ears are open if it listens, else once its start may go on alone."""
        await _at_most(within, self._prepared)

    def want(self, wanted: Wanted) -> None:
        """Make it so, whatever it does just now; returns at once."""
        self._wanted = wanted
        self._failures = self._crashes = 0
        self._prepared.clear()
        self._settled.clear()
        self._changed.set()

    async def close(self) -> None:
        """Take it down for good."""
        await tasks.end(self._task, again=ENDING_SECONDS)

    # What the guard reports (plugins.isolation.proxy.Watcher).

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
            self._status, last_error=self._wanted.said_of(error), last_error_at=self._clock.now()
        )

    def failed(self, error: Exception) -> None:
        """The channel cannot go on; called on the main loop."""
        self.troubled(error)
        if self._failed is not None and not self._failed.done():
            self._failed.set_result(error)

    # The life.

    async def _run(self) -> None:
        try:
            while True:
                self._changed.clear()
                wanted = self._wanted
                if not wanted.enabled:
                    await self._replace_life(None)
                    self._set(State.DISABLED)
                    self._settle(wanted)
                    await self._changed.wait()
                    continue
                if self._status.state in (State.DISABLED, State.RUNNING):
                    self._set(State.STARTING)
                await self._until_changed(wanted)
        finally:
            # Whoever cancels us wants the channel down, not its end left half done.
            await asyncio.shield(asyncio.ensure_future(self._replace_life(None)))

    async def _until_changed(self, wanted: Wanted) -> None:
        """Start it again and again, until something else is wanted."""
        while not self._changed.is_set():
            try:
                await self._attempt(wanted)
                return
            except Down as down:
                end = down
            except Exception as error:
                log.exception("the host broke over %s", self.found.id)
                end = Down(State.BROKEN, sentence(error))
            self._settle(wanted)
            await self._wait_after(end)

    async def _wait_after(self, end: Down) -> None:
        state, reason, delay = end.state, end.reason, None
        pace = self._around.pace
        if end.crashed:
            self._crashes += 1
            if self._crashes >= pace.most_crashes:
                state, reason = State.BROKEN, f"It stopped {self._crashes} times: {reason}"
        if state is State.RETRYING:
            self._failures += 1
            delay = pace.retry.after(self._failures)
        retry_at = None if delay is None else self._clock.now() + timedelta(seconds=delay)
        if state is State.NEEDS_ADMIN and end.may_mend:
            delay = pace.mend
        said = (self._status.state, self._status.reason)
        self._set(state, reason, retry_at=retry_at)
        if said != (state, reason):
            log.warning("channel %s is %s: %s", self.found.id, state, reason)
        try:
            async with asyncio.timeout(delay):
                await self._changed.wait()
        except TimeoutError:
            pass

    async def _attempt(self, wanted: Wanted) -> None:
        """Returns when something else is wanted. Raises Down when it ends by itself."""
        if wanted.problem:
            await self._replace_life(None)
            raise Down(State.NEEDS_ADMIN, wanted.problem)
        self._failed = asyncio.get_running_loop().create_future()
        try:
            if not await self._unless_changed(self._prepare(wanted)):
                return
            life = self._life
            assert life is not None
            if not await self._unless_changed(life.start()):
                return
            self._speaks = True
            self._settle(wanted)
            self._set(State.RUNNING)
            log.info("channel %s is running", self.found.id)
            await self._watch(life)
        except Down as down:
            self._speaks = False
            await self._keep_ears(wanted, down)
            raise
        finally:
            self._speaks = False

    async def _prepare(self, wanted: Wanted) -> None:
        """Have an instance that hears, by these settings, and was not started yet."""
        life = self._life
        if life is not None and life.wanted is wanted and not life.begun:
            return
        if self.found.manifest is None:
            raise Down(State.BROKEN, self.found.problem)
        made = ChannelInstance(self.found.manifest, self._around, wanted=wanted, watcher=self)
        try:
            await made.prepare(self.found)
        except BaseException as error:
            await asyncio.shield(asyncio.ensure_future(made.end()))
            if isinstance(error, Down):
                # By these settings nobody's signature is right; those before do not count now.
                await self._replace_life(None)
            raise
        if not made.listens:
            # It has no ears until its start came to some end, and who calls waits for them.
            # Two of a kind are never started side by side.
            self._settled.clear()
            await self._replace_life(None)
        await self._replace_life(made)

    async def _keep_ears(self, wanted: Wanted, down: Down) -> None:
        """Leave nothing of a failed instance but somebody who hears."""
        life = self._life
        if life is None or not life.begun:
            return
        if life.listens:
            try:
                await self._prepare(wanted)
            except Down as error:
                log.warning("channel %s hears nothing: %s", self.found.id, error.reason)
        elif down.crashed or not life.may_hear:
            await self._replace_life(None)

    async def _replace_life(self, made: ChannelInstance | None) -> None:
        """Let this one hear from now on; whoever did before comes to its end."""
        before, self._life = self._life, made
        if made is not None and made.listens:
            self._settle(made.wanted)
        elif made is not None and made.wanted is self._wanted:
            self._prepared.set()
        if before is not None:
            await asyncio.shield(asyncio.ensure_future(before.end()))

    def _settle(self, wanted: Wanted) -> None:
        """Whoever waits for ears need not wait longer, unless other settings are wanted by now."""
        if wanted is self._wanted:
            self._prepared.set()
            self._settled.set()

    async def _watch(self, life: ChannelInstance) -> None:
        began = self._clock.monotonic()
        assert self._failed is not None
        waking = asyncio.create_task(self._wake())
        fetching = asyncio.create_task(self._fetch(life))
        watchdog = asyncio.create_task(life.beat())
        asking = asyncio.create_task(self._ask_again(life))
        changed = asyncio.create_task(self._changed.wait())
        try:
            ends: list[asyncio.Future[Any]] = [changed, self._failed, watchdog, asking]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.end(waking, fetching, watchdog, asking, changed)
        if self._clock.monotonic() - began >= self._around.pace.stable:
            self._failures = self._crashes = 0
        if self._changed.is_set():
            return
        error = next(
            e for e in (_error_of(end) for end in (self._failed, watchdog, asking)) if e is not None
        )
        self.troubled(error)
        match error:
            case ChannelAuthFailed():
                raise Down(State.NEEDS_ADMIN, self._wanted.said_of(error), may_mend=True)
            case ChannelNotReady():
                raise Down(State.RETRYING, self._wanted.said_of(error))
            case _:
                raise Down(State.RETRYING, self._wanted.said_of(error), crashed=True)

    async def _ask_again(self, life: ChannelInstance) -> None:
        """Never returns. Raises what keeps a channel from working that seems to run."""
        pace, doubts = self._around.pace, 0
        while True:
            await asyncio.sleep(pace.doubt if doubts else pace.probe)
            try:
                await life.probe()
            except ChannelAuthFailed:
                raise
            except (ChannelError, TookTooLong) as error:
                doubts += 1
                self.troubled(error)
                if doubts >= pace.most_doubts:
                    raise ChannelNotReady(_detail(error)) from error
            except Exception as error:
                # A question that is asked badly says nothing about the channel.
                self.troubled(error)
                log.warning("channel %s cannot be asked how it does: %r", self.found.id, error)
            else:
                doubts = 0

    async def _fetch(self, life: ChannelInstance) -> None:
        """Have what came while nobody heard fetched now, and look again from time to time."""
        pace = self._around.pace
        while life.fetches:
            try:
                await self._missed.fetch(life)
                pause = pace.fetch_every
            except (ContactCenterError, StoreUnavailable) as error:
                self.troubled(error)
                pause = pace.mend
            except Exception as error:
                self.troubled(error)
                log.exception("what channel %s missed could not be fetched", self.found.id)
                pause = pace.fetch_every
            await asyncio.sleep(pause)

    async def _wake(self) -> None:
        try:
            await self._around.on_running(self.found.id)
        except Exception:
            log.exception("waking what waited for channel %s failed", self.found.id)

    async def _unless_changed(self, work: Coroutine[Any, Any, None]) -> bool:
        """Whether this came to its end; False when something else is wanted by now."""
        doing = asyncio.create_task(work)
        changed = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait([doing, changed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.end(changed, doing, again=2 * PATIENCE)
        if doing.cancelled() or self._changed.is_set():
            if not doing.cancelled():
                doing.exception()
            return False
        error = doing.exception()
        if error is not None:
            if not isinstance(error, Down):
                raise error
            self.troubled(error)
            raise error
        return True

    def _set(self, state: State, reason: str = "", *, retry_at: datetime | None = None) -> None:
        before = self._status
        same = (before.state, before.reason) == (state, reason)
        since = before.since if same else self._clock.now()
        self._status = replace(before, state=state, reason=reason, retry_at=retry_at, since=since)


async def _at_most(seconds: float, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _error_of(end: asyncio.Future[Any]) -> BaseException | None:
    if not end.done() or end.cancelled():
        return None
    if (error := end.exception()) is not None:
        return error
    result = end.result()
    return result if isinstance(result, BaseException) else None


def _detail(error: ContactCenterError) -> str:
    return error.detail or str(error)
