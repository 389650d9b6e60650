"""Slack as a customer channel, through slack-bolt, against a local server; each rule a test."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from channels.slack.channel import SlackChannel
from channels.slack.settings import SlackSettings
from core.clock import SystemClock
from core.domain.messages import (
    Address,
    Author,
    Button,
    Citation,
    InboundKind,
    OutboundMessage,
)
from core.errors import (
    BadInput,
    ChannelAuthFailed,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
    WebhookRefused,
)
from core.sdk.channel import HttpRequest, HttpResponse
from core.sdk.testing.builders import ContextUnderTest
from core.sdk.testing.fakes import RecordingInbox
from core.slack.app import SlackApp
from tests.support.clocks import JumpingClock
from tests.support.servers.faults import Fault
from tests.support.servers.slack import (
    APP_TOKEN,
    BOT_TOKEN,
    BOT_USER,
    CUSTOMER,
    SIGNING_SECRET,
    TEAM,
    SlackServer,
    too_many,
)

DESK = "C0000DESK"
DM = "D0000ADA"


class Rig:
    """A channel, its vendor and its inbox."""

    def __init__(self, server: SlackServer, **settings: Any) -> None:
        self.server = server
        self.inbox = RecordingInbox()
        self.lent = ContextUnderTest(channel_id="slack", clock=JumpingClock())
        values = {
            "bot_token": BOT_TOKEN,
            "signing_secret": SIGNING_SECRET,
            "api_base_url": server.url,
            "approvals_channel": DESK,
        }
        self.channel = SlackChannel(
            SlackSettings.model_validate(values | settings), self.lent.context
        )

    async def __aenter__(self) -> Rig:
        await self.channel.start(self.inbox.receive)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.channel.stop()
        await self.lent.close()

    async def hook(
        self,
        payload: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        **signing: Any,
    ) -> HttpResponse:
        """Post to /webhooks/slack/events, as the web frame hands it over."""
        body, signed = self.server.signed(payload, **signing)
        return await self.channel.handle_http(
            HttpRequest(
                method="POST",
                path="events",
                headers=signed | dict(headers or {}),
                query={},
                body=body,
            )
        )

    @property
    def shared(self) -> SlackApp:
        """What the channel lends to the agents' desk."""
        (app,) = self.lent.shared
        assert isinstance(app, SlackApp)
        return app


@pytest.fixture
async def server() -> AsyncIterator[SlackServer]:
    async with SlackServer() as running:
        yield running


@pytest.fixture
async def rig(server: SlackServer) -> AsyncIterator[Rig]:
    async with Rig(server) as running:
        yield running


def outbound(text: str, *, chat: str = DM, thread: str = "", **more: Any) -> OutboundMessage:
    address = Address(channel="slack", account=TEAM, chat=chat, thread=thread)
    fields: dict[str, Any] = {"author": Author.AI, "id": "c.1"} | more
    return OutboundMessage(
        conversation_id=address.conversation_id(), address=address, text=text, **fields
    )


# In.


async def test_a_direct_message_over_http_is_stored(rig: Rig) -> None:
    answer = await rig.hook(rig.server.direct("How long is the warranty? :wave: &lt;b&gt;"))
    assert answer.status == 200
    (message,) = rig.inbox.accepted
    assert message.text == "How long is the warranty? 👋 <b>"
    assert message.address == Address(channel="slack", account=TEAM, chat=DM)
    assert message.sender.id == CUSTOMER


async def test_a_mention_opens_a_thread_and_stays_in_it(rig: Rig) -> None:
    first = rig.server.mention("how long is the warranty?")
    ts = first["event"]["ts"]
    await rig.hook(first)
    await rig.hook(rig.server.mention("and for batteries?", thread_ts=ts))
    assert [m.text for m in rig.inbox.accepted] == [
        "how long is the warranty?",
        "and for batteries?",
    ]
    assert {m.address.thread for m in rig.inbox.accepted} == {ts}


async def test_replies_in_a_thread_we_serve_need_no_mention(server: SlackServer, rig: Rig) -> None:
    def reply(text: str, thread: str) -> dict[str, Any]:
        return server.event(
            {
                "type": "message",
                "channel_type": "channel",
                "channel": "C0000ALL",
                "user": CUSTOMER,
                "text": text,
                "ts": server.ts(),
                "thread_ts": thread,
            }
        )

    mention = server.mention("where is my parcel?")
    thread = mention["event"]["ts"]
    assert (await rig.hook(reply("nobody asked us yet", thread))).status == 200
    assert (await rig.hook(mention)).status == 200
    assert (await rig.hook(reply("it is a red one", thread))).status == 200
    assert (await rig.hook(reply("elsewhere", "1700000000.000100"))).status == 200
    assert (
        await rig.hook(reply(f"<@{BOT_USER}> again", thread))
    ).status == 200  # its mention counts
    await rig.channel.stop()
    await rig.channel.start(rig.inbox.receive)
    assert (await rig.hook(reply("after a restart", thread))).status == 200
    heard = rig.inbox.accepted
    assert [m.text for m in heard] == ["where is my parcel?", "it is a red one", "after a restart"]
    assert len({m.address.conversation_id() for m in heard}) == 1


async def test_a_mention_and_its_channel_message_are_one(rig: Rig) -> None:
    mention = rig.server.mention("hello")
    twin = rig.server.event(mention["event"] | {"type": "message", "channel_type": "channel"})
    await rig.hook(mention)
    assert (await rig.hook(twin)).status == 200
    assert len(rig.inbox.accepted) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"bot_id": "B1"},
        {"subtype": "message_changed"},
        {"subtype": "channel_join"},
        {"user": "U0000BOT"},
        {"channel": DESK},
        {"channel_type": "channel"},
        {"channel": None},
    ],
)
async def test_what_is_not_a_customers_word_is_acknowledged_and_left(
    rig: Rig, change: dict[str, Any]
) -> None:
    delivery = rig.server.direct("hello")
    delivery["event"] |= change
    assert (await rig.hook(delivery)).status == 200
    assert rig.inbox.calls == 0


async def test_the_agents_desk_is_never_talked_in(rig: Rig) -> None:
    await rig.hook(rig.server.mention("what do you think?", channel=DESK))
    assert rig.inbox.calls == 0
    with pytest.raises(DeliveryFailed):
        await rig.channel.send(outbound("hello", chat=DESK))
    assert not rig.server.messages


async def test_events_are_unique_on_event_id_whatever_the_retry_header_says(rig: Rig) -> None:
    delivery = rig.server.direct("once")
    await rig.hook(delivery)
    await rig.hook(delivery, headers={"x-slack-retry-num": "1"})
    await rig.hook(delivery, headers={"x-slack-retry-num": "2"})
    assert len(rig.inbox.accepted) == 1


async def test_by_socket_too_a_repeat_in_a_new_envelope_is_one_message(server: SlackServer) -> None:
    async with Rig(server, app_token=APP_TOKEN) as rig:
        await server.connected()
        delivery = server.direct("once")
        for _ in range(3):
            assert await server.deliver(delivery) is not None
        assert len(rig.inbox.accepted) == 1


async def test_a_signature_is_over_time_and_body_and_fails_closed(rig: Rig) -> None:
    delivery = rig.server.direct("forged")
    with pytest.raises(WebhookRefused):
        await rig.hook(delivery, secret="wrong")
    with pytest.raises(WebhookRefused):
        await rig.hook(delivery, at=time.time() - 301)
    for name in ("x-slack-signature", "x-slack-request-timestamp"):
        for value in ("", "v0=00", "ä"):
            with pytest.raises(WebhookRefused):
                await rig.hook(delivery, headers={name: value})
    ssl_check = {"command": "/x", "ssl_check": "1", "token": "unused"}
    with pytest.raises(WebhookRefused):
        await rig.hook(ssl_check, secret="wrong")
    assert rig.inbox.calls == 0


async def test_without_a_signing_secret_http_is_refused(server: SlackServer) -> None:
    async with Rig(server, signing_secret="", app_token=APP_TOKEN) as rig:
        for secret in ("", "unused", SIGNING_SECRET):
            with pytest.raises(WebhookRefused):
                await rig.hook(server.direct("forged"), secret=secret)


async def test_slacks_address_check_is_answered(rig: Rig) -> None:
    answer = await rig.hook({"type": "url_verification", "challenge": "abc", "token": "x"})
    assert answer.status == 200
    assert b"abc" in answer.body


async def test_when_the_store_is_down_slack_is_not_acknowledged(rig: Rig) -> None:
    rig.inbox.down = True
    delivery = rig.server.direct("keep me")
    assert (await rig.hook(delivery)).status == 503
    rig.inbox.down = False
    assert (await rig.hook(delivery)).status == 200
    assert len(rig.inbox.accepted) == 1


async def test_buttons_come_back_as_what_they_mean(rig: Rig) -> None:
    for action in ("customer:human", "customer:rating:5", "customer:language:ko", "customer:old"):
        assert (await rig.hook(rig.server.press(action))).status == 200
    assert [(m.kind, m.value) for m in rig.inbox.accepted] == [
        (InboundKind.HUMAN, ""),
        (InboundKind.RATING, "5"),
        (InboundKind.LANGUAGE, "ko"),
    ]


async def test_files_are_kept_as_attachments(rig: Rig) -> None:
    file = {
        "name": "bill.pdf",
        "mimetype": "application/pdf",
        "size": 7,
        "permalink": "https://s/1",
    }
    await rig.hook(rig.server.direct("", subtype="file_share", files=[file]))
    (attachment,) = rig.inbox.accepted[0].attachments
    assert (attachment.kind, attachment.name, attachment.size) == ("file", "bill.pdf", 7)


async def test_slacks_notation_is_read_as_people_do(rig: Rig) -> None:
    text = (
        "see <https://a.test|the page>, <https://b.test>, <#C1|general>, <!here>, <mailto:a@b|a@b>"
    )
    await rig.hook(rig.server.direct(text))
    assert rig.inbox.accepted[0].text == (
        "see the page (https://a.test), https://b.test, #general, @here, a@b"
    )


# One app for the customers and the desk.


async def test_the_desk_shares_the_app(rig: Rig) -> None:
    pressed: list[str] = []

    async def approve(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        pressed.append(body["actions"][0]["action_id"])

    rig.shared.on_action(re.compile("approve"), approve)
    assert (await rig.hook(rig.server.press("approve", channel=DESK))).status == 200
    await asyncio.sleep(0.05)
    assert pressed == ["approve"]
    assert rig.inbox.calls == 0


async def test_the_app_can_carry_the_desk_alone(server: SlackServer) -> None:
    async with Rig(server, customers=False) as rig:
        assert (await rig.hook(server.direct("hello"))).status == 200
        assert rig.inbox.calls == 0


# Socket Mode.


async def test_with_an_app_token_everything_comes_by_socket_mode(server: SlackServer) -> None:
    async with Rig(server, app_token=APP_TOKEN, signing_secret="") as rig:
        await server.connected()
        delivery = server.direct("by socket")
        for _ in range(3):
            assert await server.deliver(delivery) is not None
        assert [m.text for m in rig.inbox.accepted] == ["by socket"]
        assert await server.deliver(server.press("customer:human")) is not None
        assert rig.inbox.accepted[-1].kind is InboundKind.HUMAN


async def test_by_socket_too_nothing_is_acknowledged_before_it_is_stored(
    server: SlackServer,
) -> None:
    async with Rig(server, app_token=APP_TOKEN) as rig:
        await server.connected()
        rig.inbox.down = True
        delivery = server.direct("keep me")
        assert await server.deliver(delivery, within=0.3) is None
        rig.inbox.down = False
        assert await server.deliver(delivery) is not None
        assert len(rig.inbox.accepted) == 1


async def test_a_closed_socket_is_opened_again(server: SlackServer) -> None:
    async with Rig(server, app_token=APP_TOKEN) as rig:
        await server.connected()
        await server.drop_sockets()
        await server.connected()
        assert await server.deliver(server.direct("after the break")) is not None
        assert len(rig.inbox.accepted) == 1


async def test_a_wrong_app_token_needs_the_admin(server: SlackServer) -> None:
    rig = Rig(server, app_token="xapp-wrong")
    with pytest.raises(ChannelAuthFailed):
        await rig.channel.start(rig.inbox.receive)
    await rig.channel.stop()
    await rig.channel.stop()


# Out.


async def test_an_answer_is_rich_text_with_its_sources_and_our_id(rig: Rig) -> None:
    citations = (Citation(id="r", title="Returns", url="https://example.org/returns"),)
    message = outbound(
        "**Thirty** days *only* & <now> [1].",
        thread="1.2",
        citations=citations,
        buttons=(Button(id="human", label="Talk to a person"),),
    )
    done = await rig.channel.send(message)
    (posted,) = rig.server.messages
    assert done.external_ids == (posted.ts,)
    assert posted.thread_ts == "1.2"
    assert posted.text.startswith("Thirty days only &amp; &lt;now&gt; [1].")
    assert posted.metadata == {
        "event_type": "contact_center_message",
        "event_payload": {"id": "c.1", "part": 0},
    }
    shown = str(posted.blocks)
    assert "'url': 'https://example.org/returns'" in shown
    assert "'action_id': 'customer:human'" in shown


async def test_20000_characters_arrive_in_order_within_the_limits(rig: Rig) -> None:
    text = " ".join(f"Sentence {n}." for n in range(2000))[:20_000]
    await rig.channel.send(outbound(text, author=Author.AGENT))
    texts = rig.server.texts(DM)
    assert all(len(part) <= 3000 for part in texts)
    assert "".join("".join(texts).split()) == "".join(text.split())
    assert [m.metadata["event_payload"]["part"] for m in rig.server.messages if m.metadata] == list(
        range(len(texts))
    )


async def test_429_is_obeyed_and_the_rest_is_sent_later(rig: Rig) -> None:
    text = " ".join(f"Sentence {n}." for n in range(600))
    rig.server.script.plan("chat.postMessage", Fault(seconds=0.001), too_many(30))
    with pytest.raises(DeliveryDeferred) as caught:
        await rig.channel.send(outbound(text))
    assert (caught.value.retry_after, caught.value.parts_done) == (30, 1)
    with pytest.raises(DeliveryDeferred):
        await rig.channel.send(outbound(text, skip_parts=1))
    await rig.lent.context.clock.sleep(30)
    await rig.channel.send(outbound(text, skip_parts=1))
    texts = rig.server.texts(DM)
    assert "".join("".join(texts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(after=True), DeliveryUnknown),
        (Fault(status=500, body=b"oops"), DeliveryUnknown),
        (Fault(status=200, body=b"<html>", headers={"Content-Type": "text/html"}), DeliveryUnknown),
    ],
)
async def test_doubt_is_called_doubt(rig: Rig, fault: Fault, error: type[Exception]) -> None:
    rig.server.script.plan("chat.postMessage", fault)
    with pytest.raises(error):
        await rig.channel.send(outbound("hello"))


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("channel_not_found", DeliveryFailed),
        ("is_archived", DeliveryFailed),
        ("token_revoked", ChannelAuthFailed),
        ("ratelimited", DeliveryDeferred),
        ("internal_error", DeliveryUnknown),
    ],
)
async def test_slacks_errors_are_told_apart(rig: Rig, code: str, error: type[Exception]) -> None:
    rig.server.refused["chat.postMessage"] = code
    with pytest.raises(error):
        await rig.channel.send(outbound("hello"))


async def test_no_second_try_behind_our_back(rig: Rig) -> None:
    rig.server.script.plan("chat.postMessage", Fault(after=True))
    with pytest.raises(DeliveryUnknown):
        await rig.channel.send(outbound("hello"))
    assert len(rig.server.messages) == 1


@pytest.mark.parametrize("thread", ["", "1700000000.000100"])
async def test_after_an_unknown_outcome_the_thread_is_read_and_matched(
    rig: Rig, thread: str
) -> None:
    queued = SystemClock().now()
    await rig.channel.send(outbound("equal words", thread=thread, id="c.1", queued_at=queued))
    message = outbound("equal words", thread=thread, id="c.5", queued_at=queued)
    assert await rig.channel.find(message) is None
    rig.server.script.plan("chat.postMessage", Fault(after=True))
    with pytest.raises(DeliveryUnknown):
        await rig.channel.send(message)
    found = await rig.channel.find(message)
    assert found is not None
    assert found.external_ids == (rig.server.messages[-1].ts,)
    assert len(rig.server.messages) == 2


async def test_of_a_split_message_only_the_missing_parts_are_sent(rig: Rig) -> None:
    text = " ".join(f"Sentence {n}." for n in range(900))
    message = outbound(text, queued_at=SystemClock().now())
    rig.server.script.plan("chat.postMessage", Fault(seconds=0.001), Fault(after=True))
    with pytest.raises(DeliveryUnknown) as caught:
        await rig.channel.send(message)
    again = replace(message, attempt=2, skip_parts=caught.value.parts_done)
    assert await rig.channel.find(again) is None
    await rig.channel.send(again)
    parts = [m.metadata["event_payload"]["part"] for m in rig.server.messages if m.metadata]
    assert parts == list(range(len(parts)))
    assert len(parts) > 2


async def test_where_the_thread_may_not_be_read_twice_is_better_than_never(rig: Rig) -> None:
    rig.server.refused["conversations.history"] = "missing_scope"
    assert await rig.channel.find(outbound("hello")) is None
    rig.server.refused["conversations.history"] = "ratelimited"
    with pytest.raises(ChannelNotReady):
        await rig.channel.find(outbound("hello"))


# Life.


async def test_a_wrong_token_needs_the_admin(server: SlackServer) -> None:
    rig = Rig(server, bot_token="xoxb-wrong")
    with pytest.raises(ChannelAuthFailed):
        await rig.channel.start(rig.inbox.receive)
    await rig.channel.stop()


async def test_a_slack_out_of_reach_is_tried_again_later(server: SlackServer) -> None:
    rig = Rig(server)
    await server.__aexit__()
    with pytest.raises(ChannelNotReady):
        await rig.channel.start(rig.inbox.receive)
    await rig.channel.stop()


async def test_after_stop_no_task_is_left(server: SlackServer) -> None:
    def sdk_tasks() -> list[str]:
        names = [str(getattr(task.get_coro(), "__qualname__", "")) for task in asyncio.all_tasks()]
        return [name for name in names if "SocketMode" in name or "Slack" in name]

    for _ in range(2):
        async with Rig(server, app_token=APP_TOKEN) as rig:
            await server.connected()
            assert await server.deliver(server.direct("hello")) is not None
            await rig.channel.stop()
            await rig.channel.stop()
    assert [name for name in sdk_tasks() if "Server" not in name] == []


async def test_check_names_the_workspace(server: SlackServer) -> None:
    assert "Local workspace" in await Rig(server).channel.check()


@pytest.mark.parametrize("body", [b"", b"garbage", b"[]", b"payload=x", b"{}", b'{"type":"new"}'])
async def test_what_is_signed_but_means_nothing_is_refused_and_not_asked_for_again(
    rig: Rig, body: bytes
) -> None:
    kind = "application/x-www-form-urlencoded" if b"=" in body else "application/json"
    timestamp = str(int(time.time()))
    signature = hmac.new(
        SIGNING_SECRET.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256
    ).hexdigest()
    headers = {
        "content-type": kind,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": f"v0={signature}",
    }
    with pytest.raises(BadInput):
        await rig.channel.handle_http(
            HttpRequest(method="POST", path="events", headers=headers, query={}, body=body)
        )
    assert rig.inbox.calls == 0


async def test_the_customer_sees_in_slacks_own_way_that_an_answer_is_written(
    server: SlackServer,
) -> None:
    async with Rig(server) as rig:
        direct = server.direct("How do I reset it?")
        mention = server.mention("How do I reset it?")
        for event in (direct, mention):
            assert (await rig.hook(event)).status == 200
        under = (DM, direct["event"]["ts"]), ("C0000ALL", mention["event"]["ts"])
        addresses = [message.address for message in rig.inbox.accepted]
        for _ in range(3):  # the core says it every four seconds; Slack keeps it for two minutes
            for address in addresses:
                await rig.channel.typing(address)
        assert {place: "writing" in status for place, status in server.statuses.items()} == (
            dict.fromkeys(under, True)
        )
        assert len(server.called("assistant.threads.setStatus")) == 2
        for number, address in enumerate(addresses):
            await rig.channel.send(
                outbound(f"Press Reset {number}.", chat=address.chat, thread=address.thread)
            )
        assert not any(server.statuses.values())


async def test_a_workspace_without_such_a_status_is_not_asked_again(server: SlackServer) -> None:
    server.refused["assistant.threads.setStatus"] = "missing_scope"
    async with Rig(server) as rig:
        for number in range(3):
            assert (await rig.hook(server.direct("Hello", channel=f"D{number}"))).status == 200
            await rig.channel.typing(rig.inbox.accepted[-1].address)
        assert len(server.called("assistant.threads.setStatus")) == 1
