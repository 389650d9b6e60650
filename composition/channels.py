"""The channel plugins, and the way from a channel to whatever is serving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composition.program import CHANNELS
from core.errors import ChannelNotReady
from core.messages import InboundMessage, Receipt
from plugins.catalog import Catalog
from plugins.conformance import ConformanceRuns
from plugins.host import PluginHost
from plugins.life import Surroundings
from plugins.sealing import Seal
from plugins.service import PluginService
from plugins.store import PluginStore

if TYPE_CHECKING:
    from composition.center import Center


def open_plugins(
    center: Center,
) -> tuple[Catalog, PluginHost, PluginService, ConformanceRuns]:
    """What can be plugged in, what runs of it, the rules for changing that, and its tests."""
    ways = _Ways(center)
    store, seal = PluginStore(center.db["plugins"]), Seal([center.secret_key])
    catalog = Catalog(built_in=CHANNELS, folders=center.data_dir.path / "plugins")
    host = PluginHost(
        Surroundings(
            catalog=catalog,
            receive=ways.receive,
            receive_receipt=ways.receive_receipt,
            on_running=ways.on_running,
            on_shared=ways.on_shared,
            clock=center.clock,
            words=center.words,
            lease=center.lease,
            public_url=center.settings.server.public_url or "",
            data_dir=center.data_dir.path / "channels",
        ),
        store=store,
        seal=seal,
        environment=center.settings.with_prefix,
    )
    service = PluginService(host, store=store, seal=seal, audit=center.audit, clock=center.clock)
    return catalog, host, service, ConformanceRuns(service, clock=center.clock)


class _Ways:
    """Where what a channel hears goes; while nothing serves, it is asked to come again."""

    def __init__(self, center: Center) -> None:
        self._center = center

    async def receive(self, message: InboundMessage) -> None:
        if self._center.live is None:
            raise ChannelNotReady
        await self._center.live.inbox.receive(message)

    async def receive_receipt(self, receipt: Receipt) -> None:
        if self._center.live is None:
            raise ChannelNotReady
        await self._center.live.deliveries.on_receipt(receipt)

    async def on_running(self, channel_id: str) -> None:
        if self._center.live is not None:
            await self._center.live.worker.channel_is_up(channel_id)

    def on_shared(self, channel_id: str, thing: object) -> None:
        if channel_id == "slack" and self._center.live is not None:
            self._center.live.take_slack(thing)
