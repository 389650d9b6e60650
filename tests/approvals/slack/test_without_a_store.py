"""The store dies under the desk: every button gets a true answer, and later each works once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.storage.client import connect
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes
from tests.approvals.slack_rig import (
    JOON,
    MINA,
    SARA,
    Customer,
    Rig,
    buttons,
    rig,
    said_within,
    until,
)
from tests.support.servers.slack import Message, SlackServer

AWAY = "Our store does not answer"


class Mortal(EmbeddedStore):
    """A store that a test kills and raises again, on the same port."""

    def kill(self) -> None:
        """It is gone at once."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGKILL)
        process = self._server._process
        assert process is not None
        process.wait()

    async def again(self) -> None:
        """It is back."""
        self._server.spawn(self._credentials())
        await self._server.until_ready()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Mortal]:
    made = Mortal(tmp_path / "own")
    await made.boot()
    yield made
    await made.stop()


@pytest.fixture
async def desk(slack: SlackServer, store: Mortal, tmp_path: Path) -> AsyncIterator[Rig]:
    client = connect(store.uri)
    db = client["own"]
    await ensure_indexes(db)
    async with rig(slack, db, store.uri, tmp_path) as made:
        yield made
    await client.close()


def chosen(desk: Rig, card: Message, action: str, *, by: str = MINA) -> dict[str, Any]:
    """A choice in the card's menu, not delivered yet."""
    press = desk.pressing(card, "approve", by=by)
    menu = next(
        e for b in card.blocks if b["type"] == "actions" for e in b["elements"] if "options" in e
    )
    option = next(o for o in menu["options"] if o["value"].startswith(action))
    press["actions"] = [
        {"action_id": menu["action_id"], "type": "overflow", "selected_option": option}
    ]
    return press


def windows(desk: Rig) -> list[Mapping[str, Any]]:
    return list(desk.slack.views.values())


async def test_every_button_is_answered_truly_and_decides_once_when_the_store_is_back(
    desk: Rig, store: Mortal
) -> None:
    (customer, card), (held, talk) = await desk.waiting(), await desk.waiting("Where is my bill?")
    await desk.press(talk, "take_over")
    await desk.is_human(held)
    await until(lambda: bool(desk.thread(talk)), what="the head of the thread")
    head = desk.thread(talk)[0]
    view_id, view = await desk.window(card, "edit")
    before = len(desk.slack.ephemerals)
    store.kill()

    # What changes something at once is answered privately.
    plain = [
        desk.pressing(card, "approve"),
        desk.pressing(card, "take_over", by=JOON),
        chosen(desk, card, "claim"),
        desk.pressing(head, "hand_back"),
        desk.pressing(head, "resolve"),
    ]
    # What opens a window opens one that says so.
    opened = set(desk.slack.views)
    opening = [
        desk.pressing(card, "edit", by=SARA),
        desk.pressing(card, "reject", by=SARA),
        desk.pressing(head, "reply", by=SARA),
        desk.pressing(head, "transfer", by=SARA),
        chosen(desk, card, "show", by=SARA),
    ]
    await asyncio.gather(*(desk.deliver(press) for press in (*plain, *opening)))
    submitting = asyncio.ensure_future(desk.submit(view_id, view, text="Typed in an outage."))
    word = {
        "type": "message",
        "channel_type": "channel",
        "channel": talk.channel,
        "user": MINA,
        "text": "&gt; In a moment.",
        "ts": desk.slack.ts(),
        "thread_ts": talk.ts,
    }
    spoken = desk.slack.event(word)
    status, _ = await desk.slack.push(desk.hook, spoken)
    assert status == 503, "Slack brings it again"

    def told() -> list[str]:
        return [str(e.get("text")) for e in desk.slack.ephemerals[before:]]

    await until(lambda: len(told()) >= len(plain), seconds=30, what="private answers")
    assert all(AWAY in text for text in told()), told()

    def seen() -> list[str]:
        return [str(v) for key, v in desk.slack.views.items() if key not in opened]

    await until(
        lambda: len(seen()) == len(opening) and all(AWAY in v for v in seen()),
        seconds=30,
        what="windows that say so",
    )
    answer = await submitting
    await until(
        lambda: AWAY in str(answer) or AWAY in str(desk.slack.views[view_id]),
        seconds=30,
        what="a window that says so",
    )
    shown = str(answer) + str(desk.slack.views[view_id])
    assert "Typed in an outage." in shown, "what was typed is not lost"

    await store.again()
    await back(desk, customer)
    state = await desk.state(customer)
    assert state.review is not None, "nothing was decided meanwhile"
    assert len(await held.said()) == 0
    await desk.press(card, "approve")
    await desk.press(card, "approve", by=JOON)
    assert await said_within(customer, seconds=10) == [("ai", "Perhaps in Settings.")]
    await until(
        lambda: any("mina@example.com was first" in text for text in desk.private(JOON)),
        seconds=10,
        what="who was first",
    )
    for _ in range(2):
        status, _ = await desk.slack.push(desk.hook, spoken)
        assert status == 200
    assert await said_within(held, seconds=10) == [("agent", "In a moment.")]
    history = await desk.live.core.conversations.history(customer.id)
    kinds = [e.kind for commit in history for e in commit.events]
    assert kinds.count("review_decided") == 1
    await until(lambda: buttons(card) == {}, seconds=20, what="the decided card")


async def back(desk: Rig, customer: Customer) -> None:
    """Return once the store answers."""
    async with asyncio.timeout(30):
        while True:
            try:
                desk.live.core.conversations.forget(customer.id)
                await desk.state(customer)
            except Exception:
                await asyncio.sleep(0.1)
            else:
                return
