"""After an erasure no byte of the person is left: not in the store, the vectors or the logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from analytics.reports.writer import ReportKind
from app import App, serving
from config.settings import read_settings
from core.accounts.roles import Role, User
from core.accounts.service import OPERATOR
from core.domain import events as ev
from core.domain.messages import Address, InboundKind, InboundMessage, Sender
from core.errors import Forbidden
from core.rag.domain.model import Article
from core.runtime.data_dir import DataDir
from core.storage.embedded import EmbeddedStore
from tests.support.process import Program

WORD = "plantedquokka"
EMAIL = "quokka.person@example.org"
PHONE = "+821055501234"


def holding(folder: Path, *words: str) -> list[str]:
    """Files with one of the words in them, and which."""
    found = []
    for file in folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes().lower()
            found += [f"{file.name}: {w}" for w in words if w.lower().encode() in content]
    return found


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[App]:
    """Everything, on a store of its own whose files can be searched."""
    settings = read_settings({"DATA_DIR": str(tmp_path), "PORT": "0"})
    store = EmbeddedStore(tmp_path)
    store.launch()
    async with serving(settings, DataDir(tmp_path), store=store, guide=None) as running:
        yield running


async def written(live: App, text: str, *, chat: str = PHONE, n: int = 1) -> str:
    """A customer writes by text message; gives the conversation's id."""
    address = Address(channel="sms", account="+15550001", chat=chat)
    message = InboundMessage(
        address=address,
        external_id=f"SM{chat}{n}",
        sender=Sender(id=chat, name=f"Name {WORD}" if chat == PHONE else "Somebody"),
        text=text,
    )
    await live.core.inbox.receive(message)
    conversation_id = address.conversation_id()
    async with asyncio.timeout(20):
        while not (await live.core.conversations.peek(conversation_id)).review:
            await asyncio.sleep(0.05)
    return conversation_id


async def test_no_byte_is_left(live: App, tmp_path: Path) -> None:
    other = await written(live, "Where is my parcel number 7", chat="+15559998888")
    theirs = await written(live, f"My {WORD} broke, write to {EMAIL}")
    await live.rag.knowledge.add_article(Article(id="a1", title="Parcels", text="They arrive."))
    asked = f"My {WORD} broke, write to {EMAIL}"
    await live.rag.knowledge.add_known_question("a1", asked, asked_in=theirs)
    admin = await live.core.accounts.first_admin()
    await live.desk.service.note(admin, theirs, f"called about {WORD}")
    await live.core.projector.drain()
    today = live.core.clock.now().date()
    reporting, report_id = live.insight.reporting, f"daily:{today}"
    await reporting.store.claim(report_id, late=False)
    await reporting.store.keep(
        report_id, *await reporting.writer.write_sourced(ReportKind.DAILY, today)
    )
    log_file = tmp_path / "logs" / "store.log"
    with log_file.open("a") as out:
        out.write(f"a line about {EMAIL}\nanother line\n")
    assert holding(tmp_path, WORD, EMAIL, PHONE)

    given = await live.privacy.export(OPERATOR, EMAIL)
    assert [c["id"] for c in given["conversations"]] == [theirs]
    assert len(given["approvals"]) == 1
    assert given["origins"] == [{"article": "a1", "part": "question", "text": asked}]
    assert [(r["report"], WORD in r["question"]) for r in given["reports"]] == [(report_id, True)]
    assert {fact["kind"] for fact in given["facts"]} >= {"started", "asked", "review"}

    receipt = await live.privacy.erase(OPERATOR, "010-5550-1234")
    assert receipt.conversations == 1
    assert receipt.rewritten
    wanted = {"commits", "events", "approvals", "deliveries", "known_questions", "log_lines"}
    assert wanted | {"reports", "inbox"} == set(receipt.removed)
    assert (await live.core.conversations.peek(theirs)).erased
    assert (await live.core.conversations.peek(other)).review is not None
    [marker] = await live.core.conversations.history(theirs)
    assert marker.events == (ev.Erased(),)
    assert len((await live.desk.service.pending(admin)).items) == 1
    assert "another line\n" in log_file.read_text()
    report = await reporting.of(today)
    assert [gap["question"] for gap in report["missing"]] == ["Where is my parcel number 7"]
    assert report["conversations"] == 2  # what was counted stays counted
    await asyncio.sleep(4)  # whatever settles late has settled
    assert holding(tmp_path, WORD, EMAIL, PHONE) == []
    audit = [entry for entry in await live.core.audit.page() if entry.what == "person.erase"]
    assert audit[0].after["conversations"] == 1
    assert (await live.core.audit.verify()).is_intact
    assert (await live.privacy.erase(OPERATOR, PHONE)).conversations == 0

    # They may come back as a stranger; numbers go on, nothing of before is known.
    again = await written(live, "Hello, do you know me?", n=2)
    state = await live.core.conversations.peek(again)
    assert again == theirs
    assert not state.erased
    assert state.seq > marker.base
    assert [turn.text for turn in state.memory][:1] == ["Hello, do you know me?"]


async def test_who_a_site_has_signed_is_one_person_in_all_their_conversations(
    live: App, tmp_path: Path
) -> None:
    sender = Sender(id="customer-42", name=f"Kim {WORD}", email=EMAIL)
    for chat in ("first", "second"):
        message = InboundMessage(
            address=Address(channel="web", account="web", chat=chat),
            external_id=chat,
            sender=sender,
            text="Where is my parcel?",
        )
        await live.core.inbox.receive(message)
    await live.core.projector.drain()
    # The address is what somebody said: whoever asks for it sees where, and decides.
    given = await live.privacy.export(OPERATOR, EMAIL)
    assert sorted(c["id"] for c in given["conversations"]) == ["first", "second"]
    receipt = await live.privacy.erase(OPERATOR, "customer-42")
    assert receipt.conversations == 2
    await asyncio.sleep(4)  # whatever settles late has settled
    assert holding(tmp_path, WORD, EMAIL, "customer-42") == []


async def test_who_only_mentions_an_address_is_not_its_owner(live: App) -> None:
    for chat, email, text in (
        ("owner", EMAIL, "Where is my parcel?"),
        ("friend", "jo@example.com", f"Please write to my friend, too: {EMAIL}"),
    ):
        message = InboundMessage(
            address=Address(channel="web", account="web", chat=chat),
            external_id=chat,
            sender=Sender(id=chat, email=email),
            text=text,
        )
        await live.core.inbox.receive(message)
    receipt = await live.privacy.erase(OPERATOR, EMAIL)
    assert (receipt.conversations, receipt.mentioned) == (1, ("friend",))
    assert (await live.core.conversations.peek("owner")).erased
    assert not (await live.core.conversations.peek("friend")).erased


async def test_a_stop_outlives_everything(live: App) -> None:
    theirs = await written(live, f"My {WORD}")
    address = Address(channel="sms", account="+15550001", chat=PHONE)
    stop = InboundMessage(
        address=address, external_id="stop", sender=Sender(id=PHONE), kind=InboundKind.OPT_OUT
    )
    await live.core.inbox.receive(stop)
    await live.privacy.erase(OPERATOR, theirs)
    live.core.conversations.forget(theirs)
    assert (await live.core.conversations.peek(theirs)).opted_out


async def test_what_was_broken_off_is_finished(live: App) -> None:
    theirs = await written(live, f"My {WORD}")
    await live.db["erasures"].insert_one(
        {
            "_id": "e1", "conversations": [theirs], "who": "operator", "rewrite": False,
            "done": False, "at": live.core.clock.now(),
        }
    )  # fmt: skip
    await live.privacy.resume()
    assert len(await live.core.conversations.history(theirs)) == 1
    found = await live.db["erasures"].find_one({"_id": "e1"})
    assert found is not None
    assert found["done"]


async def test_only_what_is_old_enough_goes(live: App) -> None:
    admin = await live.core.accounts.first_admin()
    theirs = await written(live, f"My {WORD}")
    waiting = await written(live, "Mine, too", chat="+15559998888")
    await live.desk.service.take_over(admin, theirs)
    await live.desk.service.resolve(admin, theirs)
    privacy = live.privacy
    await asyncio.sleep(4)
    assert await privacy.retain(days=1, by_channel={}) == 0
    snapshots = live.db["conversations"]
    await snapshots.update_many(
        {}, {"$set": {"updated_at": live.core.clock.now() - timedelta(days=40)}}
    )
    assert await privacy.retain(days=30, by_channel={"sms": 90}) == 0
    assert await privacy.retain(days=None, by_channel={"web": 1}) == 0
    assert await privacy.retain(days=90, by_channel={"sms": 30}) == 1
    assert (await live.core.conversations.peek(theirs)).erased
    assert not (await live.core.conversations.peek(waiting)).erased


async def test_only_admins_erase(live: App) -> None:
    for role in (Role.AGENT, Role.SUPERVISOR):
        user = User(id="u", email="u@example.com", role=role)
        with pytest.raises(Forbidden):
            await live.privacy.erase(user, PHONE)
        with pytest.raises(Forbidden):
            await live.privacy.export(user, PHONE)


async def run(*words: str, data_dir: Path) -> tuple[int, str]:
    import sys

    from tests.support.process import ROOT

    child = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "bot.py"), *words, "--data-dir", str(data_dir),
        cwd=data_dir.parent, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await child.communicate()
    assert child.returncode is not None
    return child.returncode, out.decode()


async def test_by_the_command_line_while_it_serves_and_at_rest(tmp_path: Path) -> None:
    data = tmp_path / "data"
    program = Program(data)
    await program.start()
    ids = []
    async with aiohttp.ClientSession(program.url) as http:
        for n in range(2):
            async with http.post(
                "/api/conversations", json={"text": f"my {WORD}{n}, reach me at {n}{EMAIL}"}
            ) as answer:
                made: dict[str, Any] = await answer.json()
                ids.append(made["id"])
    await asyncio.sleep(2)
    code, out = await run("export", f"0{EMAIL}", data_dir=data)
    assert code == 0
    assert [c["id"] for c in json.loads(out)["conversations"]] == [ids[0]]
    code, out = await run("erase", f"0{EMAIL}", data_dir=data)
    assert code == 0
    assert "conversations" in out
    async with aiohttp.ClientSession(program.url) as http, http.get("/readyz") as answer:
        assert answer.status == 200
    await program.stop()
    code, out = await run("erase", "-6hyphenated", data_dir=data)
    assert (code, out.split(";")[0]) == (0, "Nobody is known by this contact")
    code, out = await run("erase", ids[1], data_dir=data)
    assert code == 0, out
    assert holding(tmp_path, WORD, EMAIL) == []
    code, out = await run("audit", "verify", data_dir=data)
    assert (code, out.split(", ")[1]) == (0, "intact\n")
