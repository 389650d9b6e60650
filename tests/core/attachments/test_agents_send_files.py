"""What agents attach reaches the customer: by the channel itself, or by a link that opens it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.storage.client import Database
from tests.support import files
from tests.support.desk import WholeDesk, until, whole_desk

pytestmark = [pytest.mark.apart, pytest.mark.long]
DESK = "C0000DESK"
MINA = "U0000MINA"
REPLY = "Here is the manual."


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[WholeDesk]:
    own = {"PUBLIC_URL": "https://desk.example", "SLACK_APPROVALS_CHANNEL": DESK}
    async with whole_desk(db, mongo_uri, tmp_path, "telegram", "sms", "slack", **own) as one:
        yield one


async def held(desk: WholeDesk) -> str:
    """The one conversation, taken over by the agent."""

    async def there() -> bool:
        return bool(await desk.conversations())

    await until(there)
    [conversation_id] = await desk.conversations()
    await desk.post(f"/api/conversations/{conversation_id}/take_over")
    return conversation_id


async def replied(desk: WholeDesk, conversation_id: str, *contents: tuple[str, bytes]) -> None:
    """The agent replies with files."""
    ids = []
    for name, content in contents:
        status, upload = await desk.upload(conversation_id, content, name)
        assert status == 201, upload
        ids.append(upload["id"])
    body = {"text": REPLY, "attachments": ids, "client_id": "r1"}
    await desk.post(f"/api/conversations/{conversation_id}/reply", body)


async def test_telegram_carries_them(desk: WholeDesk) -> None:
    server = desk.vendors.telegram
    url = f"http://127.0.0.1:{desk.app.web.port}/webhooks/telegram"
    await server.push(server.message("I need a person"), url, secret="local-webhook-secret")
    conversation_id = await held(desk)
    photo, pdf = files.photo(), files.pdf()
    await replied(desk, conversation_id, ("a.jpg", photo), ("manual.pdf", pdf))

    async def arrived() -> bool:
        return len(server.sent_files) == 2

    await until(arrived)
    first, second = server.sent_files
    assert (first.method, first.content) == ("sendPhoto", photo)
    assert (second.method, second.name, second.content) == ("sendDocument", "manual.pdf", pdf)
    assert REPLY in server.texts()
    shown = await desk.files(conversation_id)
    assert [a["name"] for a in shown] == ["a.jpg", "manual.pdf"]
    assert (await desk.get(shown[1]["url"])) == (200, pdf)


async def test_a_text_message_has_a_signed_link(desk: WholeDesk) -> None:
    twilio = desk.vendors.twilio
    await twilio.push(
        f"http://127.0.0.1:{desk.app.web.port}/webhooks/twilio/sms",
        twilio.form("I need a person"),
        signed_url="https://desk.example/webhooks/twilio/sms",
    )
    conversation_id = await held(desk)
    pdf = files.pdf()
    await replied(desk, conversation_id, ("manual.pdf", pdf))

    async def arrived() -> bool:
        return any("/files/" in body for body in twilio.bodies())

    await until(arrived)
    found = re.search(r"https://desk\.example(/files/\S+)", " ".join(twilio.bodies()))
    assert found
    status, content = await desk.get(urlsplit(found[1]).path, token="")
    assert (status, content) == (200, pdf)


async def test_slacks_customer_gets_what_the_agent_put_into_the_thread(desk: WholeDesk) -> None:
    slack = desk.vendors.slack
    slack.users[MINA] = {"profile": {"email": "mina@example.com"}, "locale": "en-US"}
    hooks = f"http://127.0.0.1:{desk.app.web.port}/webhooks/slack/events"
    await slack.push(hooks, slack.direct("I need a person"))
    conversation_id = await held(desk)

    async def carded() -> bool:
        return any(m.channel == DESK and not m.thread_ts for m in slack.messages)

    await until(carded)
    card = next(m for m in slack.messages if m.channel == DESK and not m.thread_ts)
    pdf = files.pdf()
    for text in ("for us only", "> Here it is"):
        message = {
            "type": "message",
            "subtype": "file_share",
            "channel": DESK,
            "user": MINA,
            "text": text,
            "ts": slack.ts(),
            "thread_ts": card.ts,
            "files": [slack.shared(pdf, f"{text[:3].strip()}.pdf")],
        }
        await slack.push(hooks, slack.event(message))

    async def sent() -> bool:
        return any(f.get("channel") == "D0000ADA" for f in slack.files.values())

    await until(sent)
    [file] = [f for f in slack.files.values() if f.get("channel") == "D0000ADA"]
    assert file["content"] == pdf
    assert file["name"].startswith("> H"), "only what has the sign goes out"
    assert "Here it is" in " ".join(slack.texts("D0000ADA"))
    assert any("This file stays here" in str(e) for e in slack.ephemerals)
    assert conversation_id


async def test_anothers_upload_is_nobodys_attachment(desk: WholeDesk) -> None:
    made = await desk.post("/api/conversations", {}, token="")
    conversation_id, token = made["id"], made["token"]
    _, visitors = await desk.upload(conversation_id, b"mine", "a.txt", token=token)
    _, agents = await desk.upload(conversation_id, b"ours", "b.txt")
    await desk.post(f"/api/conversations/{conversation_id}/take_over")
    path = f"/api/conversations/{conversation_id}"
    body = {"text": "x", "attachments": [visitors["id"]]}
    async with desk.http.post(f"{path}/reply", json=body) as answer:
        assert answer.status == 422
    stolen = {"client_id": "m1", "attachments": [agents["id"]]}
    headers = {"Authorization": f"Bearer {token}"}
    async with desk.anybody.post(f"{path}/messages", json=stolen, headers=headers) as answer:
        assert answer.status == 422
