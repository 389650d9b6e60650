"""Slack's events are taken by the signing secret alone; what was missed is read again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import BadInput, ChannelAuthFailed, ChannelNotReady, WebhookRefused
from core.sdk.channel import HttpRequest
from core.slack.signatures import read_delivery
from tests.channels.slack.test_slack import DESK, DM, Rig
from tests.support.servers.slack import APP_TOKEN, TEAM, SlackServer


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        yield running


async def test_a_customers_event_needs_no_api_and_no_app(server: SlackServer) -> None:
    rig = Rig(server)
    assert await rig.channel.listen(rig.inbox.receive)
    assert (await rig.hook(server.direct("Hello?"))).status == 200
    assert (await rig.hook(server.mention("Hello?"))).status == 200
    assert (await rig.hook(server.press("customer:human"))).status == 200
    assert {m.address.account for m in rig.inbox.accepted} == {TEAM}
    assert len(rig.inbox.accepted) == 3
    assert not server.calls
    with pytest.raises(WebhookRefused):
        await rig.hook(server.direct("I am Slack"), secret="a guess")
    # What only the desk could take is not said to be taken.
    words = server.direct("> Hello", channel=DESK, channel_type="channel")
    assert (await rig.hook(words)).status == 503
    assert (await rig.hook(server.press("approve:1"))).status == 503
    challenge = {"type": "url_verification", "challenge": "abc"}
    assert (await rig.hook(challenge)).body == b"abc"
    await rig.lent.close()


async def test_while_slack_does_not_answer_our_start_nothing_is_dropped(
    server: SlackServer,
) -> None:
    """The app is there, but nobody has registered at it yet: 200 would be for nobody."""
    rig = Rig(server)
    await rig.channel.listen(rig.inbox.receive)
    server.refused["auth.test"] = "fatal_error"
    with pytest.raises(ChannelNotReady):
        await rig.channel.start(rig.inbox.receive)
    assert (await rig.hook(server.direct("Hello?"))).status == 200
    assert len(rig.inbox.accepted) == 1
    await rig.channel.stop()
    with pytest.raises(ChannelNotReady):
        await rig.hook(server.direct("Anybody?"))
    await rig.lent.close()


async def test_garbage_is_refused_before_the_app_is_there_as_well(server: SlackServer) -> None:
    rig = Rig(server)
    await rig.channel.listen(rig.inbox.receive)
    _, headers = server.signed({"challenge": 1})
    with pytest.raises(WebhookRefused):
        await rig.channel.handle_http(
            HttpRequest(method="POST", path="events", headers=headers, query={}, body=b"[")
        )
    for body in ("[]", "{", "[" * 100_000):
        with pytest.raises(BadInput):
            read_delivery(HttpRequest(method="POST", path="", headers={}, query={}, body=b""), body)
    await rig.lent.close()


async def test_a_revoked_token_and_a_socket_that_is_gone_are_told(server: SlackServer) -> None:
    async with Rig(server, app_token=APP_TOKEN) as rig:
        assert not await rig.channel.listen(rig.inbox.receive)
        await server.connected()
        await rig.channel.probe()
        server.refused["apps.connections.open"] = "fatal_error"
        await server.drop_sockets()
        await asyncio.sleep(0.2)
        with pytest.raises(ChannelNotReady, match="Socket Mode"):
            await rig.channel.probe()
        server.refused["auth.test"] = "token_revoked"
        with pytest.raises(ChannelAuthFailed, match="token_revoked"):
            await rig.channel.probe()


async def test_threads_of_direct_messages_and_of_channels_are_read_too(
    server: SlackServer,
) -> None:
    async with Rig(server) as rig:
        opening, mention = server.direct("Hello?"), server.mention("Hello?")
        for event in (opening, mention):
            server.write(event)
            await rig.hook(event)
        began = datetime.now(UTC)
        await asyncio.sleep(0.01)
        in_dm = server.direct("in its thread", thread_ts=opening["event"]["ts"])
        in_channel = server.direct(
            "in the thread", channel="C0000ALL", channel_type="channel",
            thread_ts=mention["event"]["ts"],
        )  # fmt: skip
        for event in (in_dm, in_channel):
            server.write(event)
        await rig.channel.fetch_missed(began - timedelta(seconds=5))
        texts = [m.text for m in rig.inbox.accepted]
        assert texts == ["Hello?", "Hello?", "in its thread", "in the thread"]
        assert rig.inbox.accepted[2].address.chat == DM
        for event in (in_dm, in_channel):
            assert (await rig.hook(event)).status == 200
        assert len(rig.inbox.accepted) == 4


async def test_without_the_scope_known_conversations_are_read(server: SlackServer) -> None:
    async with Rig(server) as rig:
        known = server.direct("Hello?")
        server.write(known)
        await rig.hook(known)
        server.refused["users.conversations"] = "missing_scope"
        server.write(server.direct("again"))
        server.write(server.direct("a stranger", channel="D0000BOB"))
        await rig.channel.fetch_missed(datetime.now(UTC) - timedelta(hours=1))
        assert [m.text for m in rig.inbox.accepted] == ["Hello?", "again"]
