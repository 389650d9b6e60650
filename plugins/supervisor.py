"""Brings one channel up, watches it, takes it down, and knows why it is not running."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from core.channel import Channel, Receive, ReportsReceipts
from core.clock import Clock
from core.errors import (
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    ContactCenterError,
)
from core.messages import Receipt
from core.plugin import ChannelContext, ChannelPlugin, Manifest
from core.ports import Lease
from core.wording import Words
from plugins.catalog import Catalog, Found, PluginBroken
from plugins.forms import plain_values
from plugins.guard import Crossing, CrossingLease, Guarded, Intake, guarded
from plugins.lane import Lane, MainLane, ThreadLane, TookTooLong

log = logging.getLogger(__name__)


class State(enum.StrEnum):
    """Where a channel is in its life."""

    DISABLED = "disabled"  #: nobody wants it, or an admin switched it off
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"  #: the vendor cannot be reached; it is tried again by itself
    NEEDS_ADMIN = "needs_admin"  #: settings or credentials are wrong
    BROKEN = "broken"  #: its code does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the store and the environment say a channel should be."""

    enabled: bool
    settings: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""  #: why the settings cannot be used at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a channel does, for people."""

    state: State
    since: datetime
    reason: str = ""
    retry_at: datetime | None = None
    accepted: int = 0  #: customers' messages since the process began
    delivered: int = 0
    last_traffic: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """All the waiting of a supervisor, in seconds."""

    first_retry: float = 5.0
    longest_retry: float = 300.0
    load: float = 90.0  #: an import may be slow on a small machine
    start: float = 60.0  #: long enough to import a heavy SDK
    stop: float = 10.0
    drain: float = 10.0
    beat: float = 2.0  #: between two looks at whether the channel's loop still turns
    stuck: float = 10.0  #: a loop that does not turn for so long is given up
    stable: float = 60.0  #: after so long a failure is a new one
    most_crashes: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every channel is given by the process it lives in."""

    catalog: Catalog
    receive: Receive
    receive_receipt: Callable[[Receipt], Coroutine[Any, Any, None]]
    on_running: Callable[[str], Awaitable[None]]
    on_shared: Callable[[str, object], None]
    clock: Clock
    words: Words
    lease: Lease
    public_url: str
    data_dir: Path
    pace: Pace = field(default_factory=Pace)


class _Down(Exception):
    """Why a channel is not up (any more)."""

    def __init__(self, state: State, reason: str, *, crashed: bool = False) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason
        self.crashed = crashed


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
            self._status, last_error=_sentence(error), last_error_at=self._clock.now()
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
            except _Down as down:
                end = down
            except Exception as error:
                log.exception("the host broke over %s", self.found.id)
                end = _Down(State.BROKEN, _sentence(error))
            await self._wait_after(end)

    async def _wait_after(self, end: _Down) -> None:
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
        """Returns when something else is wanted. Raises _Down when it ends by itself."""
        if wanted.problem:
            raise _Down(State.NEEDS_ADMIN, wanted.problem)
        if self.found.manifest is None:
            raise _Down(State.BROKEN, self.found.problem)
        self._set(State.STARTING)
        life = _Life(self.found.manifest, self._around, watcher=self)
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

    async def _watch(self, life: _Life) -> None:
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
                raise _Down(State.NEEDS_ADMIN, error.detail)
            case ChannelNotReady():
                raise _Down(State.RETRYING, error.detail)
            case _:
                raise _Down(State.RETRYING, _sentence(error), crashed=True)

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
            if not isinstance(error, _Down):
                raise error
            self.troubled(error)
            raise error
        return True

    def _set(self, state: State, reason: str = "", *, retry_at: datetime | None = None) -> None:
        self._status = replace(
            self._status, state=state, reason=reason, retry_at=retry_at, since=self._clock.now()
        )


class _Life:
    """One start of a channel with all that belongs to it and ends with it."""

    def __init__(self, manifest: Manifest, around: Surroundings, *, watcher: Supervisor) -> None:
        self._manifest = manifest
        self._around = around
        self._watcher = watcher
        self._crossing = Crossing(asyncio.get_running_loop())
        self._lane: Lane = ThreadLane(manifest.id) if manifest.isolated else MainLane()
        self._channel: Channel | None = None
        self._intake = Intake(
            manifest.id,
            receive=around.receive,
            receive_receipt=around.receive_receipt,
            crossing=self._crossing,
            watcher=watcher,
            clock=around.clock,
        )

    async def begin(self, found: Found, wanted: Wanted) -> Guarded:
        """Load, validate, create, start. Raises _Down with the reason it does not run."""
        pace = self._around.pace
        try:
            plugin = await load_plugin(self._around.catalog, found, within=pace.load)
        except PluginBroken as error:
            raise _Down(State.BROKEN, error.detail) from error
        try:
            # The prefix in the environment may hold more than this channel's own settings.
            known = plain_values(plugin.settings)
            given = {name: value for name, value in wanted.settings.items() if name in known}
            settings = plugin.settings.model_validate(given)
        except ValidationError as error:
            raise _Down(State.NEEDS_ADMIN, settings_sentence(error)) from error
        context = await context_for(
            self._manifest.id,
            self._around,
            lane=self._lane,
            crossing=self._crossing,
            failed=self._watcher.failed,
        )

        async def start() -> Channel:
            # Kept before it starts, so that a half-started channel is stopped too.
            self._channel = channel = plugin.create(settings, context)
            if isinstance(channel, ReportsReceipts):
                channel.on_receipt(self._intake.take_receipt)
            await channel.start(self._intake.take)
            return channel

        try:
            channel = await self._lane.run(start, within=pace.start)
            return guarded(channel, self._lane, watcher=self._watcher)
        except ChannelNotReady as error:
            raise _Down(State.RETRYING, error.detail) from error
        except ChannelAuthFailed as error:
            raise _Down(State.NEEDS_ADMIN, error.detail) from error
        except TookTooLong as error:
            raise _Down(State.RETRYING, error.detail, crashed=True) from error
        except Exception as error:
            log.exception("channel %s does not start", self._manifest.id)
            raise _Down(State.BROKEN, _sentence(error)) from error

    async def beat(self) -> None:
        """Never returns. Raises TookTooLong once the channel's loop does not turn any more."""
        pace = self._around.pace
        while True:
            await asyncio.sleep(pace.beat)
            await self._lane.run(_turn, within=pace.stuck)

    async def end(self, guard: Guarded | None) -> None:
        """Let what is under way finish, stop the channel, and leave nothing of it behind."""
        pace = self._around.pace
        if guard is not None:
            await guard.drain(pace.drain)
        channel = self._channel
        if channel is not None:
            try:
                await self._lane.run(channel.stop, within=pace.stop)
            except Exception as error:
                log.warning("channel %s does not stop: %s", self._manifest.id, error)
        self._intake.close()
        await self._lane.close()


class Trial:
    """A channel that is made to try its settings, and never started."""

    def __init__(self, manifest: Manifest, around: Surroundings) -> None:
        self._manifest = manifest
        self._around = around
        self._lane: Lane = ThreadLane(f"{manifest.id}-trial")
        self._channel: Channel | None = None
        self._errors: list[BaseException] = []

    async def create(self, code: ChannelPlugin[BaseModel], settings: BaseModel) -> Guarded:
        """The channel behind a guard."""
        context = await context_for(
            self._manifest.id,
            replace(self._around, on_shared=lambda _id, _thing: None),
            lane=self._lane,
            crossing=Crossing(asyncio.get_running_loop()),
            failed=self._errors.append,
        )

        async def make() -> Channel:
            return code.create(settings, context)

        channel = self._channel = await self._lane.run(make, within=self._around.pace.start)
        return guarded(channel, self._lane, watcher=self)

    async def end(self) -> None:
        """Let go of it."""
        channel = self._channel
        if channel is not None:
            try:
                await self._lane.run(channel.stop, within=self._around.pace.stop)
            except Exception as error:
                log.warning("a trial of %s does not stop: %s", self._manifest.id, error)
        await self._lane.close()

    def accepted(self) -> None:
        """Nothing comes in on a trial."""

    def delivered(self) -> None:
        """Nothing goes out on a trial."""

    def troubled(self, error: BaseException) -> None:
        """Whoever tries it sees the error itself."""
        self._errors.append(error)

    def failed(self, error: Exception) -> None:
        """Whoever tries it sees the error itself."""
        self._errors.append(error)


async def context_for(
    channel_id: str,
    around: Surroundings,
    *,
    lane: Lane,
    crossing: Crossing,
    failed: Callable[[Exception], None],
) -> ChannelContext:
    """What the host lends to a channel; `failed` is called on the main loop."""
    folder = around.data_dir / channel_id
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)

    def tell_failed(error: Exception) -> None:
        crossing.tell(lambda: failed(error))

    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            tell_failed(error)

    def spawn(work: Coroutine[Any, Any, None], *, name: str = "") -> asyncio.Task[None]:
        task = lane.adopt(work, name=f"{channel_id} {name}".strip())
        task.add_done_callback(ended)
        return task

    return ChannelContext(
        channel_id=channel_id,
        clock=around.clock,
        logger=logging.getLogger(f"channels.{channel_id}"),
        public_url=around.public_url,
        data_dir=folder,
        words=around.words,
        lease=CrossingLease(around.lease, crossing),
        spawn=spawn,
        failed=tell_failed,
        share=lambda thing: crossing.tell(lambda: around.on_shared(channel_id, thing)),
    )


async def load_plugin(catalog: Catalog, found: Found, *, within: float) -> ChannelPlugin[BaseModel]:
    """Import the plugin on a thread, so that a slow import holds up nobody.

    Raises PluginBroken when it cannot be imported.
    """
    lane = ThreadLane(f"import-{found.id}")

    async def importing() -> ChannelPlugin[BaseModel]:
        return catalog.load(found)

    try:
        return await lane.run(importing, within=within)
    except TookTooLong as error:
        raise PluginBroken(f"Its import does not end. {error.detail}") from error
    finally:
        await lane.close()


def settings_sentence(error: ValidationError) -> str:
    """What is wrong with the settings, field by field, without showing what was entered."""
    parts = []
    for item in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        parts.append(f"{where}: {message}" if where else message)
    return "; ".join(parts) + "."


async def _turn() -> None:
    """Shows that a loop turns."""


def _sentence(error: BaseException) -> str:
    if isinstance(error, ContactCenterError | ChannelError | _Down):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
