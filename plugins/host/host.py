"""The plugin host: keeps every channel in the state that store and environment ask for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from core.accounts.secret_box import SecretBox, SecretUnreadable
from core.errors import NotFound, StoreUnavailable
from core.runtime import tasks
from core.sdk.channel import Channel
from core.sdk.plugin import ChannelPlugin, Manifest
from plugins.host.instance import ChannelEnvironment, ChannelInstance, load_plugin
from plugins.host.states import State, Status, Wanted
from plugins.host.supervisor import Supervisor
from plugins.host.trial import Trial
from plugins.registry.catalog import Found
from plugins.registry.egress import Egress, is_place, is_secret_name
from plugins.registry.store import Choice, PluginStore

log = logging.getLogger(__name__)

Environment = Callable[[str], Mapping[str, str]]
"""A prefix ("TWILIO_") to the settings that stand there, by lower-case name without it."""

POLL_SECONDS = 1.0  #: how soon another process sees an admin's change
SCAN_EVERY = 10  #: polls between two looks for newly installed plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """A plugin's current state, settings and problem."""

    found: Found
    choice: Choice
    wanted: Wanted
    status: Status

    @property
    def id(self) -> str:
        """The channel's id."""
        return self.found.id

    @property
    def configured(self) -> bool:
        """Whether anybody ever gave it settings."""
        return bool(self.wanted.settings or self.choice.sealed)


class PluginHost:
    """`core.engine.ports.ChannelDirectory`, and the lifecycle of every channel behind it."""

    def __init__(
        self,
        around: ChannelEnvironment,
        *,
        store: PluginStore,
        seal: SecretBox,
        environment: Environment,
    ) -> None:
        self._around = around
        self._store = store
        self._seal = seal
        self._environment = environment
        self._found: Mapping[str, Found] = {}
        self._choices: Mapping[str, Choice] = {}
        self._supervisors: dict[str, Supervisor] = {}
        self._asked: dict[str, tuple[int, Wanted, Found]] = {}
        self._loaded: dict[str, ChannelPlugin[BaseModel]] = {}
        self._poller: asyncio.Task[None] | None = None
        self._live = False
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Bring up what is wanted; returns at once, channels come up on their own time."""
        self._live = True
        await self.refresh()
        self._poller = asyncio.create_task(self._poll(), name="plugins")

    @property
    def live(self) -> bool:
        """Whether channels are run here; before `start` the host only knows what there is."""
        return self._live

    async def stop(self) -> None:
        """Take every channel down; safe twice."""
        self._live = False
        poller, self._poller = self._poller, None
        if poller is not None:
            await tasks.end(poller)
        supervisors = list(self._supervisors.values())
        self._supervisors.clear()
        self._asked.clear()
        await asyncio.gather(*(supervisor.close() for supervisor in supervisors))

    def get(self, channel_id: str) -> Channel | None:
        """The running channel, or None while nothing can be sent by it."""
        supervisor = self._supervisors.get(channel_id)
        return None if supervisor is None else supervisor.channel

    async def ears(self, channel_id: str, *, within: float) -> ChannelInstance | None:
        """The instance that takes what this channel's vendor brings, whether it is up or not.

        While it is being prepared it is waited for, no longer than this; None where nobody hears.
        """
        supervisor = self._supervisors.get(channel_id)
        if supervisor is None:
            return None
        await supervisor.settled(within)
        return supervisor.life

    def at_hand(self, channel_id: str) -> Channel | None:
        """The channel that runs or only hears; None where there is none in this process."""
        supervisor = self._supervisors.get(channel_id)
        life = None if supervisor is None else supervisor.life
        return None if life is None else life.proxy

    async def hearing(self, *, within: float) -> None:
        """Return once each channel that listens has open ears or cannot; after this time anyway."""
        await asyncio.gather(*(s.prepared(within) for s in self._supervisors.values()))

    def plugins(self) -> list[Plugin]:
        """Every plugin there is, the built-in ones first."""
        return [self._plugin(found) for found in self._found.values()]

    def plugin(self, plugin_id: str) -> Plugin:
        """One of them. Raises NotFound."""
        found = self._found.get(plugin_id)
        if found is None:
            raise NotFound(f"There is no plugin {plugin_id!r}.")
        return self._plugin(found)

    async def code(self, plugin_id: str) -> ChannelPlugin[BaseModel]:
        """The plugin's own object, imported if need be. Raises NotFound, BadInput."""
        found = self.plugin(plugin_id).found
        if plugin_id not in self._loaded:
            self._loaded[plugin_id] = await load_plugin(
                self._around.catalog, found, within=self._around.pace.load
            )
        return self._loaded[plugin_id]

    @property
    def reach(self) -> Egress:
        """What a channel may connect to whose address an admin has named."""
        return self._around.reach

    @property
    def public_url(self) -> str:
        """Where the world reaches us, "" where it cannot."""
        return self._around.public_url

    def found(self) -> Mapping[str, Found]:
        """Everything that lay there at the last look."""
        return self._found

    @asynccontextmanager
    async def on_trial(
        self, plugin_id: str, settings: BaseModel, *, places: Mapping[str, Any]
    ) -> AsyncIterator[Channel]:
        """A second instance with these settings, made but not started, gone afterwards.

        `places` are those that an admin has named. Raises NotFound, PluginBroken.
        """
        plugin = self.plugin(plugin_id)
        code = await self.code(plugin_id)
        assert plugin.found.manifest is not None
        trial = Trial(plugin.found.manifest, self._around, restricted=bool(places))
        try:
            yield await trial.create(code, settings)
        finally:
            await trial.end()

    async def refresh(self) -> None:
        """Look at what is installed and at what is wanted, and begin to make it so."""
        found = await asyncio.to_thread(self._around.catalog.scan)
        async with self._turn:
            self._found = found
            await self._apply()

    def wanted(self, found: Found, choice: Choice) -> Wanted:
        """What the environment says, overruled by what an admin said."""
        manifest = found.manifest
        surrounding = self._from_environment(manifest)
        enabled = choice.enabled
        if enabled is None:
            # What stands in the environment decides, before anything is left out of it.
            enabled = manifest is not None and _enabled_by_itself(manifest, surrounding)
        places = {
            name: value
            for name, value in choice.settings.items()
            if is_place(name, value)
            and name not in choice.vouched
            and surrounding.get(name) != str(value)
        }
        if places:
            # The operator's secrets do not go where an admin points.
            surrounding = {n: v for n, v in surrounding.items() if not is_secret_name(n)}
        settings: dict[str, Any] = {**surrounding, **choice.settings}
        problem = ""
        try:
            settings |= {
                name: self._seal.open(found.id, name, sealed)
                for name, sealed in choice.sealed.items()
            }
        except SecretUnreadable as error:
            problem = error.detail
        return Wanted(enabled=enabled, settings=settings, problem=problem, places=places)

    def from_environment(self, plugin_id: str) -> Mapping[str, str]:
        """The settings of it that stand in the environment."""
        return self._from_environment(self.plugin(plugin_id).found.manifest)

    def _from_environment(self, manifest: Manifest | None) -> Mapping[str, str]:
        if manifest is None or not manifest.env_prefix:
            return {}
        return self._environment(manifest.env_prefix)

    def _plugin(self, found: Found) -> Plugin:
        choice = self._choices.get(found.id, Choice(id=found.id))
        supervisor = self._supervisors.get(found.id)
        status = (
            supervisor.status
            if supervisor is not None
            else Status(state=State.DISABLED, since=self._around.clock.now())
        )
        if found.problem:
            status = replace(status, state=State.BROKEN, reason=found.problem)
        return Plugin(found=found, choice=choice, wanted=self.wanted(found, choice), status=status)

    async def _apply(self) -> None:
        self._choices = await self._store.all()
        if not self._live:
            return
        for plugin_id, found in self._found.items():
            if found.manifest is None:
                await self._drop(plugin_id)
                continue
            choice = self._choices.get(plugin_id, Choice(id=plugin_id))
            wanted = self.wanted(found, choice)
            asked = (choice.revision, wanted, found)
            if self._asked.get(plugin_id) == asked:
                continue
            supervisor = self._supervisors.get(plugin_id)
            if supervisor is not None and supervisor.found != found:
                await self._drop(plugin_id)
                supervisor = None
            if supervisor is None:
                supervisor = self._supervisors[plugin_id] = Supervisor(
                    found, self._around, store=self._store
                )
            self._asked[plugin_id] = asked
            supervisor.want(wanted)
        for plugin_id in set(self._supervisors) - set(self._found):
            await self._drop(plugin_id)

    async def _drop(self, plugin_id: str) -> None:
        self._asked.pop(plugin_id, None)
        self._loaded.pop(plugin_id, None)
        supervisor = self._supervisors.pop(plugin_id, None)
        if supervisor is not None:
            await supervisor.close()

    async def _poll(self) -> None:
        polls = 0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            polls += 1
            try:
                if polls % SCAN_EVERY == 0:
                    await self.refresh()
                else:
                    async with self._turn:
                        await self._apply()
            except StoreUnavailable:
                log.warning("the store does not answer; channels stay as they are")
            except Exception:
                log.exception("looking for changed plugins failed")


def _enabled_by_itself(manifest: Manifest, surrounding: Mapping[str, str]) -> bool:
    if manifest.enabled_by and all(surrounding.get(name) for name in manifest.enabled_by):
        return True
    return manifest.enabled_by_default
