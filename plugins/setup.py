"""Builds the plugin host and its slice: the channels that exist, and those that run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from core.accounts.roles import User
from core.accounts.secret_box import SecretBox
from core.domain.messages import SLACK
from core.privacy.beside import ChannelNotes
from core.runtime.checks import Check
from core.runtime.shipped import CHANNELS, SOURCES
from core.slices.slice import Core, Slice, Web
from core.web.http.routing import Route, Routed
from plugins.alerts import ChannelAlerts
from plugins.cli import plugin_commands
from plugins.console.api import routes as plugin_routes
from plugins.console.conformance_runs import ConformanceRuns
from plugins.console.pages import STATIC, TEMPLATES, PluginPages
from plugins.doctor import channel_checks
from plugins.host.host import PluginHost
from plugins.host.instance import ChannelEnvironment
from plugins.host.service import PluginService
from plugins.registry.catalog import CHANNEL, SOURCE, Catalog
from plugins.registry.egress import Egress
from plugins.registry.store import PluginStore
from plugins.sources.secrets import SourceSecrets
from plugins.sources.store import SourceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """The parts of the plugin host that others use."""

    host: PluginHost
    service: PluginService
    slice: Slice


def setup(
    core: Core,
    *,
    on_running: Callable[[str], Awaitable[None]],
    reseal_besides: Callable[[User], Awaitable[Mapping[str, int]]],
) -> Plugins:
    """The host of every channel; `on_running` hears of each that has come up.

    `reseal_besides` seals what others keep by the same key anew, as `SourceSecrets.reseal` does.
    """
    store = PluginStore(core.db["plugins"])
    seal = SecretBox([key for key in (core.secret_key, core.previous_key) if key])
    catalog = Catalog(CHANNEL, built_in=CHANNELS, folders=core.data_dir.path / "plugins")
    host = PluginHost(
        ChannelEnvironment(
            catalog=catalog,
            receive=core.inbox.receive,
            receive_receipt=core.deliveries.on_receipt,
            on_running=on_running,
            on_shared=core.shared.share,
            clock=core.clock,
            words=core.words,
            lease=core.node,
            public_url=core.settings.server.public_url or "",
            data_dir=core.data_dir.path / "channels",
            reach=Egress(core.settings.server.private_api_addresses),
            rates=core.rates,
        ),
        store=store,
        seal=seal,
        environment=core.settings.with_prefix,
    )
    alerts = ChannelAlerts(host.plugins, words=core.words, clock=core.clock)
    core.shared.on(SLACK, alerts.attach)
    sources = Catalog(SOURCE, built_in=SOURCES, folders=core.data_dir.path / "plugins")
    service = PluginService(
        host, store=store, seal=seal, audit=core.audit, clock=core.clock, beside=sources.scan
    )
    secrets = SourceSecrets(SourceStore(core.db["sources"]), seal=seal, audit=core.audit)
    runs = ConformanceRuns(service, clock=core.clock)

    async def checks() -> Sequence[Check]:
        return await channel_checks(service)

    def routes(web: Web) -> Sequence[Routed | Route]:
        manifests = [found.manifest for found in catalog.scan().values()]
        return (
            PluginPages(service, pages=web.pages, words=core.words),
            *plugin_routes(
                service,
                host,
                runs=runs,
                public_url=core.settings.server.public_url or "",
                webhooks=[path for manifest in manifests if manifest for path in manifest.webhooks],
            ),
        )

    return Plugins(
        host=host,
        service=service,
        slice=Slice(
            name="plugins",
            routes=routes,
            templates={"plugins": TEMPLATES},
            static={"plugins": STATIC},
            tasks={"channel alerts": alerts.run},
            closing=(runs.stop,),
            commands=plugin_commands(service, reseal_others=(secrets.reseal, reseal_besides)),
            checks=checks,
            personal_data=(ChannelNotes(core.data_dir.path / "channels", host.at_hand),),
        ),
    )
