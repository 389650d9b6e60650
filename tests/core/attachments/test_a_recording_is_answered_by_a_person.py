"""With an engine installed a voice message is a question; its draft waits and says how it came."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.storage.client import Database
from tests.support import files
from tests.support.desk import WholeDesk, until, whole_desk

pytestmark = [pytest.mark.apart, pytest.mark.long]

#: Stands where faster-whisper would be installed; hears what the model's name says.
ENGINE = """
class Segment:
    def __init__(self, text):
        self.text = text

class WhisperModel:
    def __init__(self, name, device, compute_type):
        self.name = name

    def transcribe(self, path, vad_filter):
        assert open(path, "rb").read(4) == b"RIFF"
        return iter([Segment(" How long do returns"), Segment(" take?")]), None
"""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[None]:
    """An engine on the path, for as long as the test lasts."""
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "faster_whisper.py").write_text(ENGINE)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    sys.modules.pop("faster_whisper", None)


@pytest.fixture
async def desk(
    engine: None, db: Database, mongo_uri: str, tmp_path: Path
) -> AsyncIterator[WholeDesk]:
    del engine
    folder = tmp_path / "data"
    folder.mkdir()
    async with whole_desk(db, mongo_uri, folder) as one:
        yield one


async def test_the_draft_waits_and_is_marked(desk: WholeDesk) -> None:
    article = {
        "title": "Returns",
        "text": "Returns take 14 days from the day the parcel arrives with us.",
        "questions": ["How long do returns take?"],
    }
    await desk.post("/api/knowledge", article)
    made = await desk.post("/api/conversations", {}, token="")
    path = f"/api/conversations/{made['id']}"
    _, upload = await desk.upload(made["id"], files.voice(), "voice.wav", token=made["token"])
    body = {"client_id": "m1", "attachments": [upload["id"]]}
    await desk.post(f"{path}/messages", body, token=made["token"])

    async def drafted() -> bool:
        return "from_recording" in (await desk.waiting(made["id"]))["reasons"]

    try:
        await until(drafted, seconds=25)
    except TimeoutError:
        raise AssertionError(await desk.waiting(made["id"])) from None
    draft = await desk.waiting(made["id"])
    assert "How long do returns take?" in draft["question"]
    assert "14 days" in draft["draft"]["text"]
    seen = await desk.json(path)
    assert "ai" not in {m["author"] for m in seen["messages"]}, "nothing of it goes out alone"
