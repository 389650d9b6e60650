"""A host over a real store, with plugins written into a folder by each test."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from core.accounts.secret_box import SecretBox
from core.clock import SystemClock
from core.i18n import Words
from core.runtime.backoff import Backoff
from core.sdk.testing.builders import LOCALES
from core.sdk.testing.fakes import OpenLease, RecordingInbox
from core.storage.client import Database
from plugins.host.host import PluginHost
from plugins.host.instance import ChannelEnvironment, Pace
from plugins.host.states import State
from plugins.registry.catalog import CHANNEL, Catalog
from plugins.registry.egress import Egress
from plugins.registry.store import Choice, PluginStore

BUILT_IN = Path(__file__).parents[2] / "channels"

GOOD = """
from pydantic import BaseModel, SecretStr

from core.sdk.channel import ChannelCapabilities, HttpResponse
from core.errors import ChannelAuthFailed, ChannelNotReady, WebhookRefused
from core.domain.messages import Address, Delivery, DeliveryState, InboundMessage, Sender
from core.sdk.plugin import ChannelPlugin


class Settings(BaseModel):
    token: SecretStr
    greeting: str = "hello"


class Echo:
    capabilities = ChannelCapabilities(text_limit=1000)

    def __init__(self, settings, context):
        self.settings, self.context = settings, context

    async def start(self, receive):
        self.receive = receive
        match self.settings.token.get_secret_value():
            case "wrong":
                raise ChannelAuthFailed("The vendor does not know this token.")
            case "away":
                raise ChannelNotReady("The vendor cannot be reached.")

    async def send(self, message):
        return Delivery(state=DeliveryState.SENT, external_ids=("v1",))

    async def check(self):
        return "connected as " + self.settings.greeting

    async def handle_http(self, request):
        if request.headers.get("x-secret") != self.settings.token.get_secret_value():
            raise WebhookRefused
        where = Address(channel=self.context.channel_id, account="a", chat="c")
        await self.receive(InboundMessage(
            address=where, external_id=request.query["id"], sender=Sender(id="c"),
            text=request.body.decode()))
        return HttpResponse(body=b"ok")

    async def stop(self):
        pass


plugin = ChannelPlugin(settings=Settings, create=Echo)
"""


class Desk:
    """Writes plugins and brings up hosts over them."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.folder = folder
        self.store = PluginStore(db["plugins"])
        self.inbox = RecordingInbox()
        self.seal = SecretBox(["k" * 32])
        self.environment: dict[str, dict[str, str]] = {}
        self.woken: list[str] = []
        self.shared: list[tuple[str, object]] = []
        self.hosts: list[PluginHost] = []

    def write(
        self, plugin_id: str, code: str = GOOD, *, manifest: str = "", webhooks: str = ""
    ) -> Path:
        """A folder plugin; `manifest` adds lines to [plugin]."""
        folder = self.folder / "plugins" / plugin_id
        folder.mkdir(parents=True, exist_ok=True)
        module = "p_" + plugin_id.replace("-", "_")
        (folder / f"{module}.py").write_text(textwrap.dedent(code))
        (folder / "manifest.toml").write_text(
            f'[plugin]\nid = "{plugin_id}"\nname = "{plugin_id}"\nversion = "1.0"\napi = 1\n'
            f'entry = "{module}:plugin"\n{manifest}\n{webhooks}'
        )
        return folder

    def host(
        self, *, built_in: Path | None = None, pace: Pace | None = None, reach: Egress | None = None
    ) -> PluginHost:
        """A host that is not started yet; the fixture stops it."""

        async def woken(channel_id: str) -> None:
            self.woken.append(channel_id)

        host = PluginHost(
            ChannelEnvironment(
                catalog=Catalog(
                    CHANNEL,
                    built_in=built_in or self.folder / "none",
                    folders=self.folder / "plugins",
                ),
                receive=self.inbox.receive,
                receive_receipt=self.inbox.receive_receipt,
                on_running=woken,
                on_shared=lambda channel_id, thing: self.shared.append((channel_id, thing)),
                clock=SystemClock(),
                words=Words.load(LOCALES),
                lease=OpenLease(),
                public_url="https://desk.example",
                data_dir=self.folder / "channels",
                reach=reach or Egress(()),
                pace=pace
                or Pace(
                    retry=Backoff(0.2, 1.0),
                    beat=0.2,
                    stuck=0.5,
                    start=1.0,
                    stop=0.5,
                    drain=1.0,
                ),
            ),
            store=self.store,
            seal=self.seal,
            environment=lambda prefix: self.environment.get(prefix, {}),
        )
        self.hosts.append(host)
        return host

    async def choose(
        self,
        plugin_id: str,
        *,
        enabled: bool,
        settings: Mapping[str, object] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        """What the service would store for the operator at the machine."""
        now = await self.store.get(plugin_id)
        sealed = {k: self.seal.close(plugin_id, k, v) for k, v in (secrets or {}).items()}
        await self.store.put(
            Choice(
                id=plugin_id,
                enabled=enabled,
                revision=now.revision,
                settings=now.settings if settings is None else settings,
                sealed={**now.sealed, **sealed},
                vouched=tuple(now.settings if settings is None else settings),
            )
        )


@pytest.fixture
async def desk(db: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(db, tmp_path)
    yield made
    for host in made.hosts:
        await host.stop()
    shutil.rmtree(tmp_path, ignore_errors=True)


async def until(condition: Callable[[], bool], *, within: float = 8.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


async def reached(host: PluginHost, plugin_id: str, state: State, *, within: float = 8.0) -> str:
    """Wait for the state; gives its reason."""
    try:
        await until(lambda: host.plugin(plugin_id).status.state is state, within=within)
    except TimeoutError:
        raise AssertionError(host.plugin(plugin_id).status) from None
    return host.plugin(plugin_id).status.reason


@pytest.fixture(autouse=True)
def _no_module_of_a_test_survives_it() -> None:
    for name in [name for name in list(sys.modules) if name.startswith("p_")]:
        del sys.modules[name]
