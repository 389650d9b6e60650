"""Opens a configured source: its plugin imported, its settings whole, its reach bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from core.accounts.secret_box import SecretBox, SecretUnreadable
from core.clock import Clock
from core.errors import BadInput
from core.sdk.source import Source, SourcePlugin
from plugins.host.instance import load_plugin
from plugins.host.states import settings_sentence
from plugins.isolation.loop_thread import OwnLoopThread
from plugins.registry.catalog import Catalog, Found, PluginBroken
from plugins.registry.forms import own_settings
from plugins.sources.model import ConfiguredSource
from plugins.sources.pulling import Reach, made

LOAD_SECONDS = 60.0


class SourceOpener:
    """Makes sources from what is stored of them."""

    def __init__(
        self,
        catalog: Catalog[SourcePlugin[Any]],
        *,
        seal: SecretBox,
        networks: Sequence[str],
        folders: Sequence[Path],
        folder: Path,
        clock: Clock,
    ) -> None:
        """`networks` and `folders` are those that every source may reach and read."""
        self._catalog = catalog
        self._seal = seal
        self._networks = networks
        self._folders = folders
        self._folder = folder
        self._clock = clock
        self._loaded: dict[str, SourcePlugin[Any]] = {}

    def kinds(self) -> Mapping[str, Found]:
        """Every kind of source that is installed now."""
        return self._catalog.scan()

    async def plugin(self, plugin_id: str) -> SourcePlugin[Any]:
        """The plugin's own object. Raises BadInput."""
        if plugin_id not in self._loaded:
            found = self.kinds().get(plugin_id)
            if found is None:
                raise BadInput(f"There is no kind of source {plugin_id!r}.")
            try:
                self._loaded[plugin_id] = await load_plugin(
                    self._catalog, found, within=LOAD_SECONDS
                )
            except PluginBroken as error:
                raise BadInput(error.detail) from error
        return self._loaded[plugin_id]

    def values(self, source: ConfiguredSource) -> Mapping[str, Any]:
        """Its settings, secrets opened. Raises BadInput where another key has sealed them."""
        try:
            opened = {n: self._seal.open(source.id, n, s) for n, s in source.sealed.items()}
        except SecretUnreadable as error:
            raise BadInput(error.detail) from error
        return {**source.settings, **opened}

    @asynccontextmanager
    async def opened(self, source: ConfiguredSource) -> AsyncIterator[tuple[Source, OwnLoopThread]]:
        """The source and the thread it lives on. Raises BadInput."""
        plugin = await self.plugin(source.plugin)
        try:
            settings = plugin.settings.model_validate(
                own_settings(plugin.settings, self.values(source))
            )
        except ValidationError as error:
            raise BadInput(settings_sentence(error)) from error
        async with made(
            plugin,
            settings,
            source_id=source.id,
            reach=self.reach(source),
            data_dir=self._folder / source.id / "own",
            clock=self._clock,
        ) as (found, lane):
            yield found, lane

    def reach(self, source: ConfiguredSource) -> Reach:
        """Where it may go."""
        named = [str(source.settings.get(name, "")) for name in source.vouched]
        own = [Path(value) for value in named if value.startswith("/")]
        return Reach(
            networks=self._networks,
            private_hosts=source.private_hosts,
            folders=[*self._folders, *own],
        )
