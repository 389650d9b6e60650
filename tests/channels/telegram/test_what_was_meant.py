"""Every kind of Telegram message is heard as what it means, by whoever wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from channels.telegram.normalize import Bot, deletions, to_inbound
from core.domain.messages import (
    KNOWN,
    InboundKind,
    InboundMessage,
    OutboundFile,
    Pointing,
    SenderKind,
)
from core.errors import DeliveryDeferred, DeliveryFailed
from tests.channels.telegram.test_telegram import Rig, outbound, rig, server
from tests.support.servers.faults import Fault
from tests.support.servers.telegram import BOT_ID, BOT_NAME, TelegramServer

__all__ = ["rig", "server"]

BOT = Bot(id=BOT_ID, username=BOT_NAME)
DESK = TelegramServer()
GROUP: dict[str, Any] = {"chat": -100200, "kind": "supergroup"}
ADA = {"id": 7001, "is_bot": False, "first_name": "Ada"}


def heard(update: dict[str, Any]) -> InboundMessage:
    message = to_inbound(update, BOT)
    assert message is not None, "it was not heard"
    return message


def renamed(update: dict[str, Any], kind: str) -> dict[str, Any]:
    return {"update_id": update["update_id"], kind: update["message"]}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("dice", {"emoji": "🎲", "value": 4}),
        ("game", {"title": "Chess"}),
        ("story", {"chat": {"id": 7001}, "id": 3}),
        ("checklist", {"title": "Shopping", "tasks": [{"id": 1, "text": "milk"}]}),
        ("paid_media", {"star_count": 5, "paid_media": []}),
        ("invoice", {"title": "A bill"}),
        ("giveaway", {"winner_count": 1}),
        ("a_kind_of_2031", {"deep": [1, None]}),
    ],
)
def test_a_kind_without_words_is_said_to_be_unreadable(kind: str, content: Any) -> None:
    message = heard(DESK.message(**{kind: content}))
    assert (message.kind, message.value) == (InboundKind.UNREADABLE, kind)


def test_a_message_that_arrives_empty_is_unreadable_too() -> None:
    assert heard(DESK.message()).kind is InboundKind.UNREADABLE


def test_with_a_caption_it_is_a_message_with_something_beside() -> None:
    message = heard(DESK.message(caption="What is this?", paid_media={"star_count": 5}))
    assert (message.kind, message.text) == (InboundKind.MESSAGE, "What is this?")
    assert [a.kind for a in message.attachments] == ["paid_media"]


def test_a_field_beside_a_text_that_is_newer_than_we_are_is_no_content_of_it() -> None:
    message = heard(DESK.message("Where is it?", field_of_2031={"deep": 1}, number_of_2031=5))
    assert (message.kind, message.text, message.attachments) == (
        InboundKind.MESSAGE, "Where is it?", ()
    )  # fmt: skip


def linked(kind: str, said: str, at: str, url: str) -> dict[str, Any]:
    before = said[: said.index(at)].encode("utf-16-le")
    entity = {"type": "text_link", "offset": len(before) // 2, "length": len(at), "url": url}
    return {kind: said, "entities" if kind == "text" else "caption_entities": [entity]}


@pytest.mark.parametrize("kind", ["text", "caption"])
def test_a_link_under_words_is_written_out(kind: str) -> None:
    more = linked(kind, "👍🏽 Is this one in stock?", "this one", "https://shop.example/p/1")
    assert heard(DESK.message(**more)).text == (
        "👍🏽 Is this one (https://shop.example/p/1) in stock?"
    )
    [quoted] = heard(DESK.message("And?", reply_to_message={"from": ADA} | more)).quotes
    assert "https://shop.example/p/1" in quoted.text


@pytest.mark.parametrize("url", ["https://shop.example/", "tg://user?id=5"])
def test_a_link_that_says_nothing_new_is_not_written_out(url: str) -> None:
    said = "See https://shop.example now"
    more = linked("text", said, "https://shop.example", url)
    assert heard(DESK.message(**more)).text == said


def test_a_link_before_our_name_leaves_the_name_out_all_the_same() -> None:
    said = f"See this, @{BOT_NAME}, is it good?"
    more = linked("text", said, "this", "https://shop.example/p/1")
    named = {"type": "mention", "offset": said.index("@"), "length": len(BOT_NAME) + 1}
    more["entities"].append(named)
    assert heard(DESK.message(**GROUP, **more)).text == (
        "See this (https://shop.example/p/1), , is it good?"
    )


def test_our_name_alone_calls_us() -> None:
    said = f"@{BOT_NAME}"
    entity = {"type": "mention", "offset": 0, "length": len(said)}
    called = DESK.message(said, entities=[entity], **GROUP)
    assert heard(called).kind is InboundKind.START
    pointing: dict[str, Any] = {"reply_to_message": {"from": ADA, "text": "Is it open on Sunday?"}}
    asked = heard(DESK.message(said, entities=[entity], **GROUP, **pointing))
    assert (asked.kind, asked.quotes[0].text) == (InboundKind.MESSAGE, "Is it open on Sunday?")


def test_words_after_the_call_for_a_person_are_kept() -> None:
    message = heard(DESK.message("/human my order is lost"))
    assert (message.kind, message.text) == (InboundKind.HUMAN, "my order is lost")
    changed = heard(renamed(DESK.message("/human"), "edited_message"))
    assert (changed.kind, changed.text) == (InboundKind.HUMAN, "")


@pytest.mark.parametrize("named", [0, 2])
async def test_all_pictures_of_a_groups_album_come_with_the_one_that_names_us(
    rig: Rig, named: int
) -> None:
    caption = f"@{BOT_NAME} which of these?"
    mention = [{"type": "mention", "offset": 0, "length": len(BOT_NAME) + 1}]
    said: dict[str, Any] = {"caption": caption, "caption_entities": mention}
    for number in range(3):
        more = said if number == named else {}
        photo = [{"file_id": f"p{number}"}]
        update = rig.server.message(photo=photo, media_group_id="9", **GROUP, **more)
        assert await rig.hook(update) == 200
    others = rig.server.message(photo=[{"file_id": "p"}], media_group_id="10", **GROUP)
    assert await rig.hook(others) == 200
    assert [m.attachments[0].ref for m in rig.inbox.accepted] == ["p0", "p1", "p2"]
    assert {m.group_id for m in rig.inbox.accepted} == {"9"}
    assert [m.text for m in rig.inbox.accepted if m.text] == ["which of these?"]


@pytest.mark.parametrize(
    "content",
    [
        {"pinned_message": {}},
        {"new_chat_members": [ADA]},
        {"forum_topic_created": {"name": "x"}},
        {"message_auto_delete_timer_changed": {}},
        {"video_chat_started": {}},
        {"gift": {}},
    ],
)
def test_what_telegram_itself_tells_is_nobodys_word(content: dict[str, Any]) -> None:
    assert to_inbound(DESK.message(**content), BOT) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"location": {"latitude": 37.5, "longitude": 127.0}}, ["37.5", "127.0"]),
        (
            {
                "venue": {
                    "location": {"latitude": 37.5, "longitude": 127.0},
                    "title": "Cafe",
                    "address": "1 Main St",
                },
                "location": {"latitude": 37.5, "longitude": 127.0},
            },
            ["37.5", "Cafe", "1 Main St"],
        ),
        ({"contact": {"phone_number": "+8210", "first_name": "Kim"}}, ["+8210", "Kim"]),
        (
            {"poll": {"question": "Which one?", "options": [{"text": "red"}, {"text": "blue"}]}},
            ["Which one?", "red", "blue"],
        ),
    ],
)
def test_places_contacts_and_polls_arrive_as_text(
    content: dict[str, Any], words: list[str]
) -> None:
    message = heard(DESK.message(**content))
    assert message.kind is InboundKind.MESSAGE
    assert [word for word in words if word not in message.text] == []
    assert message.text.count("📍") <= 1


@pytest.mark.parametrize("kind", ["edited_message", "edited_business_message"])
def test_an_edit_names_its_message(kind: str) -> None:
    first = DESK.message("How log?")
    message = heard(first)
    changed = {"update_id": 99, kind: first["message"] | {"text": "How long?", "edit_date": 1}}
    edit = heard(changed)
    assert (edit.kind, edit.text, edit.about) == (InboundKind.EDIT, "How long?", message.named)
    assert edit.key() != message.key()


def test_a_live_location_that_moves_is_no_edit() -> None:
    live: dict[str, Any] = {"location": {"latitude": 1, "longitude": 2, "live_period": 60}}
    assert to_inbound(renamed(DESK.message(**live), "edited_message"), BOT) is None


def test_in_a_group_an_edit_that_is_not_for_us_counts_only_where_we_know_the_message() -> None:
    edit = heard(renamed(DESK.message("Never mind", **GROUP), "edited_message"))
    assert (edit.kind, edit.value) == (InboundKind.EDIT, "known")
    now = f"@{BOT_NAME} how long?"
    mention = [{"type": "mention", "offset": 0, "length": len(BOT_NAME) + 1}]
    edit = heard(renamed(DESK.message(now, entities=mention, **GROUP), "edited_message"))
    assert (edit.value, edit.text) == ("", "how long?")


def test_each_deleted_message_is_named() -> None:
    gone = {
        "business_connection_id": "bc1",
        "chat": {"id": 7001, "type": "private", "first_name": "Ada"},
        "message_ids": [4, 5],
    }
    found = deletions({"update_id": 1, "deleted_business_messages": gone}, BOT)
    assert [(m.kind, m.about) for m in found] == [
        (InboundKind.DELETION, "4"),
        (InboundKind.DELETION, "5"),
    ]
    assert found[0].address.thread == "business:bc1"
    assert len({m.key() for m in found}) == 2
    assert {m.value for m in found} == {KNOWN}, "a chat that is cleared: read long ago"
    [alone] = deletions(
        {"update_id": 1, "deleted_business_messages": gone | {"message_ids": [4]}}, BOT
    )
    assert alone.value == ""


@pytest.mark.parametrize(
    ("before", "now", "kind", "sign"),
    [
        ([], ["👍"], InboundKind.REACTION, "👍"),
        (["👍"], [], InboundKind.REACTION_REMOVED, "👍"),
        (["👍"], ["👍", "❤"], InboundKind.REACTION, "❤"),
        (["👍"], ["🔥"], InboundKind.REACTION, "🔥"),
    ],
)
def test_a_reaction_is_a_reaction(
    before: list[str], now: list[str], kind: InboundKind, sign: str
) -> None:
    def signs(emoji: list[str]) -> list[dict[str, str]]:
        return [{"type": "emoji", "emoji": one} for one in emoji]

    about = {
        "chat": {"id": 7001, "type": "private"},
        "message_id": 12,
        "user": ADA,
        "date": 1_790_000_000,
        "old_reaction": signs(before),
        "new_reaction": signs(now),
    }
    message = heard({"update_id": 1, "message_reaction": about})
    assert (message.kind, message.value, message.about) == (kind, sign, "12")
    assert (message.text, message.sender.name) == ("", "Ada")


@pytest.mark.parametrize(
    ("origin", "author"),
    [
        ({"type": "user", "sender_user": {"id": 5, "first_name": "Bob"}}, "Bob"),
        ({"type": "hidden_user", "sender_user_name": "Bob"}, "Bob"),
        ({"type": "chat", "sender_chat": {"id": -5, "title": "Club"}}, "Club"),
        ({"type": "channel", "chat": {"id": -5, "title": "News"}}, "News"),
    ],
)
def test_forwarded_words_are_kept_and_are_no_command(origin: dict[str, Any], author: str) -> None:
    message = heard(DESK.message("/human error E04", forward_origin=origin))
    assert (message.kind, message.text) == (InboundKind.MESSAGE, "")
    [quoted] = message.quotes
    assert (quoted.text, quoted.kind, quoted.author) == (
        "/human error E04",
        Pointing.FORWARDED,
        author,
    )


@pytest.mark.parametrize(
    ("pointing", "words"),
    [
        ({"reply_to_message": {"message_id": 1, "from": ADA, "text": "30 days."}}, "30 days."),
        ({"reply_to_message": {"message_id": 1, "from": ADA, "caption": "The bill"}}, "The bill"),
        (
            {
                "reply_to_message": {"message_id": 1, "from": ADA, "text": "Free. 30 days."},
                "quote": {"text": "30 days.", "position": 6},
            },
            "30 days.",
        ),
        (
            {
                "external_reply": {"origin": {"type": "hidden_user", "sender_user_name": "Ada"}},
                "quote": {"text": "30 days.", "position": 6},
            },
            "30 days.",
        ),
    ],
)
def test_words_that_are_replied_to_are_kept(pointing: dict[str, Any], words: str) -> None:
    message = heard(DESK.message("For sale items too?", **pointing))
    [quoted] = message.quotes
    assert (quoted.text, quoted.kind, quoted.author) == (words, Pointing.REPLY, "Ada")
    assert message.text == "For sale items too?"


def test_who_writes_in_a_group_is_told_apart() -> None:
    def asked(**more: Any) -> InboundMessage | None:
        return to_inbound(DESK.message("/human", **GROUP, **more), BOT)

    helper = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
    person = asked()
    admin = asked(
        sender_chat={"id": -100200, "type": "supergroup", "title": "A group"},
        **{"from": helper},
    )
    channel = asked(
        sender_chat={"id": -100300, "type": "channel", "title": "News"}, **{"from": helper}
    )
    assert person is not None and person.sender.name == "Ada"  # noqa: PT018
    assert admin is not None and admin.sender.kind is SenderKind.ANONYMOUS_ADMIN  # noqa: PT018
    assert channel is not None
    assert (channel.sender.name, channel.sender.kind) == ("News", SenderKind.CHANNEL)
    assert asked(**{"from": {"id": 5, "is_bot": True, "first_name": "Other"}}) is None
    assert asked(is_automatic_forward=True, sender_chat={"id": -100300, "title": "News"}) is None


def test_what_a_person_sends_through_a_bot_is_theirs() -> None:
    bot = {"id": 5, "is_bot": True, "first_name": "gif"}
    assert heard(DESK.message("See this", via_bot=bot)).sender.name == "Ada"


def test_a_topic_of_a_private_chat_is_a_place() -> None:
    plain = heard(DESK.message("One"))
    placed = heard(DESK.message("Two", message_thread_id=9, is_topic_message=True))
    assert placed.address == plain.address
    assert (plain.place, placed.place) == ("", "9")


def test_the_owners_own_words_on_a_business_chat_are_ours() -> None:
    owner = {"id": 42, "is_bot": False, "first_name": "Grace"}
    more: dict[str, Any] = {"business_connection_id": "bc1", "from": owner}
    ours = heard(renamed(DESK.message("I will call.", **more), "business_message"))
    assert (ours.kind, ours.sender.name, ours.value) == (InboundKind.OURS, "Grace", "")
    assert ours.customer is not None
    assert ours.customer.id == "7001"
    away = DESK.message("We are away.", is_from_offline=True, **more)
    assert heard(renamed(away, "business_message")).value == "automatic"
    changed = heard(renamed(DESK.message("I will write.", **more), "edited_business_message"))
    assert (changed.kind, changed.value) == (InboundKind.EDIT, "ours")
    echo = DESK.message("By us", sender_business_bot={"id": BOT_ID, "is_bot": True}, **more)
    assert to_inbound(renamed(echo, "business_message"), BOT) is None


# Out.


@pytest.mark.parametrize("refusal", ["message thread not found", "TOPIC_CLOSED", "TOPIC_DELETED"])
async def test_a_closed_topic_gets_its_answer_once_without_the_place(
    rig: Rig, refusal: str
) -> None:
    rig.server.script.plan("sendMessage", refused(refusal))
    await rig.channel.send(outbound("The answer", chat="-100200", thread="9"))
    first, second = rig.server.called("sendMessage")
    assert (first.get("message_thread_id"), second.get("message_thread_id")) == ("9", None)


@pytest.mark.parametrize("refusal", ["can't parse entities: odd", "BUTTON_DATA_INVALID"])
async def test_what_telegram_cannot_show_is_sent_once_more_and_plainer(
    rig: Rig, refusal: str
) -> None:
    rig.server.script.plan("sendMessage", refused(refusal))
    await rig.channel.send(outbound("**The** answer"))
    first, second = rig.server.called("sendMessage")
    assert first.get("entities")
    assert not second.get("entities")
    assert second["text"] == "The answer"


@pytest.mark.parametrize(
    ("description", "after"),
    [("Too Many Requests: retry later", None), ("FLOOD_WAIT_7", 7.0), ("SLOWMODE_WAIT_9", 9.0)],
)
async def test_haste_without_a_number_of_seconds_is_no_refusal(
    rig: Rig, description: str, after: float | None
) -> None:
    body = f'{{"ok": false, "error_code": 429, "description": "{description}"}}'
    headers = {"Content-Type": "application/json"}
    rig.server.script.plan("sendMessage", Fault(status=429, body=body.encode(), headers=headers))
    with pytest.raises(DeliveryDeferred) as deferred:
        await rig.channel.send(outbound("The answer"))
    assert deferred.value.retry_after == after


async def test_what_is_too_large_for_telegram_has_failed(rig: Rig) -> None:
    body = b'{"ok": false, "error_code": 413, "description": "Request Entity Too Large"}'
    headers = {"Content-Type": "application/json"}
    rig.server.script.plan("sendDocument", Fault(status=413, body=body, headers=headers))
    with pytest.raises(DeliveryFailed, match="so large"):
        await rig.channel.send(outbound("", files=(FILE,)))


FILE = OutboundFile(name="plan.pdf", media_type="application/pdf", size=3, content=b"pdf")


async def test_a_closed_topic_gets_its_file_too(rig: Rig) -> None:
    rig.server.script.plan("sendDocument", refused("message thread not found"))
    await rig.channel.send(outbound("", chat="-100200", thread="9", files=(FILE,)))
    first, second = rig.server.called("sendDocument")
    assert (first.get("message_thread_id"), second.get("message_thread_id")) == ("9", None)
    assert [f.content for f in rig.server.sent_files] == [b"pdf"]


async def test_a_file_alone_goes_to_where_its_group_has_moved(rig: Rig) -> None:
    moved = b'{"ok": false, "error_code": 400, "description": "Bad Request: group chat was upgraded'
    moved += b' to a supergroup chat", "parameters": {"migrate_to_chat_id": -10077}}'
    fault = Fault(status=400, body=moved, headers={"Content-Type": "application/json"})
    rig.server.script.plan("sendDocument", fault)
    done = await rig.channel.send(outbound("", chat="-77", files=(FILE,)))
    assert done.migrated_chat == "-10077"
    assert [f.chat_id for f in rig.server.sent_files] == [-10077]


async def test_refused_twice_it_has_failed_for_its_reason(rig: Rig) -> None:
    rig.server.script.plan("sendMessage", *[refused("message thread not found")] * 2)
    with pytest.raises(DeliveryFailed, match="message thread not found"):
        await rig.channel.send(outbound("The answer", chat="-100200", thread="9"))
    assert len(rig.server.called("sendMessage")) == 2


def refused(description: str) -> Fault:
    body = f'{{"ok": false, "error_code": 400, "description": "Bad Request: {description}"}}'
    return Fault(status=400, body=body.encode(), headers={"Content-Type": "application/json"})


DIRECTLY: dict[str, Any] = {
    "chat": {"id": -100300, "type": "supergroup", "title": "News", "is_direct_messages": True},
    "direct_messages_topic": {"topic_id": 7001, "user": ADA},
}


async def test_who_writes_to_our_channel_directly_is_heard_and_answered_there(rig: Rig) -> None:
    update = rig.server.message("How long is the warranty?")
    update["message"] |= DIRECTLY
    message = heard(update)
    assert message.kind is InboundKind.MESSAGE
    assert (message.address.chat, message.address.thread) == ("-100300", "direct:7001")
    other = rig.server.message("And mine?")
    other["message"] |= DIRECTLY | {"direct_messages_topic": {"topic_id": 7002}}
    assert heard(other).address != message.address
    assert heard(other).kind is InboundKind.MESSAGE
    await rig.channel.send(outbound("Two years.", chat="-100300", thread="direct:7001"))
    sent = rig.server.called("sendMessage")[-1]
    assert int(sent["direct_messages_topic_id"]) == 7001
    assert not sent.get("message_thread_id")


def test_a_colleague_who_answers_in_the_channels_name_has_taken_over() -> None:
    update = DESK.message("Two years.")
    update["message"] |= DIRECTLY | {
        "from": {"id": 136817688, "is_bot": True, "first_name": "Channel"},
        "sender_chat": {"id": -100299, "type": "channel", "title": "News"},
    }
    message = heard(update)
    assert message.kind is InboundKind.OURS
    assert message.customer is not None
    assert (message.customer.id, message.customer.name) == ("7001", "Ada")
