"""Conversations in people's hands inside Slack: threads without a card, transfers, corrections."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from core.domain import events as ev
from core.storage.client import Database
from tests.approvals.slack_rig import (
    DESK,
    JOON,
    MINA,
    SARA,
    Customer,
    Rig,
    buttons,
    rig,
    said_within,
    shown,
    until,
)
from tests.support.servers.slack import Message, SlackServer
from tests.support.world import sure


def heads(desk: Rig, channel: str = DESK) -> list[Message]:
    """The messages of the desk's channel that head a thread."""
    return [m for m in desk.slack.messages if m.channel == channel and not m.thread_ts]


async def taken_on_the_console(desk: Rig, customer: Customer, email: str) -> None:
    """A member of staff takes over without any card."""
    user = await desk.live.core.accounts.find(email)
    await desk.live.desk.service.take_over(user, customer.id)


async def answered_alone(desk: Rig) -> Customer:
    """A customer whom the assistant has answered by itself: he never had a card."""
    desk.responder.always(sure())
    customer = await desk.asks()
    assert [author for author, _ in await said_within(customer, seconds=5)] == ["ai"]
    assert heads(desk) == []
    return customer


async def test_a_conversation_that_never_had_a_card_gets_a_thread_when_it_is_taken_over(
    desk: Rig,
) -> None:
    customer = await answered_alone(desk)
    await taken_on_the_console(desk, customer, "mina@example.com")
    await until(lambda: len(heads(desk)) == 1, what="a thread's head")
    [head] = heads(desk)
    assert "How do I reset my password?" in shown(head), "what happened so far"
    assert "mina@example.com" in shown(head)
    assert {a.rpartition(":")[2] for a in buttons(head)} == {
        "reply",
        "hand_back",
        "resolve",
        "transfer",
    }
    await customer.write("Are you there?", client_id="m2")
    await until(lambda: any("Are you there?" in shown(m) for m in desk.thread(head)))
    await desk.types(head, "he waits already")
    await desk.types(head, "&gt; Yes, Mina here.")
    assert (await said_within(customer, count=2))[-1] == ("agent", "Yes, Mina here.")
    view_id, view = await desk.window(head, "reply")
    await desk.submit(view_id, view, text="By the button.")
    assert (await said_within(customer, count=3))[-1] == ("agent", "By the button.")
    await desk.press(head, "hand_back")
    await until(lambda: buttons(head) == {}, what="the head without buttons")
    await desk.types(head, "&gt; too late")
    await until(lambda: any("Not sent" in told for told in desk.private(MINA)))
    assert len(await customer.said()) == 3


async def test_each_talk_has_a_thread_of_its_own_and_old_ones_stay_closed(desk: Rig) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await until(lambda: bool(desk.thread(card)), what="the head of the card's thread")
    assert len(heads(desk)) == 1, "the card's own thread is enough"
    await desk.types(card, "&gt; Done.")
    assert (await said_within(customer))[-1] == ("agent", "Done.")
    await desk.press(desk.thread(card)[0], "hand_back")
    await until(lambda: buttons(desk.thread(card)[0]) == {}, what="the end of the first talk")
    await taken_on_the_console(desk, customer, "joon@example.com")
    await until(lambda: len(heads(desk)) == 2, what="a second thread")
    second = heads(desk)[1]
    assert "joon@example.com" in shown(second)
    before = len(desk.thread(card))
    await customer.write("Where are you?", client_id="m2")
    await until(lambda: any("Where are you?" in shown(m) for m in desk.thread(second)))
    assert len(desk.thread(card)) == before
    await desk.types(second, "&gt; Here.", by=JOON)
    assert (await said_within(customer))[-1] == ("agent", "Here.")


async def test_what_was_taken_over_while_slack_was_away_has_its_thread_afterwards(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    slack.refused["chat.postMessage"] = "account_inactive"
    async with rig(slack, db, mongo_uri, tmp_path) as desk:
        customer = await desk.asks()
        async with asyncio.timeout(10):
            while (await desk.state(customer)).review is None:
                await asyncio.sleep(0.02)
        await taken_on_the_console(desk, customer, "mina@example.com")
        alone = desk.live.desk.slack.desk
        assert alone is not None
        await until(lambda: bool(alone.trouble), what="the trouble")
    slack.refused.clear()
    async with rig(slack, db, mongo_uri, tmp_path) as desk:
        customer.http = desk.http
        await until(lambda: len(heads(desk)) == 1, seconds=10, what="the thread")
        await desk.types(heads(desk)[0], "&gt; Slack is back.")
        assert await said_within(customer) == [("agent", "Slack is back.")]


async def test_whoever_is_given_a_conversation_is_told_and_sees_it_on_his_home(desk: Rig) -> None:
    home = {"type": "app_home_opened", "user": SARA, "tab": "home", "channel": "D1"}
    await desk.deliver(desk.slack.event(home))
    await until(lambda: SARA in desk.slack.homes, what="the Home")
    customer = await answered_alone(desk)
    await taken_on_the_console(desk, customer, "mina@example.com")
    await until(lambda: len(heads(desk)) == 1, what="a thread")
    [head] = heads(desk)
    assert "Your conversations" not in str(desk.slack.homes[SARA])
    mina = await desk.live.core.accounts.find("mina@example.com")
    await desk.live.desk.service.transfer(
        mina, customer.id, to="sara@example.com", note="He needs a refund."
    )
    await until(
        lambda: "Your conversations" in str(desk.slack.homes[SARA]), seconds=2, what="his own"
    )
    await until(
        lambda: any(f"<@{SARA}>" in m.text for m in desk.thread(head)), what="a mention of Sara"
    )
    assert not any(f"<@{MINA}>" in m.text for m in desk.thread(head))
    await until(lambda: any("refund" in shown(m) for m in desk.thread(head)), what="the note")
    await desk.types(head, "&gt; Sara here.", by=SARA)
    assert (await said_within(customer, count=2))[-1] == ("agent", "Sara here.")
    sara = await desk.live.core.accounts.find("sara@example.com")
    await desk.live.desk.service.hand_back(sara, customer.id)
    await until(
        lambda: "Your conversations" not in str(desk.slack.homes[SARA]),
        seconds=2,
        what="a Home without it",
    )


async def test_a_note_right_after_a_take_over_makes_nobody_a_receiver(desk: Rig) -> None:
    customer = await answered_alone(desk)
    taken = ev.TakenOver(by="sara@example.com")
    noted = ev.Noted(by="mina@example.com", text="He is in a hurry.")
    await desk.live.core.conversations.update(customer.id, lambda _: (taken, noted))
    await until(lambda: len(heads(desk)) == 1, what="a thread")
    [head] = heads(desk)
    await until(lambda: any("hurry" in shown(m) for m in desk.thread(head)), what="the note")
    assert not any(f"<@{SARA}>" in m.text for m in desk.thread(head))


def changed(desk: Rig, card: Message, was: dict[str, Any], text: str | None) -> dict[str, Any]:
    """What Slack says when somebody edits (or deletes) what he has typed."""
    event: dict[str, Any] = {
        "type": "message",
        "channel": card.channel,
        "channel_type": "channel",
        "hidden": True,
        "ts": desk.slack.ts(),
        "previous_message": was,
    }
    if text is None:
        return desk.slack.event(event | {"subtype": "message_deleted", "deleted_ts": was["ts"]})
    now = was | {"text": text, "edited": {"user": was["user"], "ts": desk.slack.ts()}}
    return desk.slack.event(event | {"subtype": "message_changed", "message": now})


async def typed(desk: Rig, card: Message, text: str, *, by: str = MINA) -> dict[str, Any]:
    """Somebody writes in the card's thread; gives the message as Slack remembers it."""
    message = {
        "type": "message",
        "user": by,
        "text": text,
        "ts": desk.slack.ts(),
        "thread_ts": card.ts,
    }
    where = {"channel": card.channel, "channel_type": "channel"}
    await desk.deliver(desk.slack.event(message | where))
    return message


async def test_editing_or_deleting_a_sent_reply_is_answered_once_and_sends_nothing(
    desk: Rig,
) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    first = await typed(desk, card, "&gt; It costs 10 dollars.")
    await said_within(customer)
    unfurled = changed(desk, card, first, first["text"])
    await desk.deliver(unfurled)
    assert desk.private(MINA) == []
    await desk.deliver(changed(desk, card, first, "&gt; It costs 12 dollars."))
    await desk.deliver(changed(desk, card, first, "&gt; It costs 13 dollars."))
    await desk.deliver(changed(desk, card, first, None))
    await until(lambda: bool(desk.private(MINA)), what="the truth")
    assert ["already has this message" in told for told in desk.private(MINA)] == [True]
    second = await typed(desk, card, "&gt; Anything else?")
    await said_within(customer, count=2)
    await desk.deliver(changed(desk, card, second, None))
    assert "does not take it back" in desk.private(MINA)[-1]
    assert await customer.said() == [
        ("agent", "It costs 10 dollars."),
        ("agent", "Anything else?"),
    ]


async def test_a_note_that_is_edited_into_a_reply_stays_a_note(desk: Rig) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    note = await typed(desk, card, "he is lying")
    await desk.deliver(changed(desk, card, note, "&gt; he is lying"))
    await until(lambda: len(desk.private(MINA)) == 2, what="both truths")
    assert "Editing does not send anything" in desk.private(MINA)[1]
    other = await typed(desk, card, "another note")
    await desk.deliver(changed(desk, card, other, "another note, corrected"))
    await desk.deliver(changed(desk, card, other, None))
    assert len(desk.private(MINA)) == 2
    assert await customer.said() == []


async def test_bold_and_links_typed_in_slack_mean_the_same_to_a_customer_elsewhere(
    desk: Rig,
) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    await desk.types(card, "&gt; Open *Settings*, see <https://x.example/a|the _page_> &amp; wait")
    assert await said_within(customer) == [
        ("agent", "Open **Settings**, see [the _page_](https://x.example/a) & wait")
    ]
    await until(lambda: any("'bold': True" in str(m.blocks) for m in desk.thread(card)))
    echoed = [m for m in desk.thread(card) if "'bold': True" in str(m.blocks)]
    assert "**" not in str(echoed[0].blocks), "the thread shows it as it went out"


async def test_a_customer_on_slack_sees_what_an_agent_wrote_drawn(desk: Rig) -> None:
    event = desk.slack.direct("How do I reset my password?")
    await desk.deliver(event)
    await until(lambda: any(m.channel == DESK for m in desk.slack.messages), seconds=5)
    [card] = [m for m in desk.slack.messages if m.channel == DESK and not m.thread_ts]
    view_id, view = await desk.window(card, "edit")
    await desk.submit(
        view_id, view, text="Open **Settings** <!channel>:\n- [Reset](https://x.example/r)\n- wait"
    )

    def answers() -> list[Message]:
        return [m for m in desk.slack.messages if m.channel == "D0000ADA" and "Open" in m.text]

    await until(lambda: bool(answers()), seconds=5, what="the answer")
    [answer] = answers()
    drawn = str(answer.blocks)
    assert "**" not in drawn
    assert "](" not in drawn
    assert "'bold': True" in drawn
    assert "'url': 'https://x.example/r'" in drawn
    assert "<!channel>" not in answer.text


async def test_nothing_a_customer_writes_can_call_anybody_at_the_desk(desk: Rig) -> None:
    wild = "<!channel> <!here> <@U0000MINA> <!subteam^S1|x> @channel *x* :smile:"
    customer, card = await desk.waiting(wild)
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    await customer.write(wild, client_id="m2")
    await until(
        lambda: sum("subteam" in shown(m) for m in desk.thread(card)) >= 1, what="his words"
    )
    for message in desk.slack.messages:
        for text in (message.text, *mrkdwn(message.blocks)):
            assert "<!channel" not in text
            assert "<!here" not in text
            assert "<!subteam" not in text
            assert "<@" not in text
    assert all(not call.get("link_names") for call in desk.slack.called("chat.postMessage"))
    assert not any(c.get("parse") == "full" for c in desk.slack.called("chat.postMessage"))


def mrkdwn(value: Any) -> list[str]:
    """Every text in blocks that Slack reads for notation."""
    if isinstance(value, list):
        return [text for one in value for text in mrkdwn(one)]
    if not isinstance(value, dict):
        return []
    own = [str(value["text"])] if value.get("type") == "mrkdwn" else []
    return own + [text for one in value.values() for text in mrkdwn(one)]


async def test_an_erased_customer_leaves_the_desk_though_his_log_is_gone_first(
    desk: Rig,
) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    await customer.write("My number is 010-5550-1234.", client_id="m2")
    await until(lambda: any("5550" in shown(m) for m in desk.thread(card)), what="his words")
    desk.slack.refused["chat.update"] = "service_unavailable"
    await desk.live.core.conversations.update(customer.id, lambda _: (ev.Erased(),))
    log = desk.live.db["log"]
    state = await desk.state(customer)
    await log.delete_many({"c": customer.id, "n": {"$lt": state.seq}})
    desk.live.core.conversations.forget(customer.id)
    await asyncio.sleep(0.5)
    desk.slack.refused.clear()
    await until(lambda: "reset my password" not in shown(card), seconds=5, what="an empty card")
    await until(lambda: desk.thread(card) == [], seconds=5, what="an empty thread")
    assert buttons(card) == {}
