"""Keeps a small data directory of this release: `python -m tests.support.release_data`.

Run it once for each release, before its tag; the tests open every one that lies in
tests/data/releases/ with the program as it is.
"""

from __future__ import annotations

import asyncio
import json
import lzma
import re
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp

from core.runtime.version import VERSION
from tests.support.process import ROOT, Program

FOLDER = ROOT / "tests" / "data" / "releases"
LEFT_OUT = ("logs", "lock", "control.sock", "store.pid", "charts")
KNOWN = "notes.json"  #: what the tests need to look at it, beside the data
KNOWLEDGE = "question,answer\nHow long does delivery take?,Parcels arrive within three days.\n"
QUESTION = "How long does delivery take?"
UNKNOWN = "Do you repair wooden canoes from the nineteenth century?"


async def build(folder: Path) -> dict[str, Any]:
    """A data directory below this folder with something of each kind; what is known of it."""
    program = Program(folder / "data")
    await program.start()
    try:
        (folder / "delivery.csv").write_text(KNOWLEDGE)
        await program.command("kb", "add", str(folder / "delivery.csv"))
        said = await program.command(
            "users", "add", "ann@example.com", "--role", "admin", "--token"
        )
        token = said.split()[-1]
        async with aiohttp.ClientSession(program.url) as http:
            staff = {"Authorization": f"Bearer {token}"}
            answered = await _opened(http, QUESTION)
            await _until(http, answered, "ai")
            decided, waiting = await _opened(http, UNKNOWN), await _opened(http, UNKNOWN)
            for one in (decided, waiting):
                await _pending(http, staff, one["id"])
            draft = await _pending(http, staff, decided["id"])
            body = {"decision": "edit", "version": draft["version"], "text": "We do, on Mondays."}
            path = f"/api/approvals/{draft['id']}/decision"
            async with http.post(path, json=body, headers=staff) as answer:
                assert answer.status == 200, await answer.text()
            await _until(http, decided, "agent")
            bearer = {"Authorization": f"Bearer {answered['token']}"}
            where = f"/api/conversations/{answered['id']}"
            async with http.post(
                f"{where}/attachments?name=note.txt", data=b"a note", headers=bearer
            ) as answer:
                file = (await answer.json())["id"]
            body = {"text": "Here is a note.", "client_id": "1", "attachments": [file]}
            async with http.post(f"{where}/messages", json=body, headers=bearer) as answer:
                assert answer.status == 202, await answer.text()
            await asyncio.sleep(4)  # lists and figures follow
    finally:
        await program.stop()
    return {
        "release": VERSION, "token": token, "answered": answered, "decided": decided,
        "waiting": waiting,
    }  # fmt: skip


async def _opened(http: aiohttp.ClientSession, text: str) -> dict[str, str]:
    async with http.post("/api/conversations", json={"text": text, "locale": "en"}) as answer:
        assert answer.status == 201, await answer.text()
        made = await answer.json()
    return {"id": made["id"], "token": made["token"], "text": text}


async def _until(http: aiohttp.ClientSession, chat: dict[str, str], author: str) -> None:
    async with asyncio.timeout(60):
        while author not in [m["author"] for m in await messages(http, chat)]:
            await asyncio.sleep(0.1)


async def messages(http: aiohttp.ClientSession, chat: dict[str, str]) -> list[dict[str, Any]]:
    """What was said in this conversation, as its visitor sees it."""
    bearer = {"Authorization": f"Bearer {chat['token']}"}
    async with http.get(f"/api/conversations/{chat['id']}", headers=bearer) as answer:
        assert answer.status == 200, await answer.text()
        return list((await answer.json())["messages"])


async def pending(
    http: aiohttp.ClientSession, staff: dict[str, str], conversation_id: str
) -> dict[str, Any] | None:
    """The draft of this conversation that waits."""
    async with http.get("/api/approvals/pending", headers=staff) as answer:
        items = (await answer.json())["items"]
    return next((one for one in items if one["conversation_id"] == conversation_id), None)


async def _pending(
    http: aiohttp.ClientSession, staff: dict[str, str], conversation_id: str
) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while (found := await pending(http, staff, conversation_id)) is None:
            await asyncio.sleep(0.1)
    return found


def pack(folder: Path, known: dict[str, Any], path: Path) -> None:
    """Write the data directory and what is known of it, as small as may be."""
    hard = 9 | lzma.PRESET_EXTREME
    with lzma.open(path, "wb", preset=hard) as out, tarfile.open(fileobj=out, mode="w|") as tar:
        for file in sorted((folder / "data").rglob("*")):
            name = file.relative_to(folder / "data")
            if file.is_file() and name.parts[0] not in LEFT_OUT:
                tar.add(file, arcname=f"data/{name}", filter=_nobodys)
        notes = json.dumps(known, indent=1).encode()
        about = tarfile.TarInfo(KNOWN)
        about.size = len(notes)
        tar.addfile(about, BytesIO(notes))


def unpack(path: Path, folder: Path) -> dict[str, Any]:
    """Put it below this folder; what is known of it."""
    with lzma.open(path) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        tar.extractall(folder, filter="data")
    (folder / "data").chmod(0o700)
    found: dict[str, Any] = json.loads((folder / KNOWN).read_text())
    return found


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def main() -> None:
    """The command."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    path = FOLDER / f"{VERSION}.tar.xz"
    with tempfile.TemporaryDirectory() as folder:
        known = asyncio.run(build(Path(folder)))
        FOLDER.mkdir(parents=True, exist_ok=True)
        pack(Path(folder), known, path)
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
