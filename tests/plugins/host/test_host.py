"""The host: states with reasons, and channels that misbehave without hurting anybody."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import cast

import pytest

from core.domain.messages import Address, DeliveryState
from core.errors import DeliveryUnknown
from core.sdk.channel import ChecksConnection, HandlesHttp, HttpRequest, Reconciles, Streams
from core.sdk.testing.builders import an_outbound
from plugins.host.host import PluginHost
from plugins.host.states import State
from plugins.host.webhooks import WebhookRouter
from tests.plugins.conftest import GOOD, Desk, reached, until


def _request(path: str, *, secret: str = "right", event: str = "1") -> HttpRequest:
    return HttpRequest(
        method="POST", path=path, headers={"x-secret": secret}, query={"id": event}, body=b"hi"
    )


async def _status(host: PluginHost, request: HttpRequest) -> int:
    return (await WebhookRouter(host).handle_http(request)).status


async def test_a_channel_comes_up_with_its_settings_and_wakes_what_waited(desk: Desk) -> None:
    desk.write("echo")
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    await reached(host, "echo", State.RUNNING)
    channel = host.get("echo")
    assert channel is not None
    delivery = await channel.send(an_outbound())
    assert delivery.state is DeliveryState.SENT
    await until(lambda: desk.woken == ["echo"])
    faces = [p for p in (HandlesHttp, ChecksConnection, Streams, Reconciles) if _has(channel, p)]
    assert faces == [HandlesHttp, ChecksConnection]
    assert host.plugin("echo").status.delivered == 1


async def test_nobody_wants_it_so_it_is_disabled_and_its_code_is_not_run(desk: Desk) -> None:
    desk.write("echo", "raise RuntimeError('imported')")
    host = desk.host()
    await host.start()
    await asyncio.sleep(0.1)
    assert host.plugin("echo").status.state is State.DISABLED
    assert host.get("echo") is None


async def test_environment_secrets_enable_it_and_the_consoles_word_wins(desk: Desk) -> None:
    desk.write("echo", manifest='env_prefix = "ECHO_"\nenabled_by = ["token"]')
    desk.environment["ECHO_"] = {"token": "right", "greeting": "env"}
    host = desk.host()
    await host.start()
    await reached(host, "echo", State.RUNNING)
    await desk.choose("echo", enabled=True, settings={"greeting": "console"})
    await host.refresh()
    await until(lambda: len(desk.woken) == 2)
    channel = cast("ChecksConnection", host.get("echo"))
    assert await channel.check() == "connected as console"
    await desk.choose("echo", enabled=False)
    await host.refresh()
    await reached(host, "echo", State.DISABLED)


@pytest.mark.parametrize(
    ("token", "state", "words"),
    [
        ("wrong", State.NEEDS_ADMIN, "does not know this token"),
        ("away", State.RETRYING, "cannot be reached"),
        (None, State.NEEDS_ADMIN, "token: Field required"),
    ],
)
async def test_each_way_not_to_start_has_its_state_and_reason(
    desk: Desk, token: str | None, state: State, words: str
) -> None:
    desk.write("echo")
    secrets = {} if token is None else {"token": token}
    await desk.choose("echo", enabled=True, secrets=secrets)
    host = desk.host()
    await host.start()
    assert words in await reached(host, "echo", state)
    assert (host.plugin("echo").status.retry_at is not None) == (state is State.RETRYING)
    # An admin's correction brings it up without anything else.
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    await reached(host, "echo", State.RUNNING)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import no_such_package", "needs the Python package 'no_such_package'"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "has no 'plugin'"),
        ("plugin = 3", "is not a ChannelPlugin"),
        (GOOD.replace("def __init__(self, settings, context)", "def __init__(self)"), "TypeError"),
    ],
)
async def test_broken_code_is_marked_with_its_reason(desk: Desk, code: str, words: str) -> None:
    desk.write("broken-one", code)
    desk.write("good-one")
    await desk.choose("broken-one", enabled=True, secrets={"token": "right"})
    await desk.choose("good-one", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    assert words in await reached(host, "broken-one", State.BROKEN)
    await reached(host, "good-one", State.RUNNING)


async def test_another_secret_key_asks_the_admin(desk: Desk) -> None:
    desk.write("echo")
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    stored = (await desk.store.get("echo")).sealed["token"]
    assert "right" not in stored
    desk.seal = type(desk.seal)(["another key"])
    host = desk.host()
    await host.start()
    assert "SECRET_KEY" in await reached(host, "echo", State.NEEDS_ADMIN)


HANGS_IN_START = GOOD.replace("self.receive = receive\n", "await asyncio.sleep(3600)\n").replace(
    "\nfrom pydantic", "\nimport asyncio\nfrom pydantic", 1
)


async def test_stop_during_start_is_safe(desk: Desk) -> None:
    desk.write("slow-one", HANGS_IN_START)
    await desk.choose("slow-one", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    await reached(host, "slow-one", State.STARTING)
    await desk.choose("slow-one", enabled=False)
    await host.refresh()
    await reached(host, "slow-one", State.DISABLED)


async def test_it_goes_down_although_what_it_wakes_loses_its_cancellation(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `asyncio.wait_for` of Python 3.11 may lose it."""
    lost = asyncio.Event()

    async def loses(_: str) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost.is_set():
                    raise
                lost.set()

    monkeypatch.setattr("core.runtime.tasks.end.__kwdefaults__", {"again": 0.05})
    desk.write("echo")
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host()
    monkeypatch.setattr(host, "_around", replace(host._around, on_running=loses))
    await host.start()
    await reached(host, "echo", State.RUNNING)
    await desk.choose("echo", enabled=False)
    await host.refresh()
    await reached(host, "echo", State.DISABLED)
    assert lost.is_set()


async def test_a_start_that_hangs_is_tried_again_and_then_marked(desk: Desk) -> None:
    desk.write("slow-two", HANGS_IN_START)
    await desk.choose("slow-two", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    assert "did not finish" in await reached(host, "slow-two", State.RETRYING)
    assert "stopped 5 times" in await reached(host, "slow-two", State.BROKEN, within=20)


BLOCKS = GOOD.replace("return Delivery(", "time.sleep(20); return Delivery(").replace(
    "\nfrom pydantic", "\nimport time\nfrom pydantic", 1
)


@pytest.mark.timed
async def test_a_channel_that_blocks_its_loop_holds_up_nobody(desk: Desk) -> None:
    desk.write("blocks", BLOCKS)
    desk.write("fine-one")
    for name in ("blocks", "fine-one"):
        await desk.choose(name, enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    await reached(host, "blocks", State.RUNNING)
    await reached(host, "fine-one", State.RUNNING)
    blocked, fine = host.get("blocks"), host.get("fine-one")
    assert blocked is not None
    assert fine is not None
    sending = asyncio.create_task(blocked.send(an_outbound()))
    slowest = 0.0
    for _ in range(50):
        began = time.monotonic()
        await fine.send(an_outbound())
        await asyncio.sleep(0.01)
        slowest = max(slowest, time.monotonic() - began)
    # The other one stands still for twenty seconds; a busy machine holds up for less than two.
    assert slowest < 2.0
    reason = await reached(host, "blocks", State.RETRYING, within=15)
    assert "stands in" in reason
    assert "p_blocks.py" in reason
    with pytest.raises(DeliveryUnknown):
        await sending


CRASHES = GOOD.replace(
    "self.receive = receive\n",
    "self.receive = receive\n        self.context.spawn(self.die())\n",
).replace(
    "    async def check",
    "    async def die(self):\n        raise OSError('the socket is gone')\n\n    async def check",
)


async def test_a_crash_later_is_restarted_with_backoff_and_then_marked(desk: Desk) -> None:
    desk.write("crashes", CRASHES)
    await desk.choose("crashes", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    assert "the socket is gone" in await reached(host, "crashes", State.RETRYING)
    assert "stopped 5 times" in await reached(host, "crashes", State.BROKEN, within=20)
    assert host.get("crashes") is None


LEAKS = GOOD.replace(
    "self.receive = receive\n",
    "self.receive = receive\n"
    "        self.left = [asyncio.get_running_loop().create_task(asyncio.sleep(3600))"
    " for _ in range(50)]\n",
).replace("\nfrom pydantic", "\nimport asyncio\nfrom pydantic", 1)


async def test_leaked_tasks_end_with_the_channel(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.write("leaks", LEAKS)
    await desk.choose("leaks", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    await reached(host, "leaks", State.RUNNING)
    before = len(asyncio.all_tasks())
    await desk.choose("leaks", enabled=False)
    await host.refresh()
    await reached(host, "leaks", State.DISABLED)
    assert len(asyncio.all_tasks()) <= before
    assert "left behind by a channel" in caplog.text


FLOODS = GOOD.replace(
    "self.receive = receive\n",
    "self.receive = receive\n        self.context.spawn(self.flood())\n",
).replace(
    "    async def check",
    """    async def flood(self):
        import asyncio
        where = Address(channel=self.context.channel_id, account="a", chat="c")
        await asyncio.gather(*(self.receive(InboundMessage(
            address=where, external_id=str(n), sender=Sender(id="c"), text="x"))
            for n in range(900)))

    async def check""",
)


async def test_a_flood_is_slowed_and_nothing_of_it_is_lost(desk: Desk) -> None:
    desk.write("floods", FLOODS)
    await desk.choose("floods", enabled=True, secrets={"token": "right"})
    host = desk.host()
    began = time.monotonic()
    await host.start()
    await until(lambda: len(desk.inbox.accepted) == 900, within=15)
    # 600 at once, the rest at 300 a second.
    assert time.monotonic() - began > 0.8


async def test_a_channel_learns_the_place_of_what_it_handed_in(desk: Desk) -> None:
    tells = GOOD.replace("await self.receive", "place = await self.receive").replace(
        'body=b"ok"', 'body=f"{place.conversation_id} {place.seq}".encode()'
    )
    assert tells.count("place") == 3
    desk.write("tells", tells)
    await desk.choose("tells", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    await reached(host, "tells", State.RUNNING)
    where = Address(channel="tells", account="a", chat="c").conversation_id()
    for event, number in (("1", 1), ("2", 2), ("1", 1)):
        call = _request("/webhooks/tells/x", event=event)
        told = await WebhookRouter(host).handle_http(call)
        assert told.body.decode() == f"{where} {number}"


async def test_a_channel_of_our_own_pages_is_not_slowed_twice(desk: Desk) -> None:
    # Whoever fetches from us came through the HTTP frame, which has bounds of its own.
    desk.write("page", FLOODS.replace("text_limit=", "pulls=True, text_limit="))
    await desk.choose("page", enabled=True, secrets={"token": "right"})
    desk.inbox.delay = 0.5
    host = desk.host()
    await host.start()
    await until(lambda: desk.inbox.calls == 900, within=15)
    assert not desk.inbox.accepted  # all of them at once, none waiting in line
    await until(lambda: host.plugin("page").status.accepted == 900, within=15)


async def test_a_foreign_address_is_refused(desk: Desk) -> None:
    code = GOOD.replace("channel=self.context.channel_id", 'channel="web"')
    desk.write("liar", code)
    await desk.choose("liar", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    await reached(host, "liar", State.RUNNING)
    response = await WebhookRouter(host).handle_http(_request("/webhooks/liar/x"))
    assert response.status == 400
    assert desk.inbox.accepted == []


async def test_webhooks_reach_the_channel_or_are_told_to_come_again(desk: Desk) -> None:
    desk.write("echo", webhooks='[webhooks]\n"/webhooks/acme/in" = "in"\n')
    host = desk.host()
    await host.start()
    assert await _status(host, _request("/webhooks/nobody")) == 404
    assert await _status(host, _request("/webhooks/acme/in")) == 403
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    await host.refresh()
    await reached(host, "echo", State.RUNNING)
    assert await _status(host, _request("/webhooks/acme/in")) == 200
    assert (
        await WebhookRouter(host).handle_http(_request("/webhooks/echo/in", event="2"))
    ).status == 200
    assert (
        await WebhookRouter(host).handle_http(_request("/webhooks/acme/in", secret="no"))
    ).status == 403
    desk.inbox.down = True
    assert (
        await WebhookRouter(host).handle_http(_request("/webhooks/acme/in", event="3"))
    ).status == 503
    assert [m.external_id for m in desk.inbox.accepted] == ["1", "2"]
    await desk.choose("echo", enabled=False)
    await host.refresh()
    await reached(host, "echo", State.DISABLED)
    off = await WebhookRouter(host).handle_http(_request("/webhooks/acme/in"))
    assert off.status == 503
    assert off.headers["Retry-After"]


async def test_a_forgery_is_refused_although_the_channel_is_not_up(desk: Desk) -> None:
    # It is given its ears by its start, and after all else: nobody hears before.
    told_apart = GOOD.replace("        self.receive = receive\n", "").replace(
        "    async def send", "        self.receive = receive\n\n    async def send"
    )
    told_apart = told_apart.replace(
        "plugin = ChannelPlugin(settings=Settings, create=Echo)",
        """def verify(settings, request, public_url):
            if request.headers.get("x-secret") != settings.token.get_secret_value():
                raise WebhookRefused


        plugin = ChannelPlugin(settings=Settings, create=Echo, verify=verify)
        """.replace("\n        ", "\n"),
    )
    desk.write("echo", told_apart)
    await desk.choose("echo", enabled=True, secrets={"token": "away"})
    host = desk.host()
    await host.start()
    await reached(host, "echo", State.RETRYING)
    true = await WebhookRouter(host).handle_http(_request("/webhooks/echo/x", secret="away"))
    assert true.status == 503
    assert true.headers["Retry-After"]
    assert (
        await WebhookRouter(host).handle_http(_request("/webhooks/echo/x", secret="no"))
    ).status == 403
    # Settings that do not hold can prove nobody.
    await desk.choose("echo", enabled=True, settings={"greeting": 3})
    await host.refresh()
    await reached(host, "echo", State.NEEDS_ADMIN)
    assert (
        await WebhookRouter(host).handle_http(_request("/webhooks/echo/x", secret="away"))
    ).status == 403
    assert desk.inbox.accepted == []


async def test_what_is_being_stored_is_stored_although_the_channel_is_switched_off(
    desk: Desk,
) -> None:
    desk.write("echo")
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    await reached(host, "echo", State.RUNNING)
    desk.inbox.delay = 0.4
    webhook = asyncio.create_task(WebhookRouter(host).handle_http(_request("/webhooks/echo/x")))
    await asyncio.sleep(0.1)
    await desk.choose("echo", enabled=False)
    await host.refresh()
    assert (await webhook).status == 200
    assert len(desk.inbox.accepted) == 1
    await reached(host, "echo", State.DISABLED)


async def test_garbage_from_a_caller_is_no_crash_of_the_channel(desk: Desk) -> None:
    garbage = GOOD.replace(
        'if request.headers.get("x-secret")',
        'if request.body == b"garbage":\n            raise BadInput("this is no event")\n'
        '        if request.headers.get("x-secret")',
    ).replace("import ChannelAuthFailed", "import BadInput, ChannelAuthFailed")
    desk.write("echo", garbage)
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host()
    await host.start()
    await reached(host, "echo", State.RUNNING)
    for _ in range(12):
        sent = replace(_request("/webhooks/echo/x"), body=b"garbage")
        assert await _status(host, sent) == 400
    assert await _status(host, _request("/webhooks/echo/x")) == 200
    status = host.plugin("echo").status
    assert (status.state, status.last_error) == (State.RUNNING, "")


async def test_other_processes_notice_a_change_by_themselves(desk: Desk) -> None:
    desk.write("echo")
    hosts: list[PluginHost] = [desk.host(), desk.host()]
    for host in hosts:
        await host.start()
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    for host in hosts:
        await reached(host, "echo", State.RUNNING, within=4)


def _has(channel: object, protocol: type) -> bool:
    return isinstance(channel, protocol)
