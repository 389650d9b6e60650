"""Every kind of Slack message is heard as what it means, by whoever wrote it, where they did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from approvals.slack.threads import to_customer
from channels.slack.content import plain
from channels.slack.normalize import Workspace, to_inbound
from core.domain.messages import KNOWN, InboundKind, InboundMessage, OutboundFile, Pointing
from core.errors import AttachmentRefused, DeliveryFailed
from core.slack.block_text import block_text
from core.slack.mrkdwn import from_mrkdwn, readable
from core.slack.names import Named
from tests.channels.slack.test_slack import Rig, outbound, rig, server
from tests.support.servers.faults import Fault
from tests.support.servers.slack import BOT_USER, CUSTOMER, TEAM, SlackServer

__all__ = ["rig", "server"]

SPACE = Workspace(team_id=TEAM, bot_user_id=BOT_USER)
DESK = SlackServer()
NAMES = {CUSTOMER: Named(name="Ada", locale="ko-KR"), "U0BOB": Named(name="Bob")}
CHANNEL = "C0000ALL"


def heard(body: dict[str, Any], **more: Any) -> InboundMessage | None:
    return to_inbound(body, SPACE, names=NAMES, **more)


def said(body: dict[str, Any], **more: Any) -> InboundMessage:
    message = heard(body, **more)
    assert message is not None, "it was not heard"
    return message


def changed(before: dict[str, Any], **now: Any) -> dict[str, Any]:
    event = {
        "type": "message",
        "subtype": "message_changed",
        "channel": before["channel"],
        "channel_type": before.get("channel_type", "channel"),
        "message": before | now,
        "previous_message": before,
        "ts": DESK.ts(),
    }
    return DESK.event(event)


def test_an_edit_names_its_message() -> None:
    first = DESK.direct("How log?")
    edit = said(changed(first["event"], text="How long?", edited={"user": CUSTOMER}))
    message = said(first)
    assert (edit.kind, edit.text, edit.about) == (InboundKind.EDIT, "How long?", message.named)
    assert edit.address == message.address


@pytest.mark.parametrize(
    "now",
    [
        {"reply_count": 1},
        {"attachments": [{"from_url": "https://x.example", "text": "A page", "title": "X"}]},
    ],
)
def test_an_unfurled_link_or_an_answer_below_is_no_edit(now: dict[str, Any]) -> None:
    assert heard(changed(DESK.direct("https://x.example")["event"], **now)) is None


def test_words_that_are_shown_later_are_an_edit() -> None:
    shown = {"is_msg_unfurl": True, "text": "Error E04", "author_name": "Bob"}
    edit = said(changed(DESK.direct("What is <https://x>?")["event"], attachments=[shown]))
    assert [q.text for q in edit.quotes] == ["Error E04"]


def test_a_deletion_of_what_was_not_for_us_or_is_ours_means_nothing_new() -> None:
    def gone(channel: str, **more: Any) -> dict[str, Any]:
        before = {"ts": "17.5", "user": CUSTOMER, "text": "Hi", "thread_ts": "16.0"} | more
        event = {"type": "message", "subtype": "message_deleted", "channel": channel}
        return DESK.event(event | {"deleted_ts": "17.5", "previous_message": before})

    assert said(gone("D1")).value == ""
    assert said(gone(CHANNEL)).value == KNOWN
    assert said(gone(CHANNEL, text=f"<@{BOT_USER}> hi")).value == ""
    assert said(gone(CHANNEL), serves=lambda *_: True).value == ""
    assert heard(gone("D1", user=BOT_USER, bot_id="B1")) is None


@pytest.mark.parametrize("tombstone", [False, True])
def test_a_deletion_names_its_message(tombstone: bool) -> None:
    first = DESK.direct("Oops")
    before = first["event"]
    gone = changed(before, subtype="tombstone", text="This message was deleted.")
    if not tombstone:
        gone["event"] |= {"subtype": "message_deleted", "deleted_ts": before["ts"]}
        del gone["event"]["message"]
    message = said(gone)
    assert (message.kind, message.about) == (InboundKind.DELETION, said(first).named)
    assert message.address == said(first).address


@pytest.mark.parametrize(
    ("kind", "name", "inbound", "sign"),
    [
        ("reaction_added", "+1", InboundKind.REACTION, "👍"),
        ("reaction_removed", "wave::skin-tone-3", InboundKind.REACTION_REMOVED, "👋🏼"),
        ("reaction_added", "party-parrot", InboundKind.REACTION, ":party-parrot:"),
    ],
)
def test_a_reaction_is_a_reaction(kind: str, name: str, inbound: InboundKind, sign: str) -> None:
    item = {"type": "message", "channel": "D0000ADA", "ts": "17.1"}
    event = {"type": kind, "user": CUSTOMER, "reaction": name, "item": item}
    message = said(DESK.event(event))
    assert (message.kind, message.value, message.about) == (inbound, sign, "17.1")
    assert (message.text, message.sender.name) == ("", "Ada")
    ours = event | {"user": BOT_USER}
    assert heard(DESK.event(ours)) is None
    elsewhere = event | {"item": item | {"channel": CHANNEL}}
    assert heard(DESK.event(elsewhere)) is None
    served = said(DESK.event(elsewhere), thread_of=lambda _channel, _ts: "16.0")
    assert served.address.thread == "16.0"


@pytest.mark.parametrize("subtype", ["", "me_message", "thread_broadcast", "a_kind_of_2031"])
def test_what_a_person_says_is_heard_whatever_its_kind(subtype: str) -> None:
    assert said(DESK.direct("Hello", subtype=subtype)).text == "Hello"


@pytest.mark.parametrize(
    "subtype", ["channel_join", "channel_topic", "bot_message", "group_join", "pinned_item"]
)
def test_what_slack_or_a_program_tells_is_nobodys_word(subtype: str) -> None:
    assert heard(DESK.direct("Hello", subtype=subtype)) is None


@pytest.mark.parametrize("kind", ["message", "app_mention"])
def test_what_slack_writes_as_a_member_is_nobodys_word(kind: str) -> None:
    reminder = DESK.direct(f"Reminder: <@{BOT_USER}> the report.")["event"]
    assert heard(DESK.event(reminder | {"type": kind, "user": "USLACKBOT"})) is None


def test_what_a_person_sends_through_an_app_is_theirs() -> None:
    through: dict[str, Any] = {"bot_id": "B0GIF", "app_id": "A0GIF", "bot_profile": {"name": "gif"}}
    assert said(DESK.direct("See this", **through)).text == "See this"
    assert heard(DESK.direct("See this", user=BOT_USER, **through)) is None
    assert heard(DESK.mention("See this", **through)) is None


def test_our_name_alone_calls_us() -> None:
    called = said(DESK.mention(f"<@{BOT_USER}>"))
    assert (called.kind, called.text) == (InboundKind.START, "")


def test_an_empty_message_is_said_to_be_unreadable() -> None:
    assert said(DESK.direct("", subtype="a_kind_of_2031")).kind is InboundKind.UNREADABLE


def test_a_message_of_blocks_alone_has_its_words() -> None:
    blocks = [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_section",
                    "elements": [
                        {"type": "text", "text": "Ask "},
                        {"type": "user", "user_id": "U0BOB"},
                        {"type": "text", "text": " <now> "},
                        {"type": "emoji", "name": "wave"},
                    ],
                },
                {
                    "type": "rich_text_list",
                    "elements": [
                        {
                            "type": "rich_text_section",
                            "elements": [{"type": "link", "url": "https://x.example"}],
                        }
                    ],
                },
            ],
        },
        {"type": "section", "text": {"type": "mrkdwn", "text": "*bold*"}},
    ]
    text = said(DESK.direct("", blocks=blocks)).text
    assert text == "Ask @Bob <now> 👋\n• https://x.example\n*bold*"
    assert block_text("?") == ""


@pytest.mark.parametrize(
    ("own", "kind"), [("What is it?", Pointing.SHARED), ("", Pointing.FORWARDED)]
)
def test_a_shared_message_keeps_its_words(own: str, kind: Pointing) -> None:
    shared = {"is_share": True, "text": "Error &lt;E04&gt; :wave:", "author_name": "Bob"}
    message = said(DESK.direct(own, attachments=[shared]))
    [quoted] = message.quotes
    assert (quoted.text, quoted.author, quoted.kind) == ("Error <E04> 👋", "Bob", kind)
    assert message.text == own


def test_files_of_a_shared_message_come_with_it() -> None:
    file = {"name": "bill.pdf", "mimetype": "application/pdf", "size": 9}
    shared = {"is_share": True, "text": "The bill", "files": [file]}
    message = said(DESK.direct("Is it right?", attachments=[shared]))
    assert [a.name for a in message.attachments] == ["bill.pdf"]


@pytest.mark.parametrize("kind", ["app_home_opened", "assistant_thread_started", "file_shared"])
def test_what_is_no_message_is_none(kind: str) -> None:
    event = DESK.direct("Hello")
    event["event"]["type"] = kind
    assert heard(event) is None


def test_a_direct_message_is_one_conversation_and_its_threads_are_places() -> None:
    plain, threaded = DESK.direct("One"), DESK.direct("Two", thread_ts="16.0")
    assert said(threaded).address == said(plain).address
    assert (said(plain).place, said(threaded).place) == ("", "16.0")


def test_people_have_names_and_languages() -> None:
    sender = said(DESK.direct("Hello")).sender
    assert (sender.id, sender.name, sender.locale) == (CUSTOMER, "Ada", "ko-KR")


async def test_a_name_is_asked_of_slack_once(rig: Rig) -> None:
    profile = {"profile": {"display_name": "Ada L."}, "locale": "en-US"}
    rig.server.users[CUSTOMER] = profile
    for text in ("One", "Two <@U0NOBODY>"):
        await rig.hook(rig.server.direct(text))
    assert [m.sender.name for m in rig.inbox.accepted] == ["Ada L.", "Ada L."]
    asked = [call.params["user"] for call in rig.server.calls if call.method == "users.info"]
    assert sorted(asked) == sorted([CUSTOMER, "U0NOBODY"])


async def test_talk_between_others_in_a_served_thread_is_left_alone(rig: Rig) -> None:
    asked = rig.server.mention("How long are returns?")
    await rig.hook(asked)
    thread = asked["event"]["ts"]

    def reply(text: str, user: str = CUSTOMER) -> dict[str, Any]:
        event = {"type": "message", "channel": CHANNEL, "channel_type": "channel"}
        words = {"user": user, "text": text, "ts": rig.server.ts(), "thread_ts": thread}
        return rig.server.event(event | words)

    await rig.hook(reply("I think 14 days", user="U0BOB"))
    await rig.hook(reply("<@U0BOB> are you sure?"))
    assert len(rig.inbox.accepted) == 1
    await rig.hook(reply("And for sale items?"))
    assert [m.text for m in rig.inbox.accepted][1:] == ["And for sale items?"]
    await rig.hook(rig.server.mention("Me too", user="U0BOB", thread_ts=thread))
    await rig.hook(reply("And in summer?", user="U0BOB"))
    assert [m.sender.id for m in rig.inbox.accepted][2:] == ["U0BOB", "U0BOB"]
    assert len({m.address for m in rig.inbox.accepted}) == 1


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (":wave: hi", "👋 hi"),
        ("ok :thumbsup::skin-tone-4:", "ok 👍🏽"),
        (":flag-kr: :man-shrugging: :simple_smile:", "🇰🇷 🤷‍♂️ 🙂"),
        (":our-own: at 10:30:45", ":our-own: at 10:30:45"),
        ("<@U0BOB> and <@U0BOB|bobby>", "@Bob and @bobby"),
        ("<#C1|general> or <#C2>", "#general or #sales"),
        ("<!subteam^S1|@team> <!subteam^S2> <!subteam^S9>", "@team @support @group"),
        ("<!here> <!channel|channel>", "@here channel"),
        ("<!date^1790000000^{date}|today>", "today"),
        ("<https://x.example|Page> <mailto:a@b.example|a@b.example>",
         "Page (https://x.example) a@b.example"),
        ("a &amp;&lt;b&gt; &amp;lt;", "a &<b> &lt;"),
    ],
)  # fmt: skip
def test_slacks_notation_becomes_what_people_read(written: str, read: str) -> None:
    names = {"U0BOB": "Bob", "C2": "sales", "S2": "support"}
    assert readable(written, names=names) == read
    known = {one: Named(name=name) for one, name in names.items()}
    assert plain(written, "U0BOT", known) == read.strip(), "as the channel takes it in"


def test_so_do_the_words_of_an_agent() -> None:
    assert from_mrkdwn("*Hi* <@U0BOB> :wave: `:wave:`", names={"U0BOB": "Bob"}) == (
        "**Hi** @Bob 👋 `:wave:`"
    )
    assert to_customer("> *Hi* <https://x.y|there>") == "**Hi** [there](https://x.y)"


# Out.


def refused(code: str) -> Fault:
    body = json.dumps({"ok": False, "error": code}).encode()
    return Fault(status=200, body=body, headers={"Content-Type": "application/json"})


async def test_blocks_that_slack_refuses_go_out_once_more_as_text(rig: Rig) -> None:
    rig.server.script.plan("chat.postMessage", refused("invalid_blocks"))
    await rig.channel.send(outbound("**The** answer"))
    [posted] = rig.server.messages
    assert "The answer" in posted.text
    assert not posted.blocks


@pytest.mark.parametrize("code", ["thread_not_found", "restricted_action_thread_locked"])
async def test_where_the_thread_is_gone_its_channel_gets_the_answer(rig: Rig, code: str) -> None:
    rig.server.script.plan("chat.postMessage", refused(code))
    await rig.channel.send(outbound("The answer", thread="16.0"))
    calls = [c.params for c in rig.server.calls if c.method == "chat.postMessage"]
    assert [c.get("thread_ts") for c in calls] == ["16.0", None]


async def test_where_the_thread_is_gone_its_channel_gets_the_file_too(rig: Rig) -> None:
    rig.server.script.plan("files.completeUploadExternal", refused("thread_not_found"))
    file = OutboundFile(name="plan.pdf", media_type="application/pdf", size=3, content=b"pdf")
    await rig.channel.send(outbound("", thread="16.0", files=(file,)))
    method = "files.completeUploadExternal"
    calls = [c.params for c in rig.server.calls if c.method == method]
    assert [c.get("thread_ts") or None for c in calls] == ["16.0", None]


async def test_refused_twice_it_has_failed_for_its_reason(rig: Rig) -> None:
    rig.server.script.plan("chat.postMessage", *[refused("invalid_blocks")] * 2)
    with pytest.raises(DeliveryFailed, match="invalid_blocks"):
        await rig.channel.send(outbound("The answer"))


async def test_a_file_of_another_companys_workspace_is_asked_for_and_fetched(rig: Rig) -> None:
    file = rig.server.shared(b"their drawing", "drawing.pdf")
    bare = {"id": file["id"], "mode": "file_access", "file_access": "check_file_info"}
    gone = bare | {"id": "F0GONE"}
    message = said(DESK.event(DESK.direct("")["event"] | {"files": [bare, gone]}))
    taken = bytearray()

    async def write(chunk: bytes) -> None:
        taken.extend(chunk)

    first, second = message.attachments
    await rig.channel.fetch(message.address, first, write)
    assert bytes(taken) == b"their drawing"
    with pytest.raises(AttachmentRefused):
        await rig.channel.fetch(message.address, second, write)
