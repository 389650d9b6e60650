"""A data directory that an earlier release wrote is opened, upgraded if need be, and goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from core.runtime.version import VERSION
from tests.support.process import Program
from tests.support.release_data import FOLDER, QUESTION, messages, pending, unpack

RELEASES = sorted(FOLDER.glob("*.tar.xz"))
pytestmark = [pytest.mark.apart, pytest.mark.long, pytest.mark.timeout(240)]


def test_there_is_one_of_this_release_or_of_the_one_before() -> None:
    assert RELEASES
    assert any(path.name <= f"{VERSION}.tar.xz" for path in RELEASES)


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.name.removesuffix(".tar.xz"))
async def test_everything_is_there_and_goes_on(path: Path, tmp_path: Path) -> None:
    known = unpack(path, tmp_path)
    program = Program(tmp_path / "data")
    told = await program.command("upgrade", "--data-dir", str(program.data_dir))
    assert "this is release" in told
    await program.start()
    try:
        staff = {"Authorization": f"Bearer {known['token']}"}
        async with aiohttp.ClientSession(program.url) as http:
            answered = await messages(http, known["answered"])
            assert [m["author"] for m in answered][:2] == ["customer", "ai"]
            assert "three days" in answered[1]["text"]
            [file] = answered[-1].get("attachments") or answered[2]["attachments"]
            bearer = {"Authorization": f"Bearer {known['answered']['token']}"}
            async with http.get(file["url"], headers=bearer) as answer:
                assert await answer.read() == b"a note"
            decided = await messages(http, known["decided"])
            assert "We do, on Mondays." in [m["text"] for m in decided if m["author"] == "agent"]
            draft = await pending(http, staff, known["waiting"]["id"])
            assert draft is not None
            body = {"decision": "reject", "version": draft["version"], "text": "We do not."}
            decision = f"/api/approvals/{draft['id']}/decision"
            async with http.post(decision, json=body, headers=staff) as answer:
                assert answer.status == 200, await answer.text()
            asked = {"text": QUESTION, "locale": "en"}
            async with http.post("/api/conversations", json=asked) as answer:
                new = await answer.json()
            async with asyncio.timeout(60):
                while "ai" not in [m["author"] for m in await messages(http, new)]:
                    await asyncio.sleep(0.1)
        assert "intact" in await program.command("audit", "verify")
        assert "three days" in await program.command("kb", "search", QUESTION)
    finally:
        await program.stop()
