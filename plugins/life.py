"""One start of a channel with all that belongs to it and ends with it; and a start on trial."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from core.channel import Channel, Receive, ReportsReceipts
from core.clock import Clock
from core.errors import ChannelAuthFailed, ChannelNotReady
from core.imports import collector_rests
from core.messages import Receipt
from core.plugin import ChannelContext, ChannelPlugin, Manifest
from core.ports import Lease
from core.wording import Words
from plugins.catalog import Catalog, Found, PluginBroken
from plugins.crossing import Crossing, CrossingLease
from plugins.forms import own_settings
from plugins.guard import Guarded, guarded
from plugins.intake import Intake, Watcher
from plugins.lane import Lane, MainLane, ThreadLane, TookTooLong
from plugins.states import Down, State, Wanted, sentence, settings_sentence

log = logging.getLogger(__name__)


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


class Life:
    """One start of a channel with all that belongs to it and ends with it."""

    def __init__(self, manifest: Manifest, around: Surroundings, *, watcher: Watcher) -> None:
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
        """Load, validate, create, start. Raises Down with the reason it does not run."""
        pace = self._around.pace
        try:
            plugin = await load_plugin(self._around.catalog, found, within=pace.load)
        except PluginBroken as error:
            raise Down(State.BROKEN, error.detail) from error
        try:
            given = own_settings(plugin.settings, wanted.settings)
            settings = plugin.settings.model_validate(given)
        except ValidationError as error:
            raise Down(State.NEEDS_ADMIN, settings_sentence(error)) from error
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
            raise Down(State.RETRYING, error.detail) from error
        except ChannelAuthFailed as error:
            raise Down(State.NEEDS_ADMIN, error.detail) from error
        except TookTooLong as error:
            raise Down(State.RETRYING, error.detail, crashed=True) from error
        except Exception as error:
            log.exception("channel %s does not start", self._manifest.id)
            raise Down(State.BROKEN, sentence(error)) from error

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
        with collector_rests():
            return await lane.run(importing, within=within)
    except TookTooLong as error:
        raise PluginBroken(f"Its import does not end. {error.detail}") from error
    finally:
        await lane.close()


async def _turn() -> None:
    """Shows that a loop turns."""
