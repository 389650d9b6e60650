"""What must hold whatever happens at the desk in Slack: outsiders, races, restarts, outages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from approvals.queue.model import Ruling
from approvals.slack.views.modals import unpack
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.console.start.story import Telling, events_of, read_story
from core.domain import events as ev
from core.domain.events import Decision
from core.runtime.shipped import DEMONSTRATION
from core.storage.client import Database
from tests.approvals.slack_rig import (
    DESK,
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
from tests.support.servers.faults import Fault
from tests.support.servers.slack import SlackServer, too_many

STRANGERS = {
    "a guest": member("mina@example.com", is_restricted=True),
    "a single-channel guest": member("mina@example.com", is_ultra_restricted=True),
    "another workspace": member("mina@example.com", team_id="T0000OTHER"),
    "a bot": member("mina@example.com", is_bot=True),
    "deactivated": member("mina@example.com", deleted=True),
    "nobody here": member("nobody@example.com"),
    "without e-mail": {"profile": {}},
}


@pytest.mark.parametrize("who", STRANGERS)
async def test_an_outsiders_press_changes_nothing_and_is_answered_privately(
    desk: Rig, who: str
) -> None:
    desk.slack.users["U0OUT"] = STRANGERS[who]
    customer, card = await desk.waiting()
    before = shown(card)
    for action in ("approve", "edit", "reject", "take_over"):
        await desk.press(card, action, by="U0OUT")
    await until(lambda: len(desk.private("U0OUT")) == 4, what="a private answer to each")
    assert "for our staff" in desk.private("U0OUT")[0]
    assert "for our staff" in await desk.command("queue", by="U0OUT")
    assert desk.slack.views == {}
    assert await customer.said() == []
    assert shown(card) == before
    state = await desk.state(customer)
    assert state.review is not None


async def test_a_member_whom_an_admin_named_is_known_without_an_e_mail(desk: Rig) -> None:
    accounts = desk.live.core.accounts
    await accounts.add(OPERATOR, "kim@example.com", role=Role.AGENT)
    await accounts.change(OPERATOR, "kim@example.com", slack_id="U0KIM")
    desk.slack.users["U0KIM"] = {"profile": {}}
    customer, card = await desk.waiting()
    await desk.press(card, "approve", by="U0KIM")
    assert len(await said_within(customer)) == 1
    await until(lambda: "kim@example.com" in shown(card), what="his name on the card")


async def test_fifty_agents_press_approve_in_the_same_instant_twenty_times(desk: Rig) -> None:
    agents = []
    for number in range(50):
        slack_id, email = f"U0A{number:04}", f"agent{number}@example.com"
        await desk.live.core.accounts.add(OPERATOR, email, role=Role.AGENT)
        desk.slack.users[slack_id] = member(email)
        agents.append(slack_id)
    for _ in range(20):
        customer, card = await desk.waiting()
        desk.slack.ephemerals.clear()
        presses = [desk.pressing(card, "approve", by=agent) for agent in agents]
        await asyncio.gather(*(desk.deliver(press) for press in presses))
        await until(lambda: len(desk.slack.ephemerals) >= 49, seconds=10, what="49 answers")
        told = [str(e["text"]) for e in desk.slack.ephemerals]
        assert len(told) == 49
        assert all("was first: approved" in text for text in told)
        assert len(await said_within(customer)) == 1
        kinds = [
            e.kind
            for commit in await desk.live.core.conversations.history(customer.id)
            for e in commit.events
        ]
        assert kinds.count("review_decided") == 1


async def test_old_cards_stay_true_after_a_restart(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    async with rig(slack, db, mongo_uri, tmp_path) as first:
        asked, decided = await first.waiting(), await first.waiting("Where is my bill?")
        stale = first.pressing(decided[1], "approve", by=JOON)
        await first.press(decided[1], "take_over")
        await first.is_human(decided[0])
        await until(lambda: bool(first.thread(decided[1])), what="the head of the thread")
    async with rig(slack, db, mongo_uri, tmp_path) as second:
        customer, card = asked[0], asked[1]
        customer.http = second.http
        decided[0].http = second.http
        await second.press(card, "approve")
        assert len(await said_within(customer)) == 1
        await until(lambda: buttons(card) == {}, what="the decided card")
        await second.deliver(stale)
        await until(lambda: bool(second.private(JOON)), what="the truth")
        assert "mina@example.com was first: taken over" in second.private(JOON)[0]
        await second.types(decided[1], "&gt; I am here.")
        assert await said_within(decided[0]) == [("agent", "I am here.")]
        assert sum(not m.thread_ts for m in slack.messages if m.channel == DESK) == 2


async def test_the_customer_writes_again_while_the_window_is_open(desk: Rig) -> None:
    customer, card = await desk.waiting()
    view_id, view = await desk.window(card, "edit")
    await customer.write("I mean the one for the shop.", client_id="m2")
    await until(lambda: "for the shop" in str(desk.slack.views[view_id]), what="what they said")

    def looked_at() -> int:
        about = unpack(desk.slack.views[view_id]["private_metadata"])
        return about.version if about else 0

    # It belongs to the draft, which a person has to look at again: here that has happened.
    await until(lambda: looked_at() == 2, what="the draft as it is now")
    view = desk.slack.views[view_id]
    await desk.submit(view_id, view, text="My long answer.")
    assert await said_within(customer) == [("agent", "My long answer.")]


async def test_a_colleague_decides_while_the_window_is_open(desk: Rig) -> None:
    customer, card = await desk.waiting()
    view_id, view = await desk.window(card, "edit")
    await desk.press(card, "approve", by=JOON)
    await said_within(customer)
    await until(lambda: "joon@example.com" in str(desk.slack.views[view_id]), what="the warning")
    answer = await desk.submit(view_id, view, text="Mine.")
    assert "joon@example.com was first" in str(answer["view"])
    assert len(await customer.said()) == 1


async def test_a_long_draft_comes_in_several_inputs_and_whole_again(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    from tests.support.world import unsure

    long = "\n".join(f"Line {n}: " + "word " * 40 for n in range(60)).rstrip()
    async with rig(slack, db, mongo_uri, tmp_path, draft=unsure(long)) as desk:
        customer, card = await desk.waiting()
        view_id, view = await desk.window(card, "edit")
        inputs = [b["element"] for b in view["blocks"] if b["type"] == "input"]
        assert len(inputs) > 1
        assert all(len(i["initial_value"]) <= 3000 for i in inputs)
        await desk.submit(view_id, view)
        assert await said_within(customer) == [("agent", long)]


async def test_slack_is_down_during_thirty_drafts(desk: Rig) -> None:
    desk.slack.refused["chat.postMessage"] = "internal_error"
    desk.slack.refused["chat.update"] = "internal_error"
    customers = await asyncio.gather(*(desk.asks(f"Question number {n}?") for n in range(30)))
    user = await desk.live.core.accounts.find("sara@example.com")

    async def waits(n: int) -> ev.Event | None:
        async with asyncio.timeout(20):
            while (review := (await desk.state(customers[n])).review) is None:
                await asyncio.sleep(0.02)
        if n % 2:
            return None
        ruling = Ruling(decision=Decision.APPROVE)
        await desk.live.desk.service.decide(user, review.draft_id, ruling, version=review.version)
        return None

    await asyncio.gather(*(waits(n) for n in range(30)))
    assert desk.live.desk.slack.desk is not None
    await until(lambda: bool(desk.live.desk.slack.desk.trouble), what="the trouble")  # type: ignore[union-attr]
    desk.slack.refused.clear()
    for n in range(1, 30, 2):
        card = await desk.card(customers[n], seconds=30)
        await desk.press(card, "approve")
    for customer in customers:
        assert len(await said_within(customer, seconds=3)) == 1
    await until(
        lambda: all(buttons(m) == {} for m in desk.slack.messages if not m.thread_ts),
        seconds=10,
        what="every card decided",
    )
    cards = [m for m in desk.slack.messages if m.channel == DESK and not m.thread_ts]
    keys = [m.metadata["event_payload"]["key"] for m in cards if m.metadata]
    assert len(keys) == len(set(keys))
    await until(lambda: not desk.live.desk.slack.desk.trouble, what="no trouble")  # type: ignore[union-attr]


async def test_a_card_whose_posting_broke_off_is_found_not_doubled(desk: Rig) -> None:
    desk.slack.script.plan("chat.postMessage", Fault(status=500, after=True))
    customer, card = await desk.waiting()
    await asyncio.sleep(2)
    assert sum(not m.thread_ts for m in desk.slack.messages) == 1
    await desk.press(card, "approve")
    await until(lambda: buttons(card) == {}, what="the decided card")
    assert len(await customer.said()) == 1


async def test_too_many_messages_only_slow_it_down(desk: Rig) -> None:
    desk.slack.script.plan("chat.postMessage", too_many(1))
    customer, card = await desk.waiting()
    desk.slack.script.plan("chat.update", too_many(1))
    await desk.press(card, "approve")
    await said_within(customer)
    await until(lambda: buttons(card) == {}, seconds=5, what="the decided card")


async def test_home_and_commands_show_the_queue_and_keep_it_current(desk: Rig) -> None:
    await desk.deliver(
        desk.slack.event({"type": "app_home_opened", "user": MINA, "tab": "home", "channel": "D1"})
    )
    await until(lambda: MINA in desk.slack.homes, what="the Home")
    assert "Nothing waits" in str(desk.slack.homes[MINA])
    customer, card = await desk.waiting()
    await until(
        lambda: "How do I reset" in str(desk.slack.homes[MINA]), seconds=2, what="the draft"
    )
    assert "How do I reset" in await desk.command("queue")
    assert "How do I reset" in await desk.command("search reset password")
    assert "Nothing waiting" in await desk.command("search zebra")
    assert "1 waiting" in await desk.command("status")
    assert "claimed" in await desk.command("next")
    await until(lambda: "mina@example.com is working" in shown(card), what="the claim")
    assert "Nothing unclaimed" in await desk.command("next", by=JOON)
    link = await desk.command("login")
    path = link.partition("/login/link/")[2].split('"')[0].split("\\")[0]
    async with desk.http.post(f"/login/link/{path}", allow_redirects=False) as page:
        assert page.status == 303
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    await until(
        lambda: "Your conversations" in str(desk.slack.homes[MINA]), seconds=2, what="his own"
    )


async def test_a_decision_can_be_taken_back_until_it_goes_out(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    async with rig(slack, db, mongo_uri, tmp_path, APPROVAL_UNDO_SECONDS="3") as desk:
        customer, card = await desk.waiting()
        await desk.press(card, "approve")
        await until(lambda: any("undo" in a for a in buttons(card)), what="the way back")
        assert (await customer.sees())["status"] == "review"
        await desk.press(card, "undo", by=JOON)
        await until(lambda: bool(desk.private(JOON)), what="a colleague's refusal")
        await desk.press(card, "undo")
        await until(lambda: any("approve" in a for a in buttons(card)), what="the draft again")
        await asyncio.sleep(3.2)
        assert await customer.said() == []
        await desk.press(card, "approve")
        assert (await said_within(customer, seconds=5)) == [("ai", "Perhaps in Settings.")]
        await until(lambda: buttons(card) == {}, what="nothing to press")
        assert (await customer.sees())["status"] == "ai"


async def test_what_is_held_survives_a_restart_and_goes_out_once(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    async with rig(slack, db, mongo_uri, tmp_path, APPROVAL_UNDO_SECONDS="2") as desk:
        customer, card = await desk.waiting()
        await desk.press(card, "approve")
        await until(lambda: any("undo" in a for a in buttons(card)), what="the way back")
    async with rig(slack, db, mongo_uri, tmp_path, APPROVAL_UNDO_SECONDS="2") as again:
        customer.http = again.http
        assert len(await said_within(customer, seconds=5)) == 1
        await asyncio.sleep(0.5)
        assert len(await customer.said()) == 1
        await until(lambda: buttons(card) == {}, what="nothing to press")


async def test_transfer_gives_the_conversation_to_a_colleague(desk: Rig) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await until(lambda: bool(desk.thread(card)), what="the head of the thread")
    head = desk.thread(card)[0]
    known: set[str] = set(desk.slack.views)
    await desk.press(head, "transfer")
    view_id, view = await desk.opened(known)
    refused: dict[str, Any] = await desk.submit(view_id, view, user="U0NOBODY", text="")
    assert refused["response_action"] == "errors"
    await desk.submit(view_id, view, user=SARA, text="He needs a refund.")
    await until(lambda: "sara@example.com" in shown(head), what="the new name")
    await desk.types(card, "&gt; mine no more")
    await until(lambda: any("Not sent" in t for t in desk.private(MINA)), what="the refusal")
    await desk.types(card, "&gt; Hello, Sara here.", by=SARA)
    assert await said_within(customer) == [("agent", "Hello, Sara here.")]


async def test_forged_presses_are_refused(desk: Rig) -> None:
    customer, card = await desk.waiting()
    status, _ = await desk.slack.push(desk.hook, desk.pressing(card, "approve"), secret="wrong")
    assert status == 403
    assert await customer.said() == []


async def test_the_console_takes_a_decision_back_and_says_when_slack_is_behind(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    async with rig(slack, db, mongo_uri, tmp_path, APPROVAL_UNDO_SECONDS="30") as desk:
        accounts = desk.live.core.accounts
        mina = await accounts.find("mina@example.com")
        token = await accounts.issue_token(mina, actor=mina)
        headers = {"Authorization": f"Bearer {token}"}
        customer, _card = await desk.waiting()
        state = await desk.state(customer)
        assert state.review is not None
        url = f"/api/approvals/{state.review.draft_id}"
        body = {"decision": "approve", "version": state.review.version}
        async with desk.http.post(f"{url}/decision", json=body, headers=headers) as answer:
            assert answer.status == 200
        async with desk.http.post(f"{url}/undo", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
        async with desk.http.post(f"{url}/undo", headers=headers) as answer:
            assert answer.status == 200
        assert await customer.said() == []
        again = await desk.state(customer)
        assert again.review is not None
        assert again.review.version > state.review.version
        slack.refused["chat.update"] = "is_archived"
        slack.refused["chat.postMessage"] = "is_archived"
        await desk.asks("Is Slack still there?")
        desk_in_slack = desk.live.desk.slack.desk
        assert desk_in_slack is not None
        await until(lambda: desk_in_slack.trouble == "is_archived", what="the trouble")
        slack.refused.clear()  # somebody unarchives the channel
        await until(
            lambda: any("Is Slack still there?" in shown(m) for m in slack.messages),
            seconds=60,
            what="the card that could not be posted",
        )
        await until(lambda: not desk_in_slack.trouble, what="no trouble")
        link = await accounts.issue_link(mina, actor=mina)
        async with desk.http.post(f"/login/link/{link}", allow_redirects=False) as page:
            assert page.status == 303


async def test_an_erased_customer_is_erased_from_the_desk_too(desk: Rig) -> None:
    customer, card = await desk.waiting()
    await desk.press(card, "take_over")
    await desk.is_human(customer)
    await customer.write("My number is 010-5550-1234.", client_id="m2")
    await until(lambda: any("5550" in shown(m) for m in desk.thread(card)), what="his words")
    await desk.live.core.conversations.update(customer.id, lambda _: (ev.Erased(),))
    await until(lambda: desk.thread(card) == [], what="an empty thread")
    await until(lambda: "reset my password" not in shown(card), what="an empty card")


async def test_a_window_opens_in_time_though_slack_is_slow_to_say_who_it_is(desk: Rig) -> None:
    customer, card = await desk.waiting()
    desk.slack.script.plan("users.info", Fault(seconds=2))
    await desk.press(card, "edit")
    await until(lambda: bool(desk.slack.views), seconds=2, what="a window")
    [(view_id, first)] = desk.slack.views.items()
    assert "One moment" in str(first)
    assert "password" not in str(first)
    _, view = await desk.opened(set())
    await desk.submit(view_id, view, text="In Settings.")
    assert await said_within(customer) == [("agent", "In Settings.")]


async def test_nobody_is_called_for_a_demonstration(desk: Rig) -> None:
    live = desk.live
    [talk, *_] = [t for t in read_story(DEMONSTRATION, "en").conversations if t.kind == "waiting"]
    telling = Telling(
        conversation_id="invented", locale="en", now=live.core.clock.now(), colleague=""
    )
    await live.core.conversations.update("invented", lambda _: events_of(talk, telling))
    await desk.waiting()  # what has come later is shown already
    assert [m for m in desk.slack.messages if talk.question in shown(m)] == []
