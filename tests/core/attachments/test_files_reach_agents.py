"""A customer's file stands in the card's thread in Slack, byte for byte, and goes with them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from core.storage.client import Database
from tests.support import files
from tests.support.desk import WholeDesk, until, whole_desk
from tests.support.servers.slack import SlackServer

pytestmark = [pytest.mark.apart, pytest.mark.long]
DESK = "C0000DESK"
PROMPT = 15.0  #: seconds; five are promised, and the machine is shared


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[WholeDesk]:
    own = {"PUBLIC_URL": "https://desk.example", "SLACK_APPROVALS_CHANNEL": DESK}
    async with whole_desk(db, mongo_uri, tmp_path, "sms", "slack", **own) as one:
        yield one


def uploads(slack: SlackServer) -> list[dict[str, Any]]:
    """What we uploaded and shared, in order."""
    return [file for file in slack.files.values() if "thread_ts" in file]


async def mms(desk: WholeDesk, body: str, *contents: tuple[str, bytes]) -> None:
    """A customer sends pictures to our number."""
    twilio = desk.vendors.twilio
    status, _ = await twilio.push(
        f"http://127.0.0.1:{desk.app.web.port}/webhooks/twilio/sms",
        twilio.mms(body, *contents),
        signed_url="https://desk.example/webhooks/twilio/sms",
    )
    assert status == 200


async def shared(desk: WholeDesk, count: int = 1) -> list[dict[str, Any]]:
    """The uploads once there are so many."""

    async def there() -> bool:
        return len(uploads(desk.vendors.slack)) >= count

    await until(there, seconds=PROMPT)
    return uploads(desk.vendors.slack)


async def test_an_mms_is_in_the_cards_thread_within_seconds(desk: WholeDesk) -> None:
    photo, sound = files.photo(), files.voice()
    began = time.monotonic()
    await mms(desk, "It leaks here", ("image/jpeg", photo), ("audio/wav", sound))
    found = await shared(desk, 2)
    assert time.monotonic() - began < PROMPT
    assert {file["content"] for file in found} == {photo, sound}
    [card] = [m for m in desk.vendors.slack.messages if m.channel == DESK and not m.thread_ts]
    assert {(f["channel"], f["thread_ts"]) for f in found} == {(DESK, card.ts)}
    pressed = [e["action_id"] for b in card.blocks if b["type"] == "actions" for e in b["elements"]]
    assert "desk:approve" not in pressed


async def test_a_file_shared_in_slack_is_fetched_and_the_thread_shows_it(desk: WholeDesk) -> None:
    slack = desk.vendors.slack
    pdf = files.pdf("The pump makes a noise.")
    event = slack.direct("", subtype="file_share", files=[slack.shared(pdf, "pump.pdf")])
    url = f"http://127.0.0.1:{desk.app.web.port}/webhooks/slack/events"
    status, _ = await slack.push(url, event)
    assert status == 200
    [found] = await shared(desk)
    assert found["content"] == pdf
    [conversation_id] = await desk.conversations()

    async def read() -> bool:
        draft = await desk.waiting(conversation_id)
        return "The pump makes a noise." in draft["question"]

    await until(read)


async def test_fifteen_megabytes_and_a_voice_note_reach_the_thread_whole(desk: WholeDesk) -> None:
    slack = desk.vendors.slack
    pdf, voice = files.pdf(size=15_000_000), files.ogg()
    given = [
        slack.shared(pdf, "plans.pdf", mimetype="application/pdf"),
        slack.shared(voice, "note.ogg", mimetype="audio/ogg"),
    ]
    url = f"http://127.0.0.1:{desk.app.web.port}/webhooks/slack/events"
    status, _ = await slack.push(url, slack.direct("", subtype="file_share", files=given))
    assert status == 200
    found = {file["name"]: file["content"] for file in await shared(desk, 2)}
    assert found == {"plans.pdf": pdf, "note.ogg": voice}


async def test_a_file_that_is_not_at_slack_is_said_in_words(desk: WholeDesk) -> None:
    slack = desk.vendors.slack
    far = {"id": "F1", "name": "plan.gdoc", "is_external": True, "mode": "external"}
    event = slack.direct("Look", subtype="file_share", files=[far])
    await slack.push(f"http://127.0.0.1:{desk.app.web.port}/webhooks/slack/events", event)

    async def said() -> bool:
        return any("plan.gdoc" in m.text and "vendor" in m.text for m in slack.messages)

    await until(said)


async def test_erasing_the_customer_leaves_no_content_and_no_upload(desk: WholeDesk) -> None:
    await mms(desk, "It leaks here", ("image/jpeg", files.photo()))
    await shared(desk)
    kept = [path for path in desk.blobs() if path.parent.name != "incoming"]
    assert len(kept) == 2, "the photo and its preview"
    ran = await desk.post("/api/privacy/erase", {"contact": "+15557654321"})
    assert ran["removed"]["attachments"] == 1
    assert ran["removed"]["files"] == 2

    async def gone() -> bool:
        return desk.blobs() == [] and uploads(desk.vendors.slack) == []

    await until(gone)
