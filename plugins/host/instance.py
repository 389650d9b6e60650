"""One instance of a channel: prepared to take webhooks, then started to send."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from core.clock import Clock
from core.domain.messages import Receipt
from core.errors import BadInput, ChannelAuthFailed, ChannelNotReady, WebhookRefused
from core.i18n import Words
from core.runtime.backoff import Backoff
from core.sdk.channel import (
    Channel,
    ChecksConnection,
    FetchesMissed,
    HandlesHttp,
    HttpRequest,
    HttpResponse,
    Listens,
    ProbesConnection,
    Receive,
    ReportsReceipts,
)
from core.sdk.imports import collector_rests
from core.sdk.plugin import ChannelContext, ChannelPlugin, Lease, Manifest
from core.sdk.rate_limit import Rates
from plugins.host.states import Down, State, Wanted, settings_sentence
from plugins.isolation.admission import ChannelAdmission, Watcher, counting_taken
from plugins.isolation.loop_bridge import BridgedLease, BridgedRates, LoopBridge
from plugins.isolation.loop_thread import LoopThread, MainLoop, OwnLoopThread, TookTooLong
from plugins.isolation.proxy import HTTP_SECONDS, ChannelProxy, guarded
from plugins.registry.catalog import Catalog, Found, P, PluginBroken
from plugins.registry.egress import Egress, RestrictedLoop
from plugins.registry.forms import own_settings

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY = Backoff(5.0, 30.0)  #: between two starts; whoever comes back is heard of within a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The waiting times of a supervisor, in seconds."""

    retry: Backoff = RETRY
    load: float = 90.0  #: an import may be slow on a small machine
    start: float = 60.0  #: long enough to import a heavy SDK
    stop: float = 10.0
    drain: float = 10.0
    beat: float = 2.0  #: between two looks at whether the channel's loop still turns
    stuck: float = 10.0  #: a loop that does not turn for so long is given up
    stable: float = 60.0  #: after so long a failure is a new one
    most_crashes: int = 5
    probe: float = 20.0  #: between two questions whether a running channel still works
    doubt: float = 5.0  #: until the question is asked again after a bad answer
    most_doubts: int = 2  #: bad answers in a row after which the channel is not up any more
    asking: float = 15.0  #: for one such question
    mend: float = 30.0  #: until refused credentials are tried again: they may be given back
    fetch: float = 600.0  #: for asking the vendor what we missed
    fetch_every: float = 300.0  #: also while it runs: a webhook may have been lost on its way


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEnvironment:
    """The process's services for every channel."""

    catalog: Catalog[ChannelPlugin[Any]]
    receive: Receive
    receive_receipt: Callable[[Receipt], Coroutine[Any, Any, None]]
    on_running: Callable[[str], Awaitable[None]]
    on_shared: Callable[[str, object], None]
    clock: Clock
    words: Words
    lease: Lease
    public_url: str
    data_dir: Path
    reach: Egress = field(default_factory=lambda: Egress(()))
    pace: Pace = field(default_factory=Pace)
    rates: Rates | None = None  #: shared by all processes; None where there is one


class ChannelInstance:
    """One instance of a channel, with the thread, tasks and proxy that end with it.

    `prepare` needs the settings only and opens its ears; `start` connects it, once.
    """

    def __init__(
        self,
        manifest: Manifest,
        around: ChannelEnvironment,
        *,
        wanted: Wanted,
        watcher: Watcher,
    ) -> None:
        self._manifest = manifest
        self._around = around
        self._watcher = watcher
        self._crossing = LoopBridge(asyncio.get_running_loop())
        self._lane: LoopThread = (
            thread_lane(manifest.id, around, restricted=bool(wanted.places))
            if manifest.isolated
            else MainLoop()
        )
        self._channel: Channel | None = None
        self._proxy: ChannelProxy | None = None
        self._intake = ChannelAdmission(
            manifest.id,
            receive=around.receive,
            receive_receipt=around.receive_receipt,
            crossing=self._crossing,
            watcher=watcher,
            clock=around.clock,
        )
        self.wanted = wanted
        self.begun = False  #: `start` was called
        self.hears = False  #: the vendor calls us, and is listened to whatever `start` does

    @property
    def proxy(self) -> ChannelProxy:
        """The channel as others see it; after `prepare`."""
        assert self._proxy is not None
        return self._proxy

    @property
    def listens(self) -> bool:
        """Whether it hears before it is started."""
        return isinstance(self._channel, Listens)

    @property
    def may_hear(self) -> bool:
        """Whether it is worth trying to have it take a vendor's call, though it is not up."""
        return self.begun and not self.listens and isinstance(self._channel, HandlesHttp)

    async def prepare(self, found: Found) -> None:
        """Load, validate, create, listen. Raises Down with the reason why it cannot."""
        pace, wanted = self._around.pace, self.wanted
        try:
            # Names may lead elsewhere than when the admin chose them.
            await self._around.reach.require(wanted.places)
        except BadInput as error:
            raise Down(State.NEEDS_ADMIN, error.detail) from error
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
            restricted=bool(wanted.places),
        )

        async def make() -> bool:
            self._channel = channel = plugin.create(settings, context)
            if isinstance(channel, ReportsReceipts):
                channel.on_receipt(self._intake.take_receipt)
            if channel.capabilities.pulls:
                self._intake.leave_bounds()
            return isinstance(channel, Listens) and await channel.listen(self._intake.take)

        self.hears = await self._run(make)
        assert self._channel is not None
        self._proxy = guarded(self._channel, self._lane, watcher=self._watcher)

    async def start(self) -> None:
        """Connect. Raises Down with the reason why it does not run."""
        channel = self._channel
        assert channel is not None
        self.begun = True
        await self._run(lambda: channel.start(self._intake.take))

    async def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            return await self._lane.run(work, within=self._around.pace.start)
        except ChannelNotReady as error:
            raise Down(State.RETRYING, self.wanted.said_of(error)) from error
        except ChannelAuthFailed as error:
            raise Down(State.NEEDS_ADMIN, self.wanted.said_of(error), may_mend=True) from error
        except TookTooLong as error:
            raise Down(State.RETRYING, error.detail, crashed=True) from error
        except Exception as error:
            log.exception("channel %s does not start", self._manifest.id)
            raise Down(State.BROKEN, self.wanted.said_of(error)) from error

    async def take_early(self, request: HttpRequest) -> HttpResponse | None:
        """The answer of a channel that is not up and never said whether it can listen.

        None where it did not take in anything: then its vendor has to come again, whatever it
        would have answered. Its errors are none of a channel that runs.
        """
        channel = cast("HandlesHttp", self._channel)
        try:
            with self.proxy.under_way(), counting_taken() as taken:
                response = await self._lane.run(
                    lambda: channel.handle_http(request), within=HTTP_SECONDS
                )
        except (WebhookRefused, BadInput):
            raise
        except Exception as error:
            log.info("channel %s is not up and takes nothing in: %r", self._manifest.id, error)
            return None
        return response if taken and isinstance(response, HttpResponse) else None

    async def probe(self) -> None:
        """Ask whether it still works, where it can be asked. Raises as the channel does."""
        channel: object = self._channel
        if isinstance(channel, ProbesConnection):
            await self._lane.run(channel.probe, within=self._around.pace.asking)
        elif isinstance(channel, ChecksConnection):
            await self._lane.run(channel.check, within=self._around.pace.asking)

    @property
    def fetches(self) -> bool:
        """Whether its vendor can be asked what we missed."""
        return isinstance(self._channel, FetchesMissed)

    async def fetch_missed(self, since: datetime) -> None:
        """Take in what came since then. Raises as the channel does."""
        channel = cast("FetchesMissed", self._channel)
        await self._lane.run(lambda: channel.fetch_missed(since), within=self._around.pace.fetch)

    async def beat(self) -> None:
        """Never returns. Raises TookTooLong once the channel's loop does not turn any more."""
        pace = self._around.pace
        while True:
            await asyncio.sleep(pace.beat)
            await self._lane.run(_turn, within=pace.stuck)

    async def end(self) -> None:
        """Let what is under way finish, stop the channel, and leave nothing of it behind."""
        pace = self._around.pace
        if self._proxy is not None:
            await self._proxy.drain(pace.drain)
        channel = self._channel
        if channel is not None:
            try:
                await self._lane.run(channel.stop, within=pace.stop)
            except Exception as error:
                log.warning("channel %s does not stop: %s", self._manifest.id, error)
        self._intake.close()
        await self._lane.close()


async def context_for(
    channel_id: str,
    around: ChannelEnvironment,
    *,
    lane: LoopThread,
    crossing: LoopBridge,
    failed: Callable[[Exception], None],
    restricted: bool,
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
        lease=BridgedLease(around.lease, crossing),
        spawn=spawn,
        failed=tell_failed,
        share=lambda thing: crossing.tell(lambda: around.on_shared(channel_id, thing)),
        may_connect=around.reach.allows if restricted else lambda _: True,
        rates=None
        if around.rates is None
        else BridgedRates(around.rates, crossing, channel_id=channel_id),
    )


async def load_plugin(catalog: Catalog[P], found: Found, *, within: float) -> P:
    """Import the plugin on a thread, so that a slow import holds up nobody.

    Raises PluginBroken when it cannot be imported.
    """
    lane = OwnLoopThread(f"import-{found.id}")

    async def importing() -> P:
        return catalog.load(found)

    try:
        with collector_rests():
            return await lane.run(importing, within=within)
    except TookTooLong as error:
        raise PluginBroken(f"Its import does not end. {error.detail}") from error
    finally:
        await lane.close()


def thread_lane(name: str, around: ChannelEnvironment, *, restricted: bool) -> OwnLoopThread:
    """A thread for a channel; restricted to the internet where an admin named its server."""
    return OwnLoopThread(name, loop=RestrictedLoop(around.reach) if restricted else None)


async def _turn() -> None:
    """Shows that a loop turns."""
