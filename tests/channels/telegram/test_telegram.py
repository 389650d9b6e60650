"""The Telegram channel, through aiogram, against a local server; each rule a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from channels.telegram import previews
from channels.telegram.channel import TelegramChannel
from channels.telegram.normalize import ALLOWED_UPDATES, button
from channels.telegram.settings import TelegramSettings
from channels.telegram.webhooks import SECRET_HEADER
from config.languages import LANGUAGES
from core.domain.messages import (
    Address,
    Author,
    Button,
    Citation,
    DeliveryState,
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
    StoreUnavailable,
    WebhookRefused,
)
from core.sdk.channel import HttpRequest
from core.sdk.testing.builders import ContextUnderTest
from core.sdk.testing.fakes import RecordingInbox
from tests.support.clocks import JumpingClock
from tests.support.servers.faults import Fault
from tests.support.servers.telegram import BOT_ID, BOT_NAME, TOKEN, TelegramServer, too_many

SECRET = "a-secret_for-tests"


class Rig:
    """A channel, its vendor and its inbox."""

    def __init__(self, server: TelegramServer, *, public_url: str = "", **settings: str) -> None:
        self.server = server
        self.inbox = RecordingInbox()
        self.lent = ContextUnderTest(
            channel_id="telegram", public_url=public_url, clock=JumpingClock()
        )
        values = {"bot_token": TOKEN, "api_base_url": server.url} | settings
        self.channel = TelegramChannel(TelegramSettings.model_validate(values), self.lent.context)

    async def __aenter__(self) -> Rig:
        await self.channel.start(self.inbox.receive)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.channel.stop()
        await self.lent.close()

    async def received(self, count: int = 1) -> list[Any]:
        """The first messages, once they are there."""
        async with asyncio.timeout(5):
            while len(self.inbox.accepted) < count:
                await asyncio.sleep(0.01)
        return list(self.inbox.accepted)

    async def settled(self) -> None:
        """Once the channel has taken all that waits."""
        async with asyncio.timeout(5):
            while self.server.waiting():
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)

    async def hook(self, update: dict[str, Any], *, secret: str | None = SECRET) -> int:
        """Post an update to the webhook, as the web frame hands it over."""
        headers = {} if secret is None else {SECRET_HEADER: secret}
        request = HttpRequest(
            method="POST", path="", headers=headers, query={}, body=json.dumps(update).encode()
        )
        return (await self.channel.handle_http(request)).status


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as running:
        yield running


@pytest.fixture
async def rig(server: TelegramServer) -> AsyncIterator[Rig]:
    async with Rig(server, webhook_secret=SECRET) as running:
        yield running


def outbound(text: str, *, chat: str = "7001", thread: str = "", **more: Any) -> OutboundMessage:
    address = Address(channel="telegram", account=str(BOT_ID), chat=chat, thread=thread)
    fields: dict[str, Any] = {"author": Author.AI, "locale": "en"} | more
    return OutboundMessage(
        id="m1", conversation_id=address.conversation_id(), address=address, text=text, **fields
    )


# In.


async def test_a_private_message_arrives_by_long_polling_without_a_public_address(rig: Rig) -> None:
    rig.server.say("How long is the warranty?")
    (message,) = await rig.received()
    assert message.text == "How long is the warranty?"
    assert message.address == Address(channel="telegram", account=str(BOT_ID), chat="7001")
    assert message.sender.name == "Ada"
    assert message.sender.locale == "en"
    assert rig.server.called("deleteWebhook")
    assert rig.server.called("getUpdates")[0]["allowed_updates"] == [
        *ALLOWED_UPDATES,
    ]


async def test_with_a_public_address_and_a_secret_telegram_calls_us(server: TelegramServer) -> None:
    async with Rig(server, public_url="https://desk.example", webhook_secret=SECRET) as rig:
        (hook,) = server.called("setWebhook")
        assert hook["url"] == "https://desk.example/webhooks/telegram"
        assert hook["secret_token"] == SECRET
        assert not server.called("getUpdates")
        assert await rig.hook(server.message("Hello there")) == 200
        assert [m.text for m in rig.inbox.accepted] == ["Hello there"]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET.upper(), "ä"])
async def test_a_webhook_without_the_secret_is_refused(rig: Rig, secret: str | None) -> None:
    with pytest.raises(WebhookRefused):
        await rig.hook(rig.server.message("forged"), secret=secret)
    assert rig.inbox.calls == 0


async def test_without_a_configured_secret_every_webhook_is_refused(server: TelegramServer) -> None:
    async with Rig(server, public_url="https://desk.example") as rig:
        for secret in (None, "", "anything"):
            with pytest.raises(WebhookRefused):
                await rig.hook(server.message("open door?"), secret=secret)
        assert not server.called("setWebhook")
        server.say("But polling works")
        await rig.received()


async def test_an_address_that_telegram_does_not_take_means_polling(server: TelegramServer) -> None:
    refusal = {"ok": False, "error_code": 400, "description": "Bad Request: bad webhook: HTTPS"}
    server.script.plan("setWebhook", Fault(status=400, body=json.dumps(refusal).encode()))
    async with Rig(server, public_url="http://10.0.0.1:8080", webhook_secret=SECRET) as rig:
        server.say("Still here")
        await rig.received()


async def test_store_then_200_and_503_while_the_store_is_down(rig: Rig) -> None:
    rig.inbox.down = True
    update = rig.server.message("Keep me")
    with pytest.raises(StoreUnavailable):
        await rig.hook(update)
    rig.inbox.down = False
    assert await rig.hook(update) == 200
    assert len(rig.inbox.accepted) == 1


async def test_polling_confirms_only_what_is_stored(rig: Rig) -> None:
    rig.inbox.down = True
    rig.server.say("first")
    rig.server.say("second")
    await asyncio.sleep(0.2)
    assert rig.server.waiting() == 2
    rig.inbox.down = False
    assert [m.text for m in await rig.received(2)] == ["first", "second"]
    await rig.settled()


async def test_the_same_update_three_times_is_one_message(rig: Rig) -> None:
    update = rig.server.message("Once, please")
    for _ in range(3):
        assert await rig.hook(update) == 200
    rig.server.deliver(update)
    await rig.settled()
    assert len(rig.inbox.accepted) == 1


async def test_update_numbers_that_begin_anew_lose_nothing(rig: Rig) -> None:
    later = rig.server.message("later week")
    earlier = rig.server.message("earlier week")
    later["update_id"] = 3
    earlier["update_id"] = 3
    assert await rig.hook(earlier) == 200
    assert await rig.hook(later) == 200
    assert len(rig.inbox.accepted) == 2


async def test_polling_goes_on_where_the_numbers_begin_anew(server: TelegramServer) -> None:
    """What is confirmed is the last one: all that comes has smaller numbers than it had."""

    def confirmed() -> int:
        asked = server.called("getUpdates")
        return int(asked[-1].get("offset") or 1) - 1 if asked else 0

    async with Rig(server) as rig, asyncio.timeout(10):
        for number in (900, 5):
            update = server.message(f"number {number}")
            update["update_id"] = number
            server.deliver(update)
            while confirmed() != number:
                await asyncio.sleep(0.01)
        assert len(await rig.received(2)) == 2


async def test_two_pollers_are_told_to_the_admin(server: TelegramServer) -> None:
    async with Rig(server) as rig:
        server.conflict = True
        server.say("wake up")
        async with asyncio.timeout(5):
            while not rig.lent.failures:
                await asyncio.sleep(0.01)
        (failure,) = rig.lent.failures
        assert isinstance(failure, ChannelNotReady)
        assert "Another program" in failure.detail


async def test_one_owner_a_token_among_our_own_processes(server: TelegramServer) -> None:
    async with Rig(server) as first:
        second = Rig(server)
        second.lent.context = first.lent.context
        second.channel = TelegramChannel(
            TelegramSettings.model_validate({"bot_token": TOKEN, "api_base_url": server.url}),
            first.lent.context,
        )
        async with second:
            server.say("for one of us")
            await first.received()
            await asyncio.sleep(0.1)
            assert second.inbox.calls == 0


async def test_a_spoilt_update_does_not_hold_up_the_others(rig: Rig) -> None:
    for spoilt in (
        {"update_id": 1, "message": {"chat": {"id": "x"}, "text": 5}},
        {"update_id": 2, "message": []},
        {"update_id": 3, "callback_query": {"data": 7}},
        {"update_id": 4, "something_new": {"chat": None}},
        {"update_id": 5, "message": {"chat": {"id": 1, "type": "private"}, "photo": [1]}},
    ):
        rig.server.deliver(spoilt)
    rig.server.say("behind them")
    await rig.settled()
    assert rig.inbox.accepted[-1].text == "behind them"


async def test_a_webhook_body_that_is_no_update_is_bad_input(rig: Rig) -> None:
    for body in (b"", b"{", b"[]", b"\xff"):
        request = HttpRequest(
            method="POST", path="", headers={SECRET_HEADER: SECRET}, query={}, body=body
        )
        with pytest.raises(BadInput):
            await rig.channel.handle_http(request)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("/start", InboundKind.START, ""),
        ("/start campaign", InboundKind.START, ""),
        ("/human", InboundKind.HUMAN, ""),
        (f"/human@{BOT_NAME}", InboundKind.HUMAN, ""),
        ("/language ko", InboundKind.LANGUAGE, "ko"),
        ("/language English", InboundKind.LANGUAGE, "en"),
        ("/price list?", InboundKind.MESSAGE, ""),
    ],
)
async def test_commands_start_human_language(
    rig: Rig, text: str, kind: InboundKind, value: str
) -> None:
    await rig.hook(rig.server.message(text))
    (message,) = rig.inbox.accepted
    assert (message.kind, message.value) == (kind, value)
    assert message.text == (text if kind is InboundKind.MESSAGE else "")


async def test_language_without_a_choice_offers_one(rig: Rig) -> None:
    await rig.hook(rig.server.message("/language"))
    async with asyncio.timeout(5):
        while not rig.server.messages:
            await asyncio.sleep(0.01)
    keyboard = rig.server.messages[0].params["reply_markup"]["inline_keyboard"]
    assert [b["callback_data"] for b in keyboard[0]] == [f"language:{code}" for code in LANGUAGES]
    assert not rig.inbox.accepted


async def test_every_press_is_answered(rig: Rig) -> None:
    for data in ("human", "rating:4", "language:ko", "from an older version", ""):
        await rig.hook(rig.server.press(data))
    async with asyncio.timeout(5):
        while len(rig.server.called("answerCallbackQuery")) < 5:
            await asyncio.sleep(0.01)
    assert [(m.kind, m.value) for m in rig.inbox.accepted] == [
        (InboundKind.HUMAN, ""),
        (InboundKind.RATING, "4"),
        (InboundKind.LANGUAGE, "ko"),
    ]


async def test_in_a_group_only_when_addressed(rig: Rig) -> None:
    mention = f"@{BOT_NAME}"
    ours = {"message_id": 1, "from": {"id": BOT_ID, "is_bot": True}}
    group: dict[str, Any] = {"chat": -100200, "kind": "supergroup"}
    say = rig.server.message
    silent = [
        say("among ourselves", **group),
        say("/human@other_bot", **group),
        say("@other_bot hello", entities=[_entity("mention", 0, 10)], **group),
        say("/weather", **group),
    ]
    heard = [
        say(f"😀 {mention} when?", entities=[_entity("mention", 3, len(mention))], **group),
        say("and then?", reply_to_message=ours, **group),
        say("/human", **group),
    ]
    for update in silent + heard:
        await rig.hook(update)
    assert [(m.kind, m.text) for m in rig.inbox.accepted] == [
        (InboundKind.MESSAGE, "😀  when?"),
        (InboundKind.MESSAGE, "and then?"),
        (InboundKind.HUMAN, ""),
    ]
    assert {m.address.chat for m in rig.inbox.accepted} == {"-100200"}


def _entity(kind: str, offset: int, length: int) -> dict[str, Any]:
    return {"type": kind, "offset": offset, "length": length}


async def test_topics_and_business_connections_belong_to_the_address(rig: Rig) -> None:
    topic = {"message_thread_id": 9, "is_topic_message": True}
    await rig.hook(rig.server.message("/human", chat=-100200, kind="supergroup", **topic))
    await rig.hook(
        rig.server.message("/human", chat=-100200, kind="supergroup", message_thread_id=9)
    )
    business = rig.server.message("by business", business_connection_id="bc1")
    business["business_message"] = business.pop("message")
    await rig.hook(business)
    assert [m.address.thread for m in rig.inbox.accepted] == ["9", "", "business:bc1"]
    await rig.channel.send(outbound("in the topic", thread="9"))
    await rig.channel.send(outbound("for the business", thread="business:bc1"))
    sent = rig.server.called("sendMessage")
    assert sent[0]["message_thread_id"] == "9"
    assert sent[1]["business_connection_id"] == "bc1"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"photo": [{"file_id": "a"}, {"file_id": "b", "file_size": 30}]}, "image"),
        ({"voice": {"file_id": "a", "duration": 3, "mime_type": "audio/ogg"}}, "voice"),
        ({"audio": {"file_id": "a", "file_name": "song.mp3"}}, "audio"),
        ({"video": {"file_id": "a"}}, "video"),
        ({"document": {"file_id": "a", "file_name": "bill.pdf", "file_size": 10}}, "file"),
        ({"sticker": {"file_id": "a", "emoji": "👍"}}, "sticker"),
    ],
)
async def test_captions_voice_and_files_are_kept_as_attachments(
    rig: Rig, content: dict[str, Any], kind: str
) -> None:
    await rig.hook(rig.server.message(caption="look", **content))
    (message,) = rig.inbox.accepted
    assert message.text == "look"
    assert [a.kind for a in message.attachments] == [kind]


async def test_an_album_shares_one_group(rig: Rig) -> None:
    photo = [{"file_id": "a"}]
    for _ in range(3):
        await rig.hook(rig.server.message(photo=photo, media_group_id="album-1"))
    assert [m.group_id for m in rig.inbox.accepted] == ["album-1"] * 3


async def test_service_messages_and_bots_are_not_customers(rig: Rig) -> None:
    await rig.hook(rig.server.message(new_chat_title="x"))
    update = rig.server.message("I am a bot")
    update["message"]["from"]["is_bot"] = True
    await rig.hook(update)
    assert not rig.inbox.accepted


# Out.


async def test_an_answer_is_text_with_entities_and_numbered_sources(rig: Rig) -> None:
    citations = (Citation(id="r", title="Returns", url="https://example.org/returns"),)
    buttons = (
        Button(id="human", label="Talk to a person"),
        Button(id="rating:1", label="1"),
        Button(id="rating:2", label="2"),
        Button(id="x" * 65, label="too long"),
    )
    done = await rig.channel.send(
        outbound("**Thirty** days_of_*grace* 1.5 [1].", citations=citations, buttons=buttons)
    )
    assert done.state is DeliveryState.SENT
    (posted,) = rig.server.messages
    assert done.external_ids == (str(posted.message_id),)
    assert posted.text.startswith("Thirty days_of_grace 1.5 [1].")
    assert "parse_mode" not in posted.params
    marked = posted.params.get("entities", [])
    assert [(e["type"], e["offset"], e["length"]) for e in marked if "url" not in e][:2] == [
        ("bold", 0, 6),
        ("italic", 15, 5),
    ]
    assert [e["url"] for e in marked if e["type"] == "text_link"] == [
        "https://example.org/returns"
    ] * 2
    rows = posted.params["reply_markup"]["inline_keyboard"]
    assert [[b["callback_data"] for b in row] for row in rows] == [
        ["human"],
        ["rating:1", "rating:2"],
    ]


async def test_a_long_answer_is_split_in_order_and_whole(rig: Rig) -> None:
    text = "\n\n".join(f"Paragraph {n}: " + "word " * 60 for n in range(60))[:20_000]
    await rig.channel.send(outbound(text, buttons=(Button(id="human", label="Person"),)))
    shown = rig.server.texts()
    assert len(shown) >= 5
    assert "".join("".join(shown).split()) == "".join(text.split())
    assert ["reply_markup" in m.params for m in rig.server.messages] == [False] * (
        len(shown) - 1
    ) + [True]


async def test_what_an_agent_wrote_reaches_the_customer_unchanged(rig: Rig) -> None:
    text = "5 * 3 * 2 = 30\n  * not a list\n_really_ <b>&amp;</b>"
    await rig.channel.send(outbound(text, author=Author.AGENT))
    assert rig.server.texts() == [text]


async def test_429_carries_retry_after_and_is_obeyed(rig: Rig) -> None:
    rig.server.script.plan("sendMessage", too_many(17))
    with pytest.raises(DeliveryDeferred) as caught:
        await rig.channel.send(outbound("hello"))
    assert caught.value.retry_after == 17
    with pytest.raises(DeliveryDeferred):
        await rig.channel.send(outbound("too early"))
    assert not rig.server.messages
    assert len(rig.server.called("sendMessage")) == 1


async def test_a_partial_send_resumes_where_it_stopped(rig: Rig) -> None:
    text = "\n\n".join(f"Part {n} " + "x" * 4000 for n in range(3))
    rig.server.script.plan("sendMessage", Fault(seconds=0.001), too_many(3))
    with pytest.raises(DeliveryDeferred) as caught:
        await rig.channel.send(outbound(text))
    assert caught.value.parts_done == 1
    await rig.channel.send(outbound(text, attempt=2, skip_parts=1))
    assert [shown[:6] for shown in rig.server.texts()] == ["Part 0", "Part 1", "Part 2"]


async def test_a_break_after_sending_is_unknown(rig: Rig) -> None:
    rig.server.script.plan("sendMessage", Fault(after=True))
    with pytest.raises(DeliveryUnknown) as caught:
        await rig.channel.send(outbound("did it arrive?"))
    assert caught.value.parts_done == 0
    assert rig.server.texts() == ["did it arrive?"]


async def test_no_connection_at_all_is_certainly_not_sent(server: TelegramServer) -> None:
    async with Rig(server, public_url="https://desk.example", webhook_secret=SECRET) as rig:
        await server.__aexit__()
        with pytest.raises(DeliveryDeferred):
            await rig.channel.send(outbound("later"))


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, DeliveryDeferred), (503, DeliveryDeferred), (502, DeliveryUnknown)],
)
async def test_a_fault_of_telegram_is_told_apart(
    rig: Rig, status: int, error: type[Exception]
) -> None:
    rig.server.script.plan("sendMessage", Fault(status=status, body=b"<html>oops</html>"))
    with pytest.raises(error):
        await rig.channel.send(outbound("hello"))


async def test_a_customer_who_blocked_us_is_never_reached(rig: Rig) -> None:
    rig.server.blocked.add(7001)
    with pytest.raises(DeliveryFailed) as caught:
        await rig.channel.send(outbound("hello"))
    assert caught.value.code == "403"


async def test_a_group_upgrade_rewrites_the_chat(rig: Rig) -> None:
    rig.server.migrated[-55] = -1001234567890123
    done = await rig.channel.send(outbound("hello", chat="-55"))
    assert done.migrated_chat == "-1001234567890123"
    assert rig.server.texts(-1001234567890123) == ["hello"]


async def test_after_a_group_upgrade_the_conversation_goes_on(rig: Rig) -> None:
    old, new = -55, -1001234567890123
    begun = rig.server.message("/start", chat=old, kind="group")
    assert await rig.hook(begun) == 200
    told = rig.server.message(chat=new, kind="supergroup", migrate_from_chat_id=old)
    assert await rig.hook(told) == 200
    after = rig.server.message("/start", chat=new, kind="supergroup")
    assert await rig.hook(after) == 200
    first, second = await rig.received(2)
    assert first.address.conversation_id() == second.address.conversation_id()
    # Also after a restart, and when only our own sending showed the upgrade.
    rig.server.migrated[-77] = -10077
    await rig.channel.send(outbound("hello", chat="-77"))
    await rig.channel.stop()
    await rig.channel.start(rig.inbox.receive)
    for chat in (new, -10077):
        assert await rig.hook(rig.server.message("/start", chat=chat, kind="supergroup")) == 200
    third, fourth = (await rig.received(4))[2:]
    assert (third.address.chat, fourth.address.chat) == ("-55", "-77")


async def test_in_a_group_an_answer_replies_to_its_question(rig: Rig) -> None:
    question = rig.server.message("/start", chat=-9, kind="group")
    assert await rig.hook(question) == 200
    [asked] = await rig.received()
    await rig.channel.send(outbound("hello", chat="-9", reply_to=asked.external_id))
    [sent] = rig.server.called("sendMessage")
    replied = sent.get("reply_parameters", {}).get("message_id")
    assert replied == question["message"]["message_id"]


async def test_a_revoked_token_needs_the_admin(rig: Rig) -> None:
    rig.server.token = "424242:another"
    with pytest.raises(ChannelAuthFailed):
        await rig.channel.send(outbound("hello"))


async def test_buckets_per_chat_and_group_keep_the_pace(rig: Rig) -> None:
    clock = rig.lent.context.clock
    begun = clock.monotonic()
    for number in range(6):
        await rig.channel.send(outbound(f"message {number}"))
    assert clock.monotonic() - begun >= 3 - 0.2
    begun = clock.monotonic()
    for number in range(8):
        await rig.channel.send(outbound(f"message {number}", chat="-9"))
    assert clock.monotonic() - begun >= (8 - 3) * 3 - 0.2


async def test_all_chats_together_keep_below_thirty_a_second(rig: Rig) -> None:
    clock = rig.lent.context.clock
    begun = clock.monotonic()
    for number in range(75):
        await rig.channel.send(outbound("hello", chat=str(50_000 + number)))
    assert clock.monotonic() - begun >= (75 - 30) / 30 - 0.1


async def test_the_webhook_asks_for_what_we_read_and_nothing_else(server: TelegramServer) -> None:
    async with Rig(server, public_url="https://desk.example", webhook_secret=SECRET) as rig:
        [asked] = rig.server.called("setWebhook")
    wanted = asked["allowed_updates"]
    names = json.loads(wanted) if isinstance(wanted, str) else wanted
    assert set(names) == {
        *("message", "edited_message", "business_message", "edited_business_message"),
        *("deleted_business_messages", "callback_query", "message_reaction"),
    }
    assert asked["secret_token"] == SECRET


async def test_an_empty_message_is_never_tried(rig: Rig) -> None:
    with pytest.raises(DeliveryFailed):
        await rig.channel.send(outbound(" \n "))
    assert not rig.server.called("sendMessage")


# Typing and growing answers.


async def test_typing_is_shown_and_its_failure_is_nobodys_business(rig: Rig) -> None:
    address = outbound("x").address
    await rig.channel.typing(address)
    rig.server.unsupported.add("sendChatAction")
    await rig.channel.typing(address)
    assert rig.server.called("sendChatAction")[0]["action"] == "typing"


async def _pieces(rig: Rig, *texts: str) -> AsyncIterator[str]:
    for text in texts:
        await rig.lent.context.clock.sleep(1.2)
        yield text


async def test_an_answer_grows_as_a_draft_and_ends_as_a_message(rig: Rig) -> None:
    address = outbound("x").address
    await rig.channel.stream(address, _pieces(rig, "Thirty ", "days ", "[1]."))
    drafts = rig.server.called("sendMessageDraft")
    assert [d["text"] for d in drafts] == ["Thirty", "Thirty days", "Thirty days [1]."]
    assert len({d["draft_id"] for d in drafts}) == 1
    assert drafts[0]["draft_id"] not in ("0", 0)
    await rig.channel.send(outbound("Thirty days [1]."))
    assert rig.server.texts() == ["Thirty days [1]."]


@pytest.mark.parametrize("chat", ["7001", "-42"])
async def test_without_drafts_it_is_posted_and_edited(rig: Rig, chat: str) -> None:
    rig.server.unsupported.add("sendMessageDraft")
    message = outbound("Thirty days. And more.", chat=chat)
    await rig.channel.stream(
        message.address, _pieces(rig, "Thirty ", "days. ", "And ", "more", ".")
    )
    assert [text[:6] for text in rig.server.texts(int(chat))] == ["Thirty"]
    done = await rig.channel.send(message)
    (posted,) = rig.server.messages
    assert posted.text == "Thirty days. And more."
    assert done.external_ids == (str(posted.message_id),)


@pytest.mark.parametrize(("chat", "apart"), [("7001", 1.1), ("-42", 3.1)])
async def test_edits_keep_their_distance(rig: Rig, chat: str, apart: float) -> None:
    rig.server.unsupported.add("sendMessageDraft")
    clock = rig.lent.context.clock
    begun = clock.monotonic()
    pieces = [f"word{number} " for number in range(12)]
    address = outbound("x", chat=chat).address
    await rig.channel.stream(address, _pieces(rig, *pieces))
    shown = len(rig.server.called("editMessageText")) + len(rig.server.called("sendMessage"))
    assert shown >= 1
    assert clock.monotonic() - begun >= (shown - 1) * apart - 0.01


async def test_a_preview_is_refreshed_before_telegram_drops_it(rig: Rig) -> None:
    async def slowly() -> AsyncIterator[str]:
        yield "Thirty "
        for _ in range(100):
            if len(rig.server.called("sendMessageDraft")) >= 2:
                break
            await asyncio.sleep(0.01)
        yield "days."

    previews.REFRESH_SECONDS, kept = 0.05, previews.REFRESH_SECONDS
    try:
        assert kept < 30
        await rig.channel.stream(outbound("x").address, slowly())
    finally:
        previews.REFRESH_SECONDS = kept
    texts = [draft["text"] for draft in rig.server.called("sendMessageDraft")]
    assert texts[:2] == ["Thirty", "Thirty"]


async def test_every_button_of_ours_fits_into_64_bytes(rig: Rig) -> None:
    names = ["human", *(f"rating:{n}" for n in range(1, 6)), "language:en", "language:ko"]
    label = "I would rather speak with a person of flesh and blood, please, and right now"
    await rig.channel.send(outbound("x", buttons=[Button(id=n, label=label) for n in names]))
    [sent] = rig.server.messages
    rows = sent.params.get("reply_markup", {}).get("inline_keyboard", [])
    carried = [b["callback_data"] for row in rows for b in row]
    assert carried == names
    for name in carried:
        assert 1 <= len(name.encode()) <= 64
        assert button(name)[0] is not None


async def test_polling_removes_an_old_webhook_first(server: TelegramServer) -> None:
    server.webhook = {"url": "https://an-older-installation.example/"}
    async with Rig(server) as rig:
        rig.server.say("hello")
        assert (await rig.received())[0].text == "hello"
    assert server.called("deleteWebhook")


async def test_a_quick_answer_is_not_posted_twice(rig: Rig) -> None:
    rig.server.unsupported.add("sendMessageDraft")

    async def quick() -> AsyncIterator[str]:
        yield "Thirty "
        yield "days."

    await rig.channel.stream(outbound("x").address, quick())
    assert not rig.server.messages


async def test_a_preview_on_its_way_never_overtakes_the_answer(rig: Rig) -> None:
    rig.server.unsupported.add("sendMessageDraft")
    rig.server.script.plan("sendMessage", Fault(seconds=0.3))
    message = outbound("The whole answer.")
    preview = asyncio.create_task(rig.channel.stream(message.address, _pieces(rig, "The ", "wh")))
    while not rig.server.called("sendMessage"):
        await asyncio.sleep(0.01)
    preview.cancel()
    await rig.channel.send(message)
    await asyncio.sleep(0.4)
    assert rig.server.texts() == ["The whole answer."]


async def test_a_preview_that_has_gone_is_posted_anew(rig: Rig) -> None:
    rig.server.unsupported.add("sendMessageDraft")
    message = outbound("The whole answer.")
    await rig.channel.stream(message.address, _pieces(rig, "The ", "whole "))
    rig.server.messages.clear()
    await rig.channel.send(message)
    assert rig.server.texts() == ["The whole answer."]


# Life.


@pytest.mark.parametrize("token", ["424242:wrong", "nonsense", ""])
async def test_a_wrong_token_needs_the_admin(server: TelegramServer, token: str) -> None:
    rig = Rig(server, bot_token=token)
    with pytest.raises(ChannelAuthFailed):
        await rig.channel.start(rig.inbox.receive)
    await rig.channel.stop()
    await rig.channel.stop()


async def test_a_telegram_out_of_reach_is_tried_again_later(server: TelegramServer) -> None:
    rig = Rig(server)
    await server.__aexit__()
    with pytest.raises(ChannelNotReady):
        await rig.channel.start(rig.inbox.receive)
    await rig.channel.stop()


async def test_a_failing_optional_method_never_stops_the_channel() -> None:
    optional = {"setMyCommands", "sendChatAction", "sendMessageDraft", "deleteWebhook"}
    async with TelegramServer(unsupported=frozenset(optional)) as server, Rig(server) as rig:
        server.say("Hello?")
        await rig.received()
        await rig.channel.typing(outbound("x").address)
        await rig.channel.send(outbound("Hello!"))
        assert server.texts() == ["Hello!"]
        assert not rig.lent.failures


async def test_after_stop_nothing_runs_and_start_works_again(server: TelegramServer) -> None:
    rig = Rig(server)
    for round_number in range(2):
        async with rig:
            server.say(f"round {round_number}")
            await rig.received(round_number + 1)
            await rig.channel.stop()
            assert not rig.lent.tasks, "the channel itself ends what it has begun"
        await rig.channel.stop()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("telegram")]
    assert not rig.lent.tasks
    with pytest.raises(DeliveryDeferred):
        await rig.channel.send(outbound("too late"))


async def test_check_says_with_whom_we_are_connected(server: TelegramServer) -> None:
    assert BOT_NAME in await Rig(server).channel.check()


async def test_a_short_break_of_polling_is_survived(rig: Rig) -> None:
    rig.server.script.plan("getUpdates", Fault(), Fault(status=500, body=b"{}"), too_many(1))
    rig.server.say("a")
    await rig.received()
    rig.server.say("b")
    await rig.received(2)
    assert not rig.lent.failures
