"""Keeps every channel in the state that the store and the environment ask for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from core.channel import Channel
from core.errors import NotFound, StoreUnavailable
from core.plugin import ChannelPlugin, Manifest
from plugins.catalog import Found
from plugins.life import Surroundings, Trial, load_plugin
from plugins.sealing import Seal, SealBroken
from plugins.states import State, Status, Wanted
from plugins.store import Choice, PluginStore
from plugins.supervisor import Supervisor

log = logging.getLogger(__name__)

Environment = Callable[[str], Mapping[str, str]]
"""A prefix ("TWILIO_") to the settings that stand there, by lower-case name without it."""

POLL_SECONDS = 1.0  #: how soon another process sees an admin's change
SCAN_EVERY = 10  #: polls between two looks for newly installed plugins


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """All that is known of one plugin now."""

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
    """`core.ports.ChannelDirectory`, and the life of every channel behind it."""

    def __init__(
        self,
        around: Surroundings,
        *,
        store: PluginStore,
        seal: Seal,
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
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)
        supervisors = list(self._supervisors.values())
        self._supervisors.clear()
        self._asked.clear()
        await asyncio.gather(*(supervisor.close() for supervisor in supervisors))

    def get(self, channel_id: str) -> Channel | None:
        """The running channel, or None while it is off."""
        supervisor = self._supervisors.get(channel_id)
        return None if supervisor is None else supervisor.channel

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
    def public_url(self) -> str:
        """Where the world reaches us, "" where it cannot."""
        return self._around.public_url

    def found(self) -> Mapping[str, Found]:
        """Everything that lay there at the last look."""
        return self._found

    @asynccontextmanager
    async def on_trial(self, plugin_id: str, settings: BaseModel) -> AsyncIterator[Channel]:
        """A second instance with these settings, made but not started, gone afterwards.

        Raises NotFound, PluginBroken.
        """
        plugin = self.plugin(plugin_id)
        code = await self.code(plugin_id)
        assert plugin.found.manifest is not None
        trial = Trial(plugin.found.manifest, self._around)
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
            enabled = manifest is not None and _enabled_by_itself(manifest, surrounding)
        settings: dict[str, Any] = {**surrounding, **choice.settings}
        problem = ""
        try:
            settings |= {
                name: self._seal.open(found.id, name, sealed)
                for name, sealed in choice.sealed.items()
            }
        except SealBroken as error:
            problem = error.detail
        return Wanted(enabled=enabled, settings=settings, problem=problem)

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
                supervisor = self._supervisors[plugin_id] = Supervisor(found, self._around)
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
