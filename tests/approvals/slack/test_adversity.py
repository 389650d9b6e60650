"""What agents, customers and Slack itself would try at the desk, and what must come of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from core.storage.client import Database
from tests.approvals.slack_rig import (
    JOON,
    MINA,
    SARA,
    Rig,
    buttons,
    member,
    rig,
    said_within,
    shown,
    until,
)
from tests.support.servers.slack import SlackServer


async def test_the_card_of_a_conversation_that_was_closed_meanwhile_says_so(desk: Rig) -> None:
    customer, card = await desk.waiting()
    late = desk.pressing(card, "approve", by=JOON)
    sara = await desk.live.core.accounts.find("sara@example.com")
    await desk.live.desk.service.take_over(sara, customer.id)
    await desk.live.desk.service.resolve(sara, customer.id)
    await desk.deliver(late)
    await until(lambda: bool(desk.private(JOON)), what="the truth")
    assert "sara@example.com was first: taken over" in desk.private(JOON)[0]
    await until(lambda: buttons(card) == {}, what="nothing to press")
    assert await customer.said() == []


async def test_while_the_token_is_revoked_staff_is_not_called_strangers(desk: Rig) -> None:
    customer, card = await desk.waiting()
    press = desk.pressing(card, "approve")
    methods = ("users.info", "chat.postMessage", "chat.update", "chat.postEphemeral")
    desk.slack.refused.update(dict.fromkeys(methods, "token_revoked"))
    await desk.deliver(press)
    await until(lambda: bool(desk.slack.ephemerals), what="an answer")
    told = str(desk.slack.ephemerals[-1]["text"])
    assert "could not find out who you are" in told
    assert await customer.said() == []
    desk.slack.refused.clear()
    await desk.deliver(press)
    assert len(await said_within(customer)) == 1
    await until(lambda: buttons(card) == {}, seconds=20, what="the decided card")


async def test_threads_of_an_earlier_desk_still_reach_the_customer(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    async with rig(slack, db, mongo_uri, tmp_path) as first:
        customer, card = await first.waiting()
        await first.press(card, "take_over")
        await first.is_human(customer)
        await until(lambda: bool(first.thread(card)), what="the head of the thread")
    async with rig(slack, db, mongo_uri, tmp_path, SLACK_APPROVALS_CHANNEL="C0000NEW") as second:
        customer.http = second.http
        await second.types(card, "&gt; I am still here.")
        assert await said_within(customer) == [("agent", "I am still here.")]
        await second.types(card, "a note in the old place")
        await customer.write("Good.", client_id="m2")
        await until(lambda: any("Good." in shown(m) for m in second.thread(card)))
        other = await second.asks("Another question?")
        await until(
            lambda: any(m.channel == "C0000NEW" for m in slack.messages), what="a card at the new"
        )
        assert await customer.said() == [("agent", "I am still here.")]
        assert await other.said() == []


async def test_what_was_typed_at_the_desk_while_slack_could_not_bring_it_is_taken_once(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    async with rig(slack, db, mongo_uri, tmp_path) as first:
        customer, card = await first.waiting()
        refused = first.typing(card, "&gt; A stranger's word.", by="U000STRANGER")
        await first.deliver(refused)
        await until(lambda: bool(first.private("U000STRANGER")), seconds=20, what="the refusal")
        await first.press(card, "take_over")
        await first.is_human(customer)
        await until(lambda: bool(first.thread(card)), what="the head of the thread")
        heard = first.typing(card, "&gt; Heard at once.")
        await first.deliver(heard)
        assert await said_within(customer) == [("agent", "Heard at once.")]
        unheard = first.typing(card, "&gt; Heard later.")
        old = first.typing(card, "&gt; Hours ago.")
        old["event"]["ts"] = f"{float(unheard['event']['ts']) - 7200:.6f}"
        for delivery in (refused, heard, unheard, old):
            slack.write(delivery)
    slack.users["U000STRANGER"] = member("mina@example.com")  # whom they hear
    async with rig(slack, db, mongo_uri, tmp_path) as second:
        customer.http = second.http
        assert await said_within(customer, count=2, seconds=20) == [
            ("agent", "Heard at once."),
            ("agent", "Heard later."),
        ]
        await second.deliver(unheard)  # Slack's own repeat
        await second.deliver(refused)
        await asyncio.sleep(0.5)
        assert len(await customer.said()) == 2


async def test_an_agent_who_reads_korean_is_answered_in_korean(desk: Rig) -> None:
    desk.slack.users[JOON] = member("joon@example.com", locale="ko-KR")
    customer, card = await desk.waiting()
    late = desk.pressing(card, "approve", by=JOON)
    await desk.press(card, "approve")
    await said_within(customer)
    await desk.deliver(late)
    await until(lambda: bool(desk.private(JOON)), what="the truth")
    assert any("가" <= c <= "힣" for c in desk.private(JOON)[0])
    _, again = await desk.waiting("Another one?")
    _, view = await desk.window(again, "reject", by=JOON)
    assert any("가" <= c <= "힣" for c in str(view["title"]))


async def test_twenty_thousand_characters_go_out_whole_and_one_more_is_refused(desk: Rig) -> None:
    customer, card = await desk.waiting()
    view_id, view = await desk.window(card, "edit")
    refused = await desk.submit(view_id, view, text="가" * 20_001)
    assert refused["response_action"] == "errors"
    assert "20,000" in str(refused["errors"])
    await desk.submit(view_id, view, text="가" * 20_000)
    assert await said_within(customer) == [("agent", "가" * 20_000)]
    await until(lambda: buttons(card) == {}, what="the decided card")


async def test_a_window_sent_off_twice_sends_once(desk: Rig) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await until(lambda: bool(desk.thread(card)), what="the head of the thread")
    view_id, view = await desk.window(desk.thread(card)[0], "reply")
    sent = desk.submission(view_id, view, text="Once only.")
    await asyncio.gather(desk.deliver(sent), desk.deliver(sent))
    await desk.deliver(sent)
    await asyncio.sleep(0.3)
    assert await customer.said() == [("agent", "Once only.")]


async def test_a_late_press_on_a_home_is_answered_in_a_window(desk: Rig) -> None:
    opened = {"type": "app_home_opened", "user": JOON, "tab": "home", "channel": "D1"}
    await desk.deliver(desk.slack.event(opened))
    customer, card = await desk.waiting()
    await until(lambda: "How do I reset" in str(desk.slack.homes.get(JOON)), what="the draft")
    found = [
        e
        for block in desk.slack.homes[JOON]["blocks"]
        if block["type"] == "actions"
        for e in block["elements"]
        if "take_over" in e.get("action_id", "")
    ]
    await desk.press(card, "approve")
    await said_within(customer)
    press: dict[str, Any] = {
        "type": "block_actions",
        "team": {"id": "T0000LOCAL", "domain": "local"},
        "user": {"id": JOON, "name": "x", "team_id": "T0000LOCAL"},
        "api_app_id": "A0000LOCAL",
        "container": {"type": "view", "view_id": "VHOME"},
        "trigger_id": "trigger-home",
        "view": desk.slack.homes[JOON],
        "actions": [
            {
                "action_id": found[0]["action_id"],
                "block_id": "b",
                "type": "button",
                "value": found[0]["value"],
            }
        ],
    }
    await desk.deliver(press)
    await until(
        lambda: any("was first" in str(v) for v in desk.slack.views.values()), what="the truth"
    )
    assert len(await customer.said()) == 1


async def test_only_the_holder_speaks_in_a_thread(desk: Rig) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    await desk.types(card, "&gt; I barge in.", by=JOON)
    await desk.types(card, "&gt; So does a supervisor.", by=SARA)
    await until(lambda: bool(desk.private(JOON)) and bool(desk.private(SARA)), what="refusals")
    assert "mina@example.com" in desk.private(JOON)[0]
    await desk.types(card, "&gt; Mine.", by=MINA)
    assert await said_within(customer) == [("agent", "Mine.")]
