"""Of many processes one polls a bot; when it is gone another one goes on, and none beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from channels.telegram.channel import TelegramChannel
from channels.telegram.settings import TelegramSettings
from core.cluster.model import MemoryClusterStore, Terms
from core.sdk.testing.builders import ContextUnderTest
from core.sdk.testing.fakes import RecordingInbox
from tests.core.cluster.test_node import node
from tests.support.servers.telegram import TOKEN, TelegramServer

SECONDS = 60.0  #: for anything, on a machine that does much else


class Strict(TelegramServer):
    """Knows how many poll at once, which Telegram itself answers with 409."""

    def __init__(self) -> None:
        super().__init__()
        self.polling = self.most = 0

    async def _on_getupdates(self, params: dict[str, Any]) -> Any:
        self.polling += 1
        self.most = max(self.most, self.polling)
        try:
            return await super()._on_getupdates({**params, "timeout": 0.2})
        finally:
            self.polling -= 1


class Process:
    """One of them: a member, and its channel, before the inbox of all."""

    def __init__(
        self, server: TelegramServer, store: MemoryClusterStore, inbox: RecordingInbox
    ) -> None:
        self.node = node(store)
        self.inbox = inbox
        self.lent = ContextUnderTest(channel_id="telegram", public_url="")
        settings = TelegramSettings.model_validate({
            "bot_token": TOKEN, "api_base_url": server.url,
        })  # fmt: skip
        self.channel = TelegramChannel(settings, replace(self.lent.context, lease=self.node))

    @property
    def polls(self) -> bool:
        """Whether it holds the bot."""
        return any(key.startswith("telegram:") for key in self.node.membership.held())

    async def start(self) -> None:
        await self.node.start()
        await self.channel.start(self.inbox.receive)

    async def stop(self) -> None:
        await self.channel.stop()
        await self.lent.close()
        await self.node.stop()


@pytest.fixture
async def server() -> AsyncIterator[Strict]:
    async with Strict() as made:
        yield made


async def test_one_polls_at_a_time_and_each_update_is_taken_once(
    server: Strict, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Terms(every=0.02, valid=10.0, dead=15.0, blind=5.0)
    monkeypatch.setattr("tests.core.cluster.test_node.QUICK", slow)
    store = MemoryClusterStore()
    # One inbox, as in the product: whoever is taken for dead between taking ten updates and saying
    # so to Telegram leaves them to the next one, and by its keys the inbox has each of them once.
    inbox = RecordingInbox()
    everybody = [Process(server, store, inbox) for _ in range(3)]
    processes = list(everybody)
    for one in processes:
        await one.start()
    try:
        for round_number in range(3):
            async with asyncio.timeout(SECONDS):
                while not any(one.polls for one in processes):
                    await asyncio.sleep(0.01)
            [holder] = [one for one in processes if one.polls]
            for number in range(10):
                server.say(f"{round_number}.{number}", chat=7000 + number)
            async with asyncio.timeout(SECONDS):
                while len(inbox.accepted) < 10 * (round_number + 1):
                    await asyncio.sleep(0.01)
            if round_number == 0:
                holder.node.membership.die()  # it was taken for dead, and finds out
            elif round_number == 1:
                await holder.stop()
                processes.remove(holder)
            async with asyncio.timeout(SECONDS):
                while holder.polls and round_number < 2:
                    await asyncio.sleep(0.01)
        taken = [m.text for m in inbox.accepted]
        assert len(set(taken)) == len(taken) == 30
        assert server.most <= 2  # a poll that is cut off may still stand at Telegram's
        assert not any(one.lent.failures for one in processes)
    finally:
        for one in processes:
            await one.stop()
