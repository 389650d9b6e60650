"""Of many processes two hold a socket to Slack, and another one follows when one of them goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from channels.slack.channel import SlackChannel
from channels.slack.settings import SlackSettings
from core.cluster.model import MemoryClusterStore, Role, Terms
from core.cluster.node import Node
from core.sdk.testing.builders import ContextUnderTest
from core.sdk.testing.fakes import RecordingInbox
from tests.core.cluster.test_node import node
from tests.support.servers.slack import APP_TOKEN, BOT_TOKEN, SlackServer

SLOW = Terms(every=0.02, valid=10.0, dead=15.0, blind=5.0)  #: nobody dies of a busy machine
SECONDS = 60.0  #: for anything, on a machine that does much else


class Process:
    """One of them: a member, and its channel."""

    def __init__(
        self, server: SlackServer, store: MemoryClusterStore, role: Role, host: str = "box"
    ) -> None:
        self.node: Node = node(store, role=role, host=host)
        self.inbox = RecordingInbox()
        self.lent = ContextUnderTest(channel_id="slack")
        values = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "api_base_url": server.url}
        self.channel = SlackChannel(
            SlackSettings.model_validate(values), replace(self.lent.context, lease=self.node)
        )

    @property
    def holds(self) -> bool:
        """Whether it has a socket."""
        return self.channel._slack is not None and self.channel._slack._holds

    async def start(self) -> None:
        await self.node.start()
        await self.channel.start(self.inbox.receive)

    async def stop(self) -> None:
        await self.channel.stop()
        await self.lent.close()
        await self.node.stop()


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as made:
        yield made


@pytest.fixture
async def processes(
    server: SlackServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sequence[Process]]:
    monkeypatch.setattr("channels.slack.sockets.TURN_SECONDS", 0.05)
    monkeypatch.setattr("tests.core.cluster.test_node.QUICK", SLOW)
    store = MemoryClusterStore()
    roles = (Role.WORKER, Role.WORKER, Role.WORKER, Role.WEB)
    async with AsyncExitStack() as stack:
        made = [Process(server, store, role) for role in roles]
        for one in made:
            await one.start()
            stack.push_async_callback(one.stop)
        yield made


async def two_hold(server: SlackServer, processes: Sequence[Process]) -> None:
    """Return once two of them have a socket each, and Slack sees as many."""
    async with asyncio.timeout(SECONDS):
        while sum(one.holds for one in processes) != 2 or len(server._sockets) != 2:
            await asyncio.sleep(0.01)


async def test_two_of_four_hear_and_each_event_is_taken_once(
    server: SlackServer, processes: Sequence[Process]
) -> None:
    await two_hold(server, processes)
    assert not processes[3].holds  # a web opens none
    assert await server.deliver(server.direct("by socket"), within=SECONDS) is not None
    taken = [m.text for one in processes for m in one.inbox.accepted]
    assert taken == ["by socket"]
    for one in processes:
        await one.channel.probe()  # who has none is well, too


async def test_another_one_follows_and_one_always_hears(
    server: SlackServer, processes: Sequence[Process]
) -> None:
    await two_hold(server, processes)
    leaving = next(one for one in processes if one.holds)
    await leaving.stop()
    event = server.direct("while it is handed over")
    assert await server.deliver(event, within=SECONDS) is not None
    await two_hold(server, [one for one in processes if one is not leaving])
    # And who is taken for dead closes its own before another one opens it.
    dead = next(one for one in processes if one.holds)
    dead.node.membership.die()
    async with asyncio.timeout(SECONDS):
        while dead.holds:
            await asyncio.sleep(0.001)
    await two_hold(server, processes)


async def test_the_two_come_to_be_on_two_machines(
    server: SlackServer, processes: Sequence[Process]
) -> None:
    await two_hold(server, processes)
    store = processes[0].node._store
    assert isinstance(store, MemoryClusterStore)
    other = Process(server, store, Role.WORKER, host="another box")
    await other.start()
    try:
        async with asyncio.timeout(SECONDS):
            while not other.holds:
                await asyncio.sleep(0.01)
        await two_hold(server, [*processes, other])
        assert sum(one.holds for one in processes) == 1
    finally:
        await other.stop()
    # It is gone: both are on the one machine that is left.
    await two_hold(server, processes)
