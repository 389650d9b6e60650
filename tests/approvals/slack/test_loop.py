"""Agents work the queue in Slack: every decision, over signed HTTP and over Socket Mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.storage.client import Database
from tests.approvals.slack_rig import (
    DESK,
    JOON,
    MINA,
    Rig,
    buttons,
    rig,
    said_within,
    shown,
    until,
)
from tests.support.servers.slack import SlackServer


@pytest.fixture(params=["http", "socket"])
async def desk(
    request: pytest.FixtureRequest,
    slack: SlackServer,
    db: Database,
    mongo_uri: str,
    tmp_path: Path,
) -> AsyncIterator[Rig]:
    over_socket = request.param == "socket"
    async with rig(slack, db, mongo_uri, tmp_path, over_socket=over_socket) as made:
        yield made


async def test_approve_sends_the_draft_and_the_card_says_who_did_it(desk: Rig) -> None:
    customer, card = await desk.waiting()
    assert card.channel == DESK
    assert "How do I reset my password?" in shown(card)
    assert "Perhaps in Settings." in shown(card)
    assert "<!date^" in shown(card)
    assert await customer.said() == []
    await desk.press(card, "approve")
    assert await said_within(customer) == [("ai", "Perhaps in Settings.")]
    await until(lambda: "mina@example.com" in shown(card), what="the decided card")
    assert buttons(card) == {}


async def test_edit_opens_with_the_draft_and_sends_what_was_typed(desk: Rig) -> None:
    customer, card = await desk.waiting()
    view_id, view = await desk.window(card, "edit")
    inputs = [b["element"] for b in view["blocks"] if b["type"] == "input"]
    assert [i["type"] for i in inputs] == ["plain_text_input"]
    assert inputs[0].get("initial_value") == "Perhaps in Settings."
    await desk.submit(view_id, view, text="Open *Settings*, press <Reset> & wait.")
    assert await said_within(customer) == [("agent", "Open *Settings*, press <Reset> & wait.")]
    await until(lambda: buttons(card) == {}, what="the decided card")
    assert "Edited" in shown(card)


async def test_reject_asks_why_and_what_next(desk: Rig) -> None:
    customer, card = await desk.waiting()
    view_id, view = await desk.window(card, "reject")
    refused = await desk.submit(view_id, view, text="")
    assert refused["response_action"] == "errors"
    chosen = {"why": "incomplete", "next": "own"}
    await desk.submit(view_id, view, text="Write to us.", choices=chosen)
    assert await said_within(customer) == [("agent", "Write to us.")]
    await until(lambda: "Incomplete" in shown(card), what="the reason on the card")


async def test_reject_lets_the_assistant_try_again_with_a_hint(desk: Rig) -> None:
    customer, card = await desk.waiting()
    view_id, view = await desk.window(card, "reject")
    await desk.submit(view_id, view, text="Name the button.", choices={"next": "retry"})
    await until(lambda: desk.responder.asked[-1].hint == "Name the button.", what="the hint")
    await until(lambda: buttons(card) == {}, what="the decided card")
    again = await desk.card(customer)
    assert again is not card
    assert await customer.said() == []


async def test_take_over_makes_the_thread_the_conversation(desk: Rig) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    await until(lambda: bool(desk.thread(card)), what="the head of the thread")
    head = desk.thread(card)[0]
    assert "mina@example.com" in shown(head)
    await customer.write("Are you there?", client_id="m2")
    await until(lambda: any("Are you there?" in shown(m) for m in desk.thread(card)))
    await desk.types(card, "he sounds angry")
    await desk.types(card, "what a > sign means: nothing here")
    await desk.types(card, "&gt; Yes, I am &amp; I help.\n&gt; Gladly.")
    assert await said_within(customer) == [("agent", "Yes, I am & I help.\nGladly.")]
    assert sum("That was a note" in told for told in desk.private(MINA)) == 1
    view_id, view = await desk.window(head, "reply")
    await desk.submit(view_id, view, text="By the button.")
    assert (await said_within(customer, count=2))[-1] == ("agent", "By the button.")
    await desk.press(head, "hand_back")
    await until(lambda: buttons(head) == {}, what="the head without buttons")
    await desk.types(card, "&gt; too late")
    await until(lambda: any("Not sent" in told for told in desk.private(MINA)))
    assert len(await customer.said()) == 2


async def test_the_second_press_learns_who_was_first(desk: Rig) -> None:
    customer, card = await desk.waiting()
    late = desk.pressing(card, "approve", by=JOON)
    again = desk.pressing(card, "approve", by=MINA)
    await desk.press(card, "approve")
    await said_within(customer)
    await desk.deliver(late)
    await until(lambda: bool(desk.private(JOON)), what="the truth")
    assert "mina@example.com was first: approved" in desk.private(JOON)[0]
    await desk.deliver(again)
    await until(lambda: bool(desk.private(MINA)), what="the truth")
    assert "already" in desk.private(MINA)[0]
    assert len(await customer.said()) == 1
