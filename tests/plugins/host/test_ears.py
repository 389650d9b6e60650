"""A channel hears from the moment it is switched on, whatever becomes of its start."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import core.errors
from core.errors import ChannelNotReady
from core.runtime.backoff import Backoff
from core.sdk.channel import HttpRequest
from plugins.host.host import PluginHost
from plugins.host.instance import Pace
from plugins.host.missed import LONGEST, MARGIN
from plugins.host.states import State
from plugins.host.webhooks import WebhookRouter
from tests.plugins.conftest import GOOD, Desk, reached, until

PACE = Pace(
    retry=Backoff(0.3, 0.3), beat=0.2, stuck=1.0, start=1.0, stop=0.5, drain=1.0, mend=0.3,
    probe=0.1, doubt=0.05, asking=0.5, stable=60.0,
)  # fmt: skip

LISTENS = GOOD.replace(
    "    async def start(self, receive):\n        self.receive = receive\n",
    """    async def listen(self, receive):
        self.receive = receive
        return True

    async def start(self, receive):
""",
)
"""The same channel, with ears of its own."""

HANGS = LISTENS.replace(
    "        match self.settings", "        import asyncio\n        await asyncio.sleep(3600)\n"
    "        match self.settings",
)  # fmt: skip
SLOW_TO_STOP = GOOD.replace(
    "        pass\n", "        import asyncio\n        await asyncio.sleep(0.2)\n"
)
SLOW_TO_LISTEN = LISTENS.replace(
    "        return True",
    "        import asyncio\n        await asyncio.sleep(0.5)\n        return True",
)
CRASHES = LISTENS.replace(
    "        match self.settings", "        1 / 0\n        match self.settings"
)


def _call(event: str, *, secret: str = "right") -> HttpRequest:
    return HttpRequest(
        method="POST", path="/webhooks/echo/in", headers={"x-secret": secret},
        query={"id": event}, body=b"Hello?",
    )  # fmt: skip


async def _status(host: PluginHost, event: str, *, secret: str = "right") -> int:
    return (await WebhookRouter(host).handle_http(_call(event, secret=secret))).status


@pytest.mark.parametrize(
    ("code", "token", "state"),
    [
        (LISTENS, "away", State.RETRYING),
        (LISTENS, "wrong", State.NEEDS_ADMIN),
        (HANGS, "right", State.STARTING),
        (CRASHES, "right", State.BROKEN),
        # A channel of the time before `listen`: its start gives it ears before it fails.
        (GOOD, "away", State.RETRYING),
        (GOOD, "wrong", State.NEEDS_ADMIN),
        (SLOW_TO_STOP, "away", State.RETRYING),
        (SLOW_TO_STOP, "wrong", State.NEEDS_ADMIN),
    ],
)
async def test_what_is_rightly_signed_is_taken_in_whatever_the_start_does(
    desk: Desk, code: str, token: str, state: State
) -> None:
    desk.write("echo", code)
    await desk.choose("echo", enabled=True, secrets={"token": token})
    host = desk.host(pace=replace(PACE, start=30.0))
    await host.start()
    await reached(host, "echo", state)
    for number in range(20):
        assert await _status(host, str(number), secret=token) == 200
        await asyncio.sleep(0.05)  # through several attempts to start
    assert await _status(host, "forged", secret="a guess") == 403
    assert [m.external_id for m in desk.inbox.accepted] == [str(n) for n in range(20)]
    status = host.plugin("echo").status
    assert not status.speaks
    assert status.hears == ("def listen" in code)  # the other was only tried
    assert host.get("echo") is None


async def test_from_the_first_moment_and_through_a_change_of_settings_nothing_is_refused(
    desk: Desk,
) -> None:
    desk.write("echo", LISTENS)
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host(pace=PACE)
    await host.start()
    assert await _status(host, "0") == 200  # the code is still being loaded
    await reached(host, "echo", State.RUNNING)
    for number in range(1, 40):
        if number % 10 == 0:
            await desk.choose("echo", enabled=True, settings={"greeting": f"hello {number}"})
            await host.refresh()
        assert await _status(host, str(number)) == 200
        await asyncio.sleep(0.01)
    assert len(desk.inbox.accepted) == 40


async def test_nobody_waits_for_a_start_that_hangs(desk: Desk) -> None:
    """The program listens once ears are open; a channel without ears of its own has none yet."""
    desk.write("echo", HANGS.replace("async def listen", "async def other"))
    desk.write("good", LISTENS)
    for channel in ("echo", "good"):
        await desk.choose(channel, enabled=True, secrets={"token": "right"})
    host = desk.host(pace=replace(PACE, start=30.0))
    await host.start()
    async with asyncio.timeout(8):
        await host.hearing(within=20.0)
    assert host.plugin("echo").status.state is State.STARTING
    assert host.plugin("good").status.hears


async def test_settings_that_were_replaced_open_no_door(desk: Desk) -> None:
    desk.write("echo", LISTENS)
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host(pace=PACE)
    await host.start()
    await reached(host, "echo", State.RUNNING)
    await desk.choose("echo", enabled=True, secrets={"token": "away"})
    await host.refresh()
    assert await _status(host, "1", secret="right") == 403
    assert await _status(host, "2", secret="away") == 200
    await desk.choose("echo", enabled=False)
    await host.refresh()
    assert await _status(host, "3", secret="away") == 503


async def test_an_instance_that_is_ready_only_after_the_change_opens_no_door(desk: Desk) -> None:
    """What hears in place of a failed one is prepared while something else is wanted."""
    desk.write("echo", SLOW_TO_LISTEN)
    await desk.choose("echo", enabled=True, secrets={"token": "away"})
    host = desk.host(pace=PACE)
    await host.start()
    await until(lambda: host.plugin("echo").status.hears)
    await reached(host, "echo", State.STARTING)  # it has failed, and the next one is prepared
    await asyncio.sleep(0.1)
    await desk.choose("echo", enabled=False)
    await host.refresh()
    assert await _status(host, "1", secret="away") == 503


async def test_a_channel_that_answers_200_and_takes_nothing_is_not_believed(desk: Desk) -> None:
    """200 for nobody: it was never told that it hears, and so its vendor must come again."""
    drops = GOOD.replace("        self.receive = receive\n", "").replace(
        "        where = Address", "        if not hasattr(self, 'receive'):\n"
        "            return HttpResponse()\n        where = Address",
    )  # fmt: skip
    desk.write("echo", drops)
    await desk.choose("echo", enabled=True, secrets={"token": "away"})
    host = desk.host(pace=PACE)
    await host.start()
    await reached(host, "echo", State.RETRYING)
    assert await _status(host, "1", secret="away") == 503
    assert desk.inbox.accepted == []


PROBES = LISTENS.replace(
    "    async def check",
    """    async def probe(self):
        trouble = TROUBLE.get("now")
        if trouble is not None:
            raise trouble

    async def check""",
).replace("class Settings", "TROUBLE = {}\n\n\nclass Settings")


def _trouble() -> dict[str, Any]:
    found: dict[str, Any] = sys.modules["p_echo"].__dict__["TROUBLE"]
    return found


@pytest.mark.parametrize(
    ("raised", "state"),
    [("ChannelNotReady", State.RETRYING), ("ChannelAuthFailed", State.NEEDS_ADMIN)],
)
async def test_a_running_channel_is_asked_again_and_comes_back_by_itself(
    desk: Desk, raised: str, state: State
) -> None:
    desk.write("echo", PROBES)
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host(pace=PACE)
    await host.start()
    await reached(host, "echo", State.RUNNING)
    _trouble()["now"] = getattr(core.errors, raised)("the socket is gone")
    assert "the socket is gone" in await reached(host, "echo", state)
    # It is not up, and what customers write is taken in all the same.
    assert await _status(host, "1") == 200
    _trouble().pop("now")
    await reached(host, "echo", State.RUNNING)
    await until(lambda: desk.woken.count("echo") >= 2)


async def test_one_bad_answer_is_a_doubt_and_no_fall(desk: Desk) -> None:
    once = PROBES.replace("        if trouble is not None:", "        TROUBLE.pop('now', None)\n"
                          "        if trouble is not None:")  # fmt: skip
    desk.write("echo", once)
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host(pace=PACE)
    await host.start()
    await reached(host, "echo", State.RUNNING)
    _trouble()["now"] = ChannelNotReady("a hiccup")
    await until(lambda: host.plugin("echo").status.last_error == "a hiccup")
    await asyncio.sleep(0.4)
    assert host.plugin("echo").status.state is State.RUNNING
    assert desk.woken.count("echo") == 1


async def test_a_strangers_channel_is_asked_by_its_check(desk: Desk) -> None:
    checks = PROBES.replace("async def check", "async def other")
    desk.write("echo", checks.replace("async def probe", "async def check"))
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host(pace=PACE)
    await host.start()
    await reached(host, "echo", State.RUNNING)
    _trouble()["now"] = ChannelNotReady("nobody is there")
    assert "nobody is there" in await reached(host, "echo", State.RETRYING)


FETCHES = LISTENS.replace(
    "    async def check",
    """    async def fetch_missed(self, since):
        SINCE.append(since)
        for number in range(3):
            where = Address(channel=self.context.channel_id, account="a", chat="c")
            await self.receive(InboundMessage(
                address=where, external_id=str(number), sender=Sender(id="c"), text="late"))

    async def check""",
).replace("class Settings", "SINCE = []\n\n\nclass Settings")


async def test_what_was_missed_is_fetched_from_where_it_was_left_off_and_taken_once(
    desk: Desk,
) -> None:
    desk.write("echo", FETCHES)
    await desk.choose("echo", enabled=True, secrets={"token": "right"})
    host = desk.host(pace=PACE)
    await host.start()
    await until(lambda: len(desk.inbox.accepted) == 3)
    assert await _status(host, "1") == 200  # the webhook's own repeat
    since = sys.modules["p_echo"].__dict__["SINCE"]
    now = datetime.now(UTC)
    assert now - since[0] < MARGIN + timedelta(minutes=1)  # the first time: no history
    left = await desk.store.heard_until("echo")
    assert left is not None
    await host.stop()
    await desk.store.put_heard_until("echo", now - timedelta(hours=3))
    later = desk.host(pace=PACE)
    await later.start()
    await until(lambda: len(since) == 2)
    assert abs(since[1] - (now - timedelta(hours=3) - MARGIN)) < timedelta(seconds=1)
    await later.stop()
    await desk.store.put_heard_until("echo", now - timedelta(days=300))
    last = desk.host(pace=PACE)
    await last.start()
    await until(lambda: len(since) == 3)
    assert now - since[2] < LONGEST + timedelta(minutes=1)
    assert [m.external_id for m in desk.inbox.accepted] == ["0", "1", "2"]
