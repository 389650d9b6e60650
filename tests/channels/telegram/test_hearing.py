"""Telegram's webhooks are taken by the token alone, and it is asked who has them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels.telegram.webhooks import SECRET_HEADER
from core.errors import ChannelAuthFailed, ChannelNotReady
from core.sdk.channel import HttpRequest
from tests.channels.telegram.test_telegram import SECRET, Rig
from tests.support.servers.telegram import BOT_ID, BOT_NAME, TelegramServer

PUBLIC = "https://desk.example"


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as running:
        yield running


async def _push(rig: Rig, update: dict[str, Any]) -> int:
    request = HttpRequest(
        method="POST",
        path="",
        headers={SECRET_HEADER: SECRET},
        query={},
        body=json.dumps(update).encode(),
    )
    return (await rig.channel.handle_http(request)).status


async def test_the_token_says_who_we_are(server: TelegramServer) -> None:
    rig = Rig(server, public_url=PUBLIC, webhook_secret=SECRET)
    assert await rig.channel.listen(rig.inbox.receive)
    assert await _push(rig, server.message("Hello?")) == 200
    (message,) = rig.inbox.accepted
    assert message.address.account == str(BOT_ID)
    assert not server.calls, "Telegram was asked before anything was taken in"


async def test_a_group_waits_until_our_name_is_known_and_then_for_ever_is(
    server: TelegramServer,
) -> None:
    mention = server.message(f"@{BOT_NAME} hello?", chat=-5, kind="group")
    entity = {"type": "mention", "offset": 0, "length": len(BOT_NAME) + 1}
    mention["message"]["entities"] = [entity]
    rig = Rig(server, public_url=PUBLIC, webhook_secret=SECRET)
    await rig.channel.listen(rig.inbox.receive)
    with pytest.raises(ChannelNotReady):
        await _push(rig, mention)
    await rig.channel.start(rig.inbox.receive)
    assert await _push(rig, mention) == 200
    await rig.channel.stop()
    # The next start may fail: the name is kept beside.
    await rig.channel.listen(rig.inbox.receive)
    again = mention | {"update_id": 9999}
    again["message"] = {**mention["message"], "message_id": 77}
    assert await _push(rig, again) == 200
    assert len(rig.inbox.accepted) == 2
    await rig.lent.close()


async def test_who_has_our_webhook_is_named_by_host_only(server: TelegramServer) -> None:
    async with Rig(server, public_url=PUBLIC, webhook_secret=SECRET) as rig:
        await rig.channel.probe()
        server.webhook = {"url": "https://other.example/hook/SECRET"}
        with pytest.raises(ChannelNotReady, match=r"other\.example") as told:
            await rig.channel.probe()
        assert "SECRET" not in told.value.detail
        server.webhook = {}
        with pytest.raises(ChannelNotReady, match="removed"):
            await rig.channel.probe()
        server.token = "424242:another"
        with pytest.raises(ChannelAuthFailed):
            await rig.channel.probe()


async def test_where_we_ask_ourselves_a_foreign_webhook_is_seen_too(server: TelegramServer) -> None:
    async with Rig(server) as rig:
        assert not await rig.channel.listen(rig.inbox.receive)
        await rig.channel.probe()
        server.webhook = {"url": "https://other.example/hook"}
        with pytest.raises(ChannelNotReady, match=r"other\.example"):
            await rig.channel.probe()


async def test_a_server_that_says_nothing_of_webhooks_is_asked_for_us(
    server: TelegramServer,
) -> None:
    server.unsupported.add("getWebhookInfo")
    async with Rig(server, public_url=PUBLIC, webhook_secret=SECRET) as rig:
        await rig.channel.probe()
        server.token = "424242:another"
        with pytest.raises(ChannelAuthFailed):
            await rig.channel.probe()


async def test_what_telegram_cannot_bring_is_told_by_the_check(server: TelegramServer) -> None:
    async with Rig(server, public_url=PUBLIC, webhook_secret=SECRET) as rig:
        assert await rig.channel.check() == f"Connected as @{BOT_NAME} (webhook)."
        server.undelivered = "Connection refused"
        server.deliver(server.message("waits"))
        assert "1 updates wait" in await rig.channel.check()
        assert "Connection refused" in await rig.channel.check()
