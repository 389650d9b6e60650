"""An address that an admin names: it takes no secret along, stays public, and repeats nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.clock import SystemClock
from core.errors import BadInput
from core.runtime.ip_addresses import address_of, is_public
from plugins.host.service import PluginService
from plugins.host.states import State
from plugins.isolation.loop_thread import OwnLoopThread
from plugins.registry.egress import Egress, PrivateAddress, RestrictedLoop, is_place
from plugins.registry.settings_changes import SecretNeeded
from tests.plugins.conftest import Desk, reached
from tests.plugins.host.test_service import Records

ADMIN = User(id="u1", email="admin@example.com", role=Role.ADMIN)
FOREIGN = "the internal page of another service"

CALLS = """
import aiohttp
from pydantic import BaseModel, SecretStr

from core.sdk.channel import ChannelCapabilities
from core.errors import ChannelAuthFailed, ChannelNotReady
from core.domain.messages import Delivery, DeliveryState
from core.sdk.plugin import ChannelPlugin


class Settings(BaseModel):
    token: SecretStr
    backup_key: SecretStr = SecretStr("")
    api_base_url: str = "https://vendor.example"
    mail_server: str = "mail.vendor.example"
    greeting: str = "hello"


class Caller:
    capabilities = ChannelCapabilities(text_limit=1000)

    def __init__(self, settings, context):
        self.settings = settings

    async def start(self, receive):
        await self.check()

    async def send(self, message):
        return Delivery(state=DeliveryState.SENT, external_ids=("v1",))

    async def check(self):
        headers = {"Authorization": self.settings.token.get_secret_value()}
        async with aiohttp.ClientSession(headers=headers) as http:
            try:
                async with http.get(self.settings.api_base_url) as answer:
                    said = await answer.text()
            except aiohttp.ClientError as error:
                raise ChannelNotReady(f"no answer: {error}") from error
        match answer.status:
            case 200:
                return "connected: " + said
            case 401:
                raise ChannelAuthFailed("the vendor says: " + said)
            case 503:
                raise ChannelNotReady("the vendor says: " + said)
        raise RuntimeError("the vendor says: " + said)

    async def stop(self):
        pass


plugin = ChannelPlugin(settings=Settings, create=Caller)
"""


class Server:
    """Answers every request alike on loopback, and remembers what it was sent."""

    def __init__(self) -> None:
        self.status, self.location = 200, ""
        self.asked: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        head = (
            f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(FOREIGN)}\r\nConnection: close\r\n"
        )
        head += f"Location: {self.location}\r\n" if self.location else ""
        writer.write(f"{head}\r\n{FOREIGN}".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}"
    async with listening:
        yield server


@pytest.fixture
def audit() -> Records:
    return Records()


@pytest.fixture
def service(desk: Desk, audit: Records) -> PluginService:
    desk.write("caller", CALLS, manifest='env_prefix = "CALLER_"')
    return service_of(desk, audit)


def service_of(desk: Desk, audit: Records, *allowed: str) -> PluginService:
    host = desk.host(reach=Egress(allowed))
    return PluginService(host, store=desk.store, seal=desk.seal, audit=audit, clock=SystemClock())


PRIVATE = (
    "http://127.0.0.1:1/", "http://localhost:1", "http://127.1/", "http://0x7f.1/",
    "http://2130706433/", "http://0177.0.0.1/", "http://[::1]:80/", "http://[::ffff:127.0.0.1]/",
    "http://10.1.2.3/", "http://172.16.0.1", "http://192.168.1.1", "http://169.254.169.254/latest",
    "http://[fd00::1]/", "http://[fe80::1%25lo]/", "http://0.0.0.0/", "http://[::]/",
    "http://100.64.0.1/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/",
    "http://１２７.０.０.１/", "http://127。0。0。1/", "http://localhost./", "http://224.0.0.1/",
)  # fmt: skip
NO_PLACE = (
    "http://vendor.example@127.0.0.1/", "http://127.0.0.1\\@vendor.example/", "http://", "http:///x",
    "http://vendor.example:port/", "http://[::1/", "https://a b.example/",
)  # fmt: skip


@pytest.mark.parametrize("address", [*PRIVATE, *NO_PLACE])
async def test_a_private_address_is_refused_however_it_is_written(
    service: PluginService, audit: Records, address: str
) -> None:
    given = {"token": "t", "api_base_url": address}
    with pytest.raises(BadInput, match="api_base_url"):
        await service.configure(ADMIN, "caller", settings=given)
    checked = await service.check(ADMIN, "caller", settings=given)
    assert not checked.ok
    assert "api_base_url" in checked.detail
    assert audit.entries[-1]["what"] == "plugin.check"


async def test_only_what_is_allowed_is_reached(desk: Desk, audit: Records) -> None:
    desk.write("caller", CALLS)
    async with serving() as server:
        given = {"token": "t", "api_base_url": server.url}
        narrow = service_of(desk, audit, "127.0.0.2", "10.0.0.0/8")
        assert not (await narrow.check(ADMIN, "caller", settings=given)).ok
        assert server.asked == []
        wide = service_of(desk, audit, "127.0.0.0/24")
        assert (await wide.check(ADMIN, "caller", settings=given)).ok
        await desk.hosts[-1].start()
        await wide.enable(ADMIN, "caller", settings=given)
        await reached(desk.hosts[-1], "caller", State.RUNNING)
        # What was allowed once and is not any more does not come up again.
        later = desk.host(reach=Egress(()))
        await later.start()
        assert "not on the internet" in await reached(later, "caller", State.NEEDS_ADMIN)


async def test_the_operators_word_needs_no_leave(desk: Desk, audit: Records) -> None:
    async with serving() as server:
        desk.write("caller", CALLS, manifest='env_prefix = "CALLER_"')
        desk.environment["CALLER_"] = {"token": "env-secret", "api_base_url": server.url}
        service = service_of(desk, audit)
        checked = await service.check(ADMIN, "caller")
        assert (checked.ok, checked.detail) == (True, f"connected: {FOREIGN}")
        desk.environment["CALLER_"] = {"token": "env-secret"}
        given = {"api_base_url": server.url}
        await service.configure(OPERATOR, "caller", settings=given)
        assert (await service.check(ADMIN, "caller")).ok
        assert all("env-secret" in asked for asked in server.asked)


@pytest.mark.parametrize("where", ["sealed", "environment"])
@pytest.mark.parametrize(
    "moved",
    [
        {"api_base_url": "https://93.184.215.14"},
        {"mail_server": "93.184.215.14"},
        {"api_base_url": "https://93.184.215.14", "greeting": "x", "token": ""},
    ],
)
async def test_a_changed_address_needs_its_secrets_again(
    desk: Desk, service: PluginService, where: str, moved: dict[str, Any]
) -> None:
    if where == "sealed":
        await service.configure(ADMIN, "caller", settings={"token": "old", "backup_key": "kept"})
    else:
        desk.environment["CALLER_"] = {"token": "old", "backup_key": "kept"}
    before = await desk.store.get("caller")
    for settings in (moved, {**moved, "token": "mine"}, {**moved, "backup_key": "mine"}):
        with pytest.raises(SecretNeeded, match="enter again: "):
            await service.configure(ADMIN, "caller", settings=settings)
        with pytest.raises(SecretNeeded, match="enter again: "):
            await service.enable(ADMIN, "caller", settings=settings)
        checked = await service.check(ADMIN, "caller", settings=settings)
        assert not checked.ok
        assert "enter again" in checked.detail
    assert await desk.store.get("caller") == before
    again = {**moved, "token": "old", "backup_key": "kept"}
    await service.configure(ADMIN, "caller", settings=again)
    # Everything else is changed without them, and so is the way back to the operator's address.
    await service.configure(ADMIN, "caller", settings={"greeting": "good morning"})
    name = next(iter(moved))
    await service.configure(ADMIN, "caller", settings={name: None})


async def test_secrets_of_the_environment_never_go_where_an_admin_points(
    desk: Desk, service: PluginService
) -> None:
    """The address stood there first; the secret is set by the operator afterwards."""
    given = {"token": "mine", "api_base_url": "https://93.184.215.14"}
    await service.configure(ADMIN, "caller", settings=given)
    desk.environment["CALLER_"] = {"token": "env-secret", "backup_key": "env-secret, too"}
    [plugin] = await service.plugins(ADMIN)
    assert "env-secret" not in str(plugin.wanted.settings)


@pytest.mark.parametrize("status", [200, 401, 503, 418])
async def test_what_answers_at_an_admins_address_is_not_repeated(
    desk: Desk, audit: Records, status: int
) -> None:
    async with serving() as server:
        server.status = status
        desk.write("caller", CALLS)
        service = service_of(desk, audit, "127.0.0.1")
        given = {"token": "t", "api_base_url": server.url}
        checked = await service.check(ADMIN, "caller", settings=given)
        assert server.asked
        assert checked.ok is (status == 200)
        host = desk.hosts[-1]
        await host.start()
        await service.enable(ADMIN, "caller", settings=given)
        async with asyncio.timeout(10):
            while host.plugin("caller").status.state is State.STARTING:
                await asyncio.sleep(0.05)
        running = await service.check(ADMIN, "caller")
        for said in (checked.detail, running.detail, str(host.plugin("caller").status)):
            assert FOREIGN not in said
            assert "vendor says" not in said
        checks = [entry for entry in audit.entries if entry["what"] == "plugin.check"]
        assert [entry["who"] for entry in checks] == [ADMIN.email] * 2
        assert checks[0]["after"]["places"] == {"api_base_url": server.url}


async def test_a_redirect_or_a_name_that_turns_private_leads_nowhere() -> None:
    """The loop itself does not connect: what a name means may change after it was looked at."""
    import aiohttp

    async with serving() as inner:
        lane = OwnLoopThread("test", loop=RestrictedLoop(Egress(())))

        async def fetch() -> str:
            async with aiohttp.ClientSession() as http, http.get(inner.url) as answer:
                return await answer.text()

        async def by_name() -> None:
            port = int(inner.url.rpartition(":")[2])
            await asyncio.open_connection("localhost", port)

        for work in (fetch, by_name):
            with pytest.raises(OSError, match="not on the internet"):
                await lane.run(work, within=5.0)
        assert inner.asked == []
        await lane.close()
        async with serving() as outer:
            # 127.0.0.1 is allowed, and sends us on to another address of this machine.
            outer.status, outer.location = 302, inner.url.replace("127.0.0.1", "127.0.0.2")
            lane = OwnLoopThread("test", loop=RestrictedLoop(Egress(("127.0.0.1",))))

            async def followed() -> str:
                async with aiohttp.ClientSession() as http, http.get(outer.url) as answer:
                    return await answer.text()

            with pytest.raises(OSError, match="not on the internet"):
                await lane.run(followed, within=5.0)
            assert outer.asked
            await lane.close()
        assert inner.asked == []


@pytest.mark.parametrize(
    ("name", "value", "is_one"),
    [
        ("api_base_url", "x", True), ("imap_host", "mail", True), ("imap_port", 993, True),
        ("anything", "https://x", True), ("auth_server", "x", True), ("proxy", "x:1", True),
        ("from_address", "desk@example.com", False), ("language", "en", False),
        ("price_per_segment", 0.1, False), ("customers", False, False), ("api_base_url", "", False),
    ],
)  # fmt: skip
def test_what_is_a_place(name: str, value: object, *, is_one: bool) -> None:
    assert is_place(name, value) is is_one


def test_addresses_in_anothers_dress() -> None:
    for text in ("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "::1", "fe80::1%eth0"):
        address = address_of(text)
        assert address is not None
        assert not is_public(address), text
    for text in ("93.184.215.14", "2606:4700::1111"):
        address = address_of(text)
        assert address is not None
        assert is_public(address), text
    assert address_of("localhost") is None


async def test_refusals_name_the_setting_for_the_operator() -> None:
    with pytest.raises(PrivateAddress, match=r"api_base_url: .*PRIVATE_API_ADDRESSES"):
        await Egress(()).require({"api_base_url": "http://127.0.0.1"})
