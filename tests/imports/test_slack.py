"""Supervisors approve the past where they already are: in Slack, in small portions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.rendering.slack import SlackMessage
from core.slack.client import Mark, SlackClient
from core.storage.client import Database
from imports.groups.model import GroupState
from imports.parts import Parts
from imports.setup import build
from imports.slack.desk import LOST, MARK
from imports.slack.store import PastCards
from tests.approvals.slack_rig import (
    DESK,
    JOON,
    MINA,
    SARA,
    Rig,
    buttons,
    member,
    rig,
    shown,
    until,
)
from tests.imports import exports
from tests.support.servers.slack import BOT_TOKEN, TEAM, Message, SlackServer

pytestmark = [pytest.mark.apart, pytest.mark.long]

ROOT = "U0000ROOT"
SUE = User(id="s", email="sue@example.com", role=Role.SUPERVISOR)
PAIRS = [
    *(("How long does a refund take?", "A refund takes five days, to your card."),) * 4,
    *(("Do you ship to Norway?", "Yes, parcels to Norway take a week."),) * 3,
    *(("Where can I park my car?", "There is a car park behind the house, it is free."),) * 2,
    ("May I bring my dog along?", "Dogs are welcome, but not at breakfast."),
]
Opens = Callable[[], AbstractAsyncContextManager[Rig]]


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


@pytest.fixture
def opens(slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path) -> Opens:
    return lambda: rig(slack, db, mongo_uri, tmp_path)


@pytest.fixture
async def desk(opens: Opens, tmp_path: Path) -> AsyncIterator[Rig]:
    """A desk where four groups wait, and two people may decide."""
    async with opens() as made:
        await filled(made, tmp_path)
        yield made


async def filled(desk: Rig, folder: Path) -> None:
    """Have four groups wait, and a second person who may decide."""
    desk.slack.users[ROOT] = member("root@example.com")
    await desk.live.core.accounts.add(OPERATOR, "root@example.com", role=Role.ADMIN)
    parts = elsewhere(desk)
    await parts.open()
    path = exports.written(folder / "past.json", exports.lines(exports.zendesk(PAIRS)))
    await parts.importer.read(path, by="op", progress=lambda *_: None)


def elsewhere(desk: Rig) -> Parts:
    """The same slice as another process has it, which tells this one nothing."""
    return build(desk.live.core, desk.live.rag)


def cards(desk: Rig) -> list[Message]:
    """Cards of the past that wait for a press, in the order in which they came."""
    return [m for m in desk.slack.messages if m.channel == DESK and "past:skip" in buttons(m)]


async def swept(desk: Rig) -> None:
    """What is done every half a minute."""
    [part] = [part for part in desk.live.slices if part.name == "imports"]
    for job in part.jobs:
        await job.work()


async def deeds(desk: Rig) -> list[tuple[str, str]]:
    """What the audit has of imports, and by whom."""
    entries = [entry async for entry in desk.live.core.audit.entries()]
    ours = [e for e in entries if e.what.startswith("import.") and e.what != "import.read"]
    return [(e.what, e.who) for e in ours]


async def knows(desk: Rig, question: str) -> str:
    found = await desk.live.rag.knowledge.search_own(question, limit=1)
    return found.hits[0].passage.text if found.hits else ""


async def portion(desk: Rig, *, by: str = SARA, text: str = "past") -> list[Message]:
    """Somebody asks for the next cards."""
    there = cards(desk)
    await desk.command(text, by=by)
    return [card for card in cards(desk) if card not in there]


async def test_whoever_may_decide_asks_for_a_small_portion(desk: Rig) -> None:
    assert "role does not allow" in await desk.command("past", by=MINA)
    assert cards(desk) == []
    told = await desk.command("past", by=SARA)
    assert "posted in the channel for approvals: 3. Waiting in all: 4" in told
    first, second, third = cards(desk)
    assert "How long does a refund take?" in shown(first)
    assert "A refund takes five days" in shown(first)
    assert "4 ×" in shown(first)
    assert "Norway" in shown(second)
    assert "park" in shown(third)
    # What stands in the channel is not posted again.
    [last] = await portion(desk)
    assert "dog" in shown(last)
    assert await portion(desk) == []
    for secret in ("Doe", "mail.example", exports.NOTE):
        assert secret not in json.dumps([shown(m) for m in desk.slack.messages])


async def test_one_press_teaches_it_as_on_the_console(desk: Rig) -> None:
    [refund] = await portion(desk, text="past 1")
    await desk.press(refund, "past:approve", by=MINA)
    await until(lambda: desk.private(MINA) != [], what="a refusal")
    assert "role does not allow" in desk.private(MINA)[-1]
    assert await knows(desk, "How long does a refund take?") == ""
    press = desk.pressing(refund, "past:approve", by=SARA)
    await desk.deliver(press)
    await until(lambda: "sara@example.com has approved" in shown(refund), what="the decided card")
    assert buttons(refund) == {}
    assert "five days" in await knows(desk, "how long will my refund take?")
    # A second click, and a colleague with an old view of the card.
    await desk.deliver(press)
    await until(lambda: desk.private(SARA) != [], what="an answer")
    assert "already done this: approved" in desk.private(SARA)[-1]
    await desk.deliver({**press, "user": {"id": ROOT, "name": "x", "team_id": TEAM}})
    await until(lambda: desk.private(ROOT) != [], what="an answer")
    assert "sara@example.com was first: approved" in desk.private(ROOT)[-1]
    assert await deeds(desk) == [("import.approve", "sara@example.com")]


async def test_of_two_at_the_same_moment_one_decides(desk: Rig) -> None:
    [refund] = await portion(desk, text="past 1")
    await asyncio.gather(
        desk.deliver(desk.pressing(refund, "past:approve", by=SARA)),
        desk.deliver(desk.pressing(refund, "past:reject", by=ROOT)),
    )
    await until(lambda: desk.private(SARA) + desk.private(ROOT) != [], what="who came second")
    await until(lambda: buttons(refund) == {}, what="the decided card")
    async with asyncio.timeout(30.0):  # who came second may have shown it before it was done
        while not await deeds(desk):
            await asyncio.sleep(0.02)
    [(deed, who)] = await deeds(desk)
    known = await knows(desk, "How long does a refund take?")
    assert bool(known) == (deed == "import.approve")
    assert who in shown(refund)


async def test_it_is_put_in_better_words_in_a_window(desk: Rig) -> None:
    [refund] = await portion(desk, text="past 1")
    view_id, view = await desk.window(refund, "past:edit", by=SARA)
    inputs = {b["block_id"]: b["element"] for b in view["blocks"] if b["type"] == "input"}
    assert inputs["question"]["initial_value"] == "How long does a refund take?"
    assert inputs["text:1"]["initial_value"] == "A refund takes five days, to your card."

    def sent(answer: str) -> dict[str, object]:
        submission = desk.submission(view_id, view, by=SARA)
        values = submission["view"]["state"]["values"]
        values["text:1"]["text"]["value"] = answer
        return submission

    refused = await desk.deliver(sent("Write to jo@mail.example, they know."))
    assert "address" in refused["errors"]["text:1"]
    assert await deeds(desk) == []
    assert await desk.deliver(sent("Refunds take five *working* days.")) == {}
    await until(lambda: buttons(refund) == {}, what="the decided card")
    assert "working" in await knows(desk, "How long does a refund take?")


async def test_what_is_put_off_comes_again_after_the_others(desk: Rig) -> None:
    [refund] = await portion(desk, text="past 1")
    await desk.press(refund, "past:skip", by=SARA)
    await until(lambda: buttons(refund) == {}, what="the card that was put off")
    assert "sara@example.com put this off" in shown(refund)
    assert await deeds(desk) == [("import.skip", "sara@example.com")]
    later = await portion(desk, text="past 4")
    assert ["refund" in shown(card) for card in later] == [False, False, False, True]
    await desk.press(later[-1], "past:approve", by=SARA)
    await until(lambda: "approved" in shown(later[-1]), what="the decided card")


async def test_a_card_of_before_a_restart_works(opens: Opens, tmp_path: Path) -> None:
    async with opens() as before:
        await filled(before, tmp_path)
        [refund] = await portion(before, text="past 1")
        press = before.pressing(refund, "past:approve", by=SARA)
    async with opens() as again:
        await again.deliver(press)
        await until(lambda: buttons(refund) == {}, what="the decided card")
        assert "five days" in await knows(again, "How long does a refund take?")
        assert await portion(again, text="past 10")
        assert sum("refund" in shown(m) for m in again.slack.messages) == 1


async def test_a_card_follows_what_is_decided_elsewhere(desk: Rig, tmp_path: Path) -> None:
    refund, norway = await portion(desk, text="past 2")
    parts = elsewhere(desk)
    [group, other], _ = await parts.approving.waiting(SUE, limit=2)
    await parts.approving.reject(SUE, group.id, version=group.version)
    await swept(desk)
    assert "sue@example.com does not want this learned" in shown(refund)
    assert buttons(refund) == {}
    # Another file answers otherwise: what was on the card is not what would be taught.
    pairs = [("Do you ship to Norway?", "No, we ship to Sweden and Denmark only.")] * 9
    path = exports.written(tmp_path / "more.json", exports.lines(exports.zendesk(pairs, first=900)))
    await parts.importer.read(path, by="op", progress=lambda *_: None)
    old = desk.pressing(norway, "past:approve", by=SARA)
    await desk.deliver(old)
    await until(lambda: desk.private(SARA) != [], what="an answer")
    assert "says something else by now" in desk.private(SARA)[-1]
    await until(lambda: "Sweden" in shown(norway), what="the card as it is")
    assert (await parts.store.group(other.id)).state is GroupState.WAITING
    await desk.press(norway, "past:approve", by=SARA)
    await until(lambda: buttons(norway) == {}, what="the decided card")
    assert "Sweden" in await knows(desk, "Do you ship to Norway?")


async def test_a_posting_that_was_broken_off_is_found_or_made_again(desk: Rig) -> None:
    db, clock = desk.live.core.db, desk.live.core.clock
    store, parts = PastCards(db["past_cards"]), elsewhere(desk)
    [posted, lost], _ = await parts.approving.waiting(SUE, limit=2)
    began = clock.now() - LOST - timedelta(seconds=5)
    for group in (posted, lost):
        assert await store.claim(group.id, channel=DESK, at=began)
    # Killed after Slack had taken the one, and before it was noted; the other never came.
    client = SlackClient(AsyncWebClient(token=BOT_TOKEN, base_url=desk.slack.url))
    mark = Mark(kind=MARK, fields={"group": posted.id, "at": int(began.timestamp())})
    await client.post(DESK, SlackMessage(text="half", blocks=()), mark=mark)
    await swept(desk)
    await swept(desk)
    [card] = cards(desk)
    assert "refund" in shown(card)
    [norway] = await portion(desk, text="past 1")
    assert "Norway" in shown(norway)


async def test_a_home_shows_what_waits_to_whom_it_concerns(desk: Rig) -> None:
    for who, sees in ((SARA, True), (JOON, False)):
        event = {"type": "app_home_opened", "user": who, "tab": "home", "channel": "D1"}
        await desk.deliver(desk.slack.event(event))
        await until(lambda who=who: who in desk.slack.homes, what="a Home")  # type: ignore[misc]
        assert ("past:more" in json.dumps(desk.slack.homes[who])) == sees
    press = desk.slack.press("past:more", channel="", user=SARA, value="more", message={},
                             container={"type": "view"})  # fmt: skip
    await desk.deliver(press)
    await until(lambda: len(cards(desk)) == 3, what="the next cards")
