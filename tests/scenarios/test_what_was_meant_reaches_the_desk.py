"""The whole product: what customers really do on Telegram and Slack, and what the desk sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.storage.client import Database
from tests.support.desk import WholeDesk, until, whole_desk
from tests.support.servers.slack import CUSTOMER

UNKNOWN = "Does the zeppelin service call at Ulan Bator?"
CHANGED = "Does the zeppelin service call at Timbuktu?"


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[WholeDesk]:
    async with whole_desk(db, mongo_uri, tmp_path, "telegram", "slack") as up:
        yield up


async def pending(desk: WholeDesk) -> list[Any]:
    items: list[Any] = (await desk.json("/api/approvals/pending"))["items"]
    return items


async def messages(desk: WholeDesk, conversation: str) -> list[Any]:
    found: list[Any] = (await desk.json(f"/api/conversations/{conversation}"))["messages"]
    return found


async def asked(desk: WholeDesk, question: str) -> dict[str, Any]:
    """The draft that waits for this question, once it is the only one."""

    async def is_there() -> bool:
        return [item["question"] for item in await pending(desk)] == [question]

    await until(is_there)
    [item] = await pending(desk)
    assert isinstance(item, dict)
    return item


async def test_on_telegram(desk: WholeDesk) -> None:
    telegram = desk.vendors.telegram
    first = telegram.say(UNKNOWN)
    before = await asked(desk, UNKNOWN)
    conversation = before["conversation_id"]

    edit = first["message"] | {"text": CHANGED, "edit_date": first["message"]["date"] + 60}
    telegram.deliver(telegram.update({"edited_message": edit}))
    after = await asked(desk, CHANGED)
    assert after["deadline"] == before["deadline"]
    shown = (await messages(desk, conversation))[0]
    assert (shown["text"], bool(shown["edited_at"])) == (CHANGED, True)

    reaction = {
        "chat": first["message"]["chat"],
        "message_id": first["message"]["message_id"],
        "user": first["message"]["from"],
        "date": first["message"]["date"],
        "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    }
    telegram.deliver(telegram.update({"message_reaction": reaction}))

    async def stands() -> object:
        return (await messages(desk, conversation))[0].get("reactions", []) == ["👍"]

    await until(stands)
    told = len(telegram.texts())
    telegram.deliver(telegram.message(dice={"emoji": "🎲", "value": 4}))

    async def answered() -> bool:
        return "text only" in telegram.texts()[-1]

    await until(answered)
    assert len(telegram.texts()) == told + 1
    assert "[dice]" in [m["text"] for m in await messages(desk, conversation)]
    _, page = await desk.get(f"/console/conversations/{conversation}/thread")
    assert "Timbuktu" in page.decode()


async def test_on_slack(desk: WholeDesk) -> None:
    slack = desk.vendors.slack
    slack.users[CUSTOMER] = {"profile": {"display_name": "Ada L."}, "real_name": "Ada"}
    hooks = f"http://127.0.0.1:{desk.app.web.port}/webhooks/slack/events"
    first = slack.direct(f":wave: {UNKNOWN}")
    await slack.push(hooks, first)
    item = await asked(desk, f"👋 {UNKNOWN}")
    assert item["customer"] == "Ada L."
    await desk.post(
        f"/api/approvals/{item['id']}/decision",
        {"decision": "take_over", "version": item["version"]},
    )
    # A thread in the direct message is the same conversation, and in a person's hands.
    threaded = slack.direct("How do I reach you?", thread_ts=first["event"]["ts"])
    shared = {"is_share": True, "text": "Error E04", "author_name": "Bob"}
    forwarded = slack.direct("", attachments=[shared])
    for event in (threaded, forwarded):
        await slack.push(hooks, event)
    conversation = item["conversation_id"]

    async def heard() -> bool:
        texts = [m["text"] for m in await messages(desk, conversation)]
        return "How do I reach you?" in texts and "> Bob: Error E04" in texts

    await until(heard)
    assert [m["author"] for m in await messages(desk, conversation)].count("ai") == 0
    await desk.post(f"/api/conversations/{conversation}/reply", {"text": "I am here."})

    async def answered() -> bool:
        return any(m.text == "I am here." for m in slack.messages)

    await until(answered)
