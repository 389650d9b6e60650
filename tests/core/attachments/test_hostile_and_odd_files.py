"""What is too large, a bomb, locked or not what it says is refused or inert, in words."""

from __future__ import annotations

import asyncio
import base64
import io
import time
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pypdf
import pytest
from bs4 import BeautifulSoup

from core.attachments.reading.media_types import DOCX, served_as, type_of
from core.attachments.reading.reader import Reader
from core.attachments.routes import MOST_WAITING
from core.storage.client import Database
from tests.support import files
from tests.support.desk import Json, WholeDesk, until, whole_desk

pytestmark = [pytest.mark.apart, pytest.mark.long]


@pytest.fixture
async def desk(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[WholeDesk]:
    async with whole_desk(db, mongo_uri, tmp_path, "telegram", TELEGRAM_WEBHOOK_SECRET="") as one:
        yield one


async def sent(desk: WholeDesk, *contents: tuple[str, bytes], text: str = "") -> str:
    """A visitor's message with these files; gives the conversation."""
    made = await desk.post("/api/conversations", {}, token="")
    ids = []
    for name, content in contents:
        status, upload = await desk.upload(made["id"], content, name, token=made["token"])
        assert status == 201, upload
        ids.append(upload["id"])
    body: Json = {"client_id": "m1", "attachments": ids, "text": text}
    path = f"/api/conversations/{made['id']}/messages"
    await desk.post(path, body, token=made["token"])
    return str(made["id"])


async def page_says(desk: WholeDesk, conversation_id: str, *words: str) -> None:
    """Agents read these words beside the files on the conversation's page."""

    async def there() -> bool:
        _, page = await desk.get(f"/console/conversations/{conversation_id}")
        # Among the page's files alone: all of its scripts' words stand in it somewhere.
        shown = BeautifulSoup(page, "html.parser").select(".files")
        said = " ".join(tag.get_text(" ") for tag in shown)
        return all(word in said for word in words)

    await until(there, seconds=40)


async def test_sixty_megabytes_are_refused_while_they_come(desk: WholeDesk) -> None:
    made = await desk.post("/api/conversations", {}, token="")
    status, problem = await desk.upload(
        made["id"], bytes(60_000_000), "film.mp4", token=made["token"]
    )
    assert status == 413
    assert "25 MB" in problem["detail"]

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(60):
            yield bytes(1_000_000)

    headers = {"Authorization": f"Bearer {made['token']}"}
    path = f"/api/conversations/{made['id']}/attachments"
    try:
        async with desk.anybody.post(path, data=pieces(), headers=headers) as answer:
            assert answer.status in (413, 422)
    except OSError:
        pass  # the connection was ended while it still sent
    assert desk.blobs() == []


async def test_what_is_too_large_at_the_vendor_is_said_to_agents(desk: WholeDesk) -> None:
    server = desk.vendors.telegram
    server.say("", document={"file_id": "f", "file_name": "film.mp4", "file_size": 60_000_000})

    async def there() -> bool:
        return bool(await desk.conversations())

    await until(there)
    [conversation_id] = await desk.conversations()
    await page_says(desk, conversation_id, "film.mp4", "It is too large and was not fetched.")
    assert desk.vendors.telegram.called("getFile") == [], "so much is not even asked for"


async def test_documents_are_read_into_the_question(desk: WholeDesk) -> None:
    conversation_id = await sent(
        desk,
        ("letter.docx", files.docx("Please send a new filter.")),
        ("bill.pdf", files.pdf("Invoice 4711 is wrong.")),
        ("notes.txt", "필터를 교체해 주세요".encode()),
        text="See the files",
    )
    wanted = ("Please send a new filter.", "Invoice 4711 is wrong.", "필터를 교체해 주세요")

    async def read() -> bool:
        draft = await desk.waiting(conversation_id)
        return all(text in draft["question"] for text in wanted)

    await until(read, seconds=40)
    draft = await desk.waiting(conversation_id)
    assert draft["question"].startswith("See the files")
    assert draft["draft"]["text"] == ""


async def test_a_bomb_is_inert_and_said_to_be_one(desk: WholeDesk) -> None:
    bomb = files.bomb()
    assert len(bomb) < 1_000_000
    conversation_id = await sent(desk, ("letter.docx", bomb), ("holiday.png", files.pixel_bomb()))
    found = await desk.kept(conversation_id, 2)
    assert (await desk.get(found[0]["url"])) == (200, bomb)
    await page_says(desk, conversation_id, "unpacks to far more than its size")
    async with desk.anybody.get(found[1].get("preview", "/files/none")) as answer:
        assert answer.status == 404, "nobody draws 1,600 million pixels"


async def test_content_shared_by_two_stays_until_the_last_goes(desk: WholeDesk) -> None:
    photo = files.photo()
    for chat in (7001, 7002):
        sizes = [{"file_id": desk.vendors.telegram.attach(photo)}]
        desk.vendors.telegram.say("", chat=chat, photo=sizes)

    async def both() -> bool:
        return len(await desk.conversations()) == 2

    await until(both)
    first, second = await desk.conversations()
    [one], [other] = await desk.kept(first), await desk.kept(second)
    await desk.post("/api/privacy/erase", {"contact": first})
    assert (await desk.get(other["url"])) == (200, photo)
    assert (await desk.get(one["url"]))[0] == 404
    await desk.post("/api/privacy/erase", {"contact": second})

    async def gone() -> bool:
        return desk.blobs() == []

    await until(gone)


async def test_the_export_holds_the_files(desk: WholeDesk) -> None:
    conversation_id = await sent(desk, ("bill.pdf", files.pdf()))
    await desk.kept(conversation_id)
    async with desk.http.post("/api/privacy/export", json={"contact": conversation_id}) as answer:
        assert answer.status == 200, await answer.text()
        given = await answer.json()
    held = {
        (file["name"], file["type"], base64.b64decode(file["content"]))
        for file in given["attachments"]
    }
    # The upload that was not claimed yet may stand beside the message's own for a moment.
    assert held == {("bill.pdf", "application/pdf", files.pdf())}
    assert len(given["attachments"]) <= 2


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (files.HTML, "text/html"),
        (b"\n\n  <SCRIPT>alert(1)</SCRIPT>", "text/html"),
        (b"\xef\xbb\xbf<!doctype html><p>", "text/html"),
        (files.SVG, "image/svg+xml"),
        (b'<?xml version="1.0"?><!-- x --><svg onload="a()"/>', "image/svg+xml"),
        (files.png(), "image/png"),
        (files.photo(64, 48), "image/jpeg"),
        (files.pdf(), "application/pdf"),
        (files.ogg(), "audio/ogg"),
        (files.voice(), "audio/wav"),
        ("안녕하세요".encode(), "text/plain"),
        (b"MZ" + bytes(100), "application/octet-stream"),
        (b"PK\x03\x04 broken", "application/zip"),
        (b"", "application/octet-stream"),
    ],
)
def test_the_type_is_the_contents(tmp_path: Path, content: bytes, media_type: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    assert type_of(path) == media_type
    served = served_as(media_type)
    assert served == media_type or media_type in ("text/html", "image/svg+xml")
    assert served not in ("text/html", "image/svg+xml", "text/xml")


@pytest.mark.parametrize("after", [b"", b"made by hand", bytes(1000)])
def test_an_office_file_is_told_by_its_directory(tmp_path: Path, after: bytes) -> None:
    path = tmp_path / "letter"
    letter = files.docx()
    # A comment of the archive, as some programs leave one.
    path.write_bytes(letter[:-2] + len(after).to_bytes(2, "little") + after)
    assert type_of(path) == DOCX


def test_an_archive_of_a_hundred_thousand_nothings_costs_nothing(tmp_path: Path) -> None:
    """Its type is found in the process that serves, before anybody has looked at it."""
    path = tmp_path / "a.zip"
    path.write_bytes(files.many_entries(100_000))
    tracemalloc.start()
    try:
        assert type_of(path) == "application/zip"
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("broken", range(6))
def test_a_directory_that_lies_is_an_archive_of_nothing(tmp_path: Path, broken: int) -> None:
    whole, path = files.many_entries(3), tmp_path / "a.zip"
    end = whole.rindex(b"PK\x05\x06")
    path.write_bytes(
        (
            whole[: end + 20],
            whole[: end + 12] + b"\xff" * 8 + whole[end + 20 :],
            whole[: end + 12] + bytes(8) + whole[end + 20 :],
            whole.replace(b"PK\x01\x02", b"PK\x01\x03"),
            whole[:30] + b"PK\x01\x02" + b"\xff" * 42 + whole[end:],
            whole + bytes(100_000),
        )[broken]
    )
    assert type_of(path) == "application/zip"


async def test_hostile_documents_end_in_words_and_in_time(tmp_path: Path) -> None:
    locked = pypdf.PdfWriter(clone_from=io.BytesIO(files.pdf()))
    locked.encrypt("secret")
    out = io.BytesIO()
    locked.write(out)
    cases = {
        "locked": (out.getvalue(), "application/pdf"),
        "broken": (b"%PDF-1.7\n" + b"[" * 200_000, "application/pdf"),
        "active": (files.HTML, "text/html"),
        "bomb": (files.bomb(name="a.txt"), "application/zip"),
    }
    began = time.monotonic()
    for problem, (content, media_type) in cases.items():
        path = tmp_path / problem
        path.write_bytes(content)
        found = await Reader().read(path, media_type)
        assert found.problem in (problem, "slow"), (problem, found)
    assert time.monotonic() - began < 90


class Engine:
    """A speech engine that hears what a test wants."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def transcribe(self, path: Path) -> str:
        await asyncio.sleep(0)
        if not self.text:
            raise RuntimeError("no model")
        return self.text


async def test_a_recording_becomes_text_where_an_engine_is(tmp_path: Path) -> None:
    path = tmp_path / "voice"
    path.write_bytes(files.voice())
    heard = await Reader(transcriber=Engine("Where is my order?")).read(path, "audio/wav")
    assert (heard.text, heard.spoken) == ("Where is my order?", True)
    failed = await Reader(transcriber=Engine("")).read(path, "audio/wav")
    assert failed.problem == "unheard"
    silent = await Reader().read(path, "audio/wav")
    assert (silent.text, silent.problem) == ("", "")


async def test_only_files_that_no_message_has_count_as_waiting(desk: WholeDesk) -> None:
    made = await desk.post("/api/conversations", {}, token="")
    path = f"/api/conversations/{made['id']}/messages"
    for n in range(MOST_WAITING + 5):
        status, upload = await desk.upload(made["id"], b"%d" % n, "n.txt", token=made["token"])
        assert status == 201, (n, upload)
        body: Json = {"client_id": f"m{n}", "text": "", "attachments": [upload["id"]]}
        await desk.post(path, body, token=made["token"])
        await desk.kept(made["id"], n + 1)
    for n in range(MOST_WAITING):
        status, _ = await desk.upload(made["id"], b"more %d" % n, "n.txt", token=made["token"])
        assert status == 201
    status, refused = await desk.upload(made["id"], b"once more", "n.txt", token=made["token"])
    assert (status, refused["limit"]) == (429, "files")
