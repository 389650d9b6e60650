"""Texts are taken by the auth token alone; what Twilio lists and never brought is fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from core.errors import ChannelAuthFailed, ChannelNotReady
from tests.channels.sms.test_sms import PUBLIC, Rig
from tests.support.servers.faults import Fault
from tests.support.servers.twilio import TwilioServer

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
async def server() -> AsyncIterator[TwilioServer]:
    async with TwilioServer() as running:
        yield running


async def test_a_text_needs_no_api(server: TwilioServer) -> None:
    rig = Rig(server)
    assert await rig.channel.listen(rig.inbox.receive)
    await server.__aexit__()
    assert (await rig.hook(server.form("Hello?"))).status == 200
    assert len(rig.inbox.accepted) == 1


async def test_what_stands_in_the_list_comes_once_in_order_with_its_media_and_time(
    server: TwilioServer,
) -> None:
    async with Rig(server) as rig:
        forms = [server.form(f"text {n}") for n in range(3)]
        for n in (2, 0, 1):
            server.arrive(forms[n], at=NOW - timedelta(minutes=10 - n))
        before = server.form("long ago")
        server.arrive(before, at=NOW - timedelta(hours=5))
        server.arrive(server.form("to another of ours", To="+15550009999"))
        with_media = server.form("look")
        server.arrive(with_media, at=NOW, media=(("ME1", "image/png"),))
        assert (await rig.hook(forms[1])).status == 200
        for _ in range(2):
            await rig.channel.fetch_missed(NOW - timedelta(hours=1))
        texts = [m.text for m in rig.inbox.accepted]
        assert texts == ["text 1", "text 0", "text 2", "look"]
        assert rig.inbox.accepted[1].sent_at == NOW - timedelta(minutes=10)
        (media,) = rig.inbox.accepted[-1].attachments
        assert media.media_type == "image/png"
        assert (await rig.hook(with_media)).status == 200
        assert len(rig.inbox.accepted) == 4


async def test_a_messaging_services_texts_are_found_by_its_sid(server: TwilioServer) -> None:
    async with Rig(server, **{"from": "MG0001"}) as rig:
        server.arrive(server.form("ours", MessagingServiceSid="MG0001"))
        server.arrive(server.form("another's", MessagingServiceSid="MG0002"))
        await rig.channel.fetch_missed(NOW - timedelta(hours=1))
        assert [m.text for m in rig.inbox.accepted] == ["ours"]


async def test_many_pages_are_read_and_a_fault_says_later(server: TwilioServer) -> None:
    async with Rig(server) as rig:
        for n in range(1203):
            server.arrive(server.form(f"{n}"), at=NOW - timedelta(seconds=1300 - n))
        server.script.plan("list", Fault(status=503, body=b"{}"))
        with pytest.raises(ChannelNotReady):
            await rig.channel.fetch_missed(NOW - timedelta(hours=1))
        await rig.channel.fetch_missed(NOW - timedelta(hours=1))
        assert [m.text for m in rig.inbox.accepted] == [str(n) for n in range(1203)]


async def test_the_probe_tells_refused_credentials_from_a_twilio_that_is_away(
    server: TwilioServer,
) -> None:
    async with Rig(server) as rig:
        await rig.channel.probe()
        token, server.auth_token = server.auth_token, "another"
        with pytest.raises(ChannelAuthFailed):
            await rig.channel.probe()
        server.auth_token = token
        await server.__aexit__()
        with pytest.raises(ChannelNotReady):
            await rig.channel.probe()


async def test_the_check_names_who_gets_our_numbers_messages(server: TwilioServer) -> None:
    async with Rig(server) as rig:
        assert "sends its messages" not in await rig.channel.check()
        server.sms_url = f"{PUBLIC}/webhooks/twilio/sms#rc=3"
        assert "sends its messages" not in await rig.channel.check()
        server.sms_url = "https://other.example/sms?token=SECRET"
        said = await rig.channel.check()
        assert "sends its messages to other.example" in said
        assert "SECRET" not in said
