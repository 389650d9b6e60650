"""What customers send arrives byte for byte, and is what its content says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.storage.client import Database
from tests.support import files
from tests.support.desk import WholeDesk, until, whole_desk

pytestmark = [pytest.mark.apart, pytest.mark.long]


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[WholeDesk]:
    async with whole_desk(db, mongo_uri, tmp_path, "telegram", TELEGRAM_WEBHOOK_SECRET="") as one:
        yield one


async def opened(desk: WholeDesk) -> tuple[str, str]:
    """A visitor's conversation and its token."""
    made = await desk.post("/api/conversations", {"locale": "en"}, token="")
    return made["id"], made["token"]


async def test_a_visitors_photo_is_seen_by_staff_and_by_nobody_else(desk: WholeDesk) -> None:
    conversation_id, token = await opened(desk)
    photo = files.photo()
    status, upload = await desk.upload(conversation_id, photo, "pump.jpg", token=token)
    assert status == 201, upload
    assert (upload["type"], upload["size"]) == ("image/jpeg", len(photo))
    path = f"/api/conversations/{conversation_id}"
    body = {"client_id": "m1", "attachments": [upload["id"]]}
    await desk.post(f"{path}/messages", body, token=token)
    [shown] = await desk.kept(conversation_id)
    assert {k: shown[k] for k in ("name", "type", "size", "state")} == {
        "name": "pump.jpg",
        "type": "image/jpeg",
        "size": len(photo),
        "state": "kept",
    }
    assert await desk.get(shown["url"]) == (200, photo)
    assert await desk.get(shown["url"], token=token) == (200, photo)
    assert (await desk.get(shown["url"], token=""))[0] == 401
    _, other = await opened(desk)
    assert (await desk.get(shown["url"], token=other))[0] == 404

    async with desk.anybody.get(shown["open"]) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert await answer.read() == photo
    for asked, given in (("bytes=10-19", photo[10:20]), ("bytes=-5", photo[-5:])):
        async with desk.anybody.get(shown["open"], headers={"Range": asked}) as answer:
            assert (answer.status, await answer.read()) == (206, given)
    beyond = {"Range": f"bytes={len(photo)}-"}
    async with desk.anybody.get(shown["open"], headers=beyond) as answer:
        assert answer.status == 416
    async with desk.anybody.get(shown["preview"]) as answer:
        preview = await answer.read()
        assert answer.headers["Content-Type"] == "image/jpeg"
    assert files.SECRET_PLACE in photo
    assert files.SECRET_PLACE not in preview
    assert b"Exif" not in preview
    assert (await desk.get(shown["open"][:-1] + "x", token=""))[0] == 404


async def test_nothing_automatic_is_offered_as_an_answer_to_a_photo(desk: WholeDesk) -> None:
    article = {
        "title": "Returns",
        "text": "Returns take 14 days from the day the parcel arrives with us.",
        "questions": ["How long do returns take?"],
    }
    await desk.post("/api/knowledge", article)  # without the photo this would be its answer
    conversation_id, token = await opened(desk)
    _, upload = await desk.upload(conversation_id, files.photo(), "pump.jpg", token=token)
    path = f"/api/conversations/{conversation_id}"
    asked = "How long do returns take?"
    said = {"text": asked, "client_id": "m1", "attachments": [upload["id"]]}
    await desk.post(f"{path}/messages", said, token=token)
    draft = await desk.waiting(conversation_id)
    assert draft["draft"]["text"] == ""
    assert "attachment" in draft["reasons"]
    answer = {"decision": "approve", "version": draft["version"]}
    async with desk.http.post(f"/api/approvals/{draft['id']}/decision", json=answer) as refused:
        assert refused.status == 422


async def test_telegrams_photo_voice_and_document_are_fetched(desk: WholeDesk) -> None:
    server = desk.vendors.telegram
    photo, voice, pdf = files.photo(), files.ogg(), files.pdf(size=15_000_000)
    sizes = [{"file_id": "small", "file_size": 10}, {"file_id": server.attach(photo)}]
    server.say("", photo=sizes, caption="Look at this")
    server.say("", voice={"file_id": server.attach(voice), "mime_type": "audio/ogg"})
    about = {"file_id": server.attach(pdf), "file_name": "bill.pdf", "file_size": len(pdf)}
    server.say("", document=about)
    conversation_id = await _only(desk)
    found = await desk.kept(conversation_id, 3)
    assert [a["type"] for a in found] == ["image/jpeg", "audio/ogg", "application/pdf"]
    contents = [(await desk.get(a["url"]))[1] for a in found]
    assert contents == [photo, voice, pdf]


async def test_what_telegram_does_not_give_is_said_in_words(desk: WholeDesk) -> None:
    desk.vendors.telegram.say("", document={"file_id": "gone", "file_name": "a.pdf"})
    conversation_id = await _only(desk)
    [refused] = await desk.kept(conversation_id)
    assert refused["state"] == "refused"
    assert (await desk.get(refused["url"]))[0] == 410


async def _only(desk: WholeDesk) -> str:
    async def there() -> bool:
        return bool(await desk.conversations())

    await until(there)
    return (await desk.conversations())[0]


async def test_a_photo_that_is_exchanged_is_fetched_too(desk: WholeDesk) -> None:
    server = desk.vendors.telegram
    first, second = files.photo(seed=1), files.photo(seed=2)
    update = server.message("", photo=[{"file_id": server.attach(first)}])
    server.deliver(update)
    conversation_id = await _only(desk)
    await desk.kept(conversation_id)
    edited = {**update["message"], "edit_date": 1_790_000_100}
    edited["photo"] = [{"file_id": server.attach(second)}]
    server.deliver(server.update({"edited_message": edited}))

    async def both() -> bool:
        _, page = await desk.get(f"/console/conversations/{conversation_id}")
        return page.decode().count('class="picture"') == 2

    await until(both)


async def test_a_web_chat_that_is_switched_off_takes_no_files(desk: WholeDesk) -> None:
    conversation_id, token = await opened(desk)
    await desk.post("/api/plugins/web/disable")

    async def off() -> bool:
        return desk.app.host.get("web") is None

    await until(off)
    status, problem = await desk.upload(conversation_id, b"x", "a.txt", token=token)
    assert (status, problem["limit"]) == (503, "closed")
