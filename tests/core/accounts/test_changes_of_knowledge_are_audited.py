"""Every change of what the assistant knows stands in the audit: who, what, hashes, no words."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp

from app import App
from core.accounts.audit.log import Entry
from core.accounts.roles import Role
from core.accounts.service import OPERATOR
from core.domain.knowledge_change import Change, Deed
from core.rag.domain.model import Article

PLANTED = "aardvarkian secrets"


class Lines:
    """What a command says."""

    def line(self, text: str = "") -> None:
        """To the reader."""

    def note(self, text: str) -> None:
        """To the reader, beside it."""

    def progress(self, done: int, total: int, label: str = "") -> None:
        """How far it is."""


async def knowledge_entries(app: App) -> list[Entry]:
    """The newest first."""
    return [e for e in await app.core.audit.page() if e.what.startswith("knowledge.")]


async def test_each_face_leaves_who_and_what(app: App, tmp_path: Path) -> None:
    admin = await app.core.accounts.add(OPERATOR, "sara@example.com", role=Role.ADMIN)
    token = await app.core.accounts.issue_token(admin, actor=OPERATOR)
    cookie = await app.access.open(admin, address="127.0.0.1", browser="test")
    session = await app.access.by_session(cookie, is_activity=False)
    assert session is not None
    article = {"id": "password-help", "title": "Passwords", "text": f"All about {PLANTED}."}
    bearer = {"Authorization": f"Bearer {token}"}
    signed_in = {"Cookie": f"session={cookie}", "X-CSRF-Token": session.csrf}
    async with aiohttp.ClientSession(app.core.site.url()) as http:
        async with http.post("/api/knowledge", json=article, headers=bearer) as answer:
            assert answer.status == 201
        async with http.post("/api/knowledge", json=article, headers=bearer) as answer:
            assert answer.status == 201  # the same again changes nothing and is no entry
        article["text"] = f"More about {PLANTED}."
        async with http.post("/api/knowledge", json=article, headers=bearer) as answer:
            assert answer.status == 201
        form = {"id": "password-help"}
        removal = "/console/knowledge/removal"
        async with http.post(
            removal, data=form, headers=signed_in, allow_redirects=False
        ) as answer:
            assert answer.status == 303
        async with http.get("/console/audit?what=knowledge", headers=signed_in) as answer:
            page = await answer.text()
    removed, changed, added = await knowledge_entries(app)
    assert [e.who for e in (added, changed, removed)] == ["sara@example.com"] * 3
    assert [e.what for e in (added, removed)] == ["knowledge.add", "knowledge.remove"]
    assert {e.subject for e in (added, changed, removed)} == {"password-help"}
    assert added.before == {}
    assert changed.before == added.after
    assert removed.before == changed.after != added.after
    assert "password-help" in str(added.after)
    assert "knowledge.remove" in page
    assert PLANTED not in page

    file = tmp_path / "faq.csv"
    file.write_text("question,answer\n" + "".join(f"Q{n}?,A{n}\n" for n in range(25)))
    args = {"paths": [str(file)], "topic": "", "lang": ""}
    assert await app.commands()["kb.add"](args, Lines()) == 0
    [by_command, *_] = await knowledge_entries(app)
    assert (by_command.who, by_command.subject) == ("operator", str(file))
    assert str(by_command.after["articles"]).startswith("25, sha256 ")
    assert (await app.core.audit.verify()).is_intact


async def test_what_is_learned_from_people_and_forgotten_stands_there_too(app: App) -> None:
    knowledge = await app.rag.ready()
    await knowledge.add_article(Article(id="a1", title="Parcels", text="They arrive."))
    await knowledge.add_known_question("a1", f"Where are my {PLANTED}", by="mina@example.com")
    await knowledge.add_known_question("a1", f"Where are my {PLANTED}", by="mina@example.com")
    await knowledge.forget_known_question("a1", f"Where are my {PLANTED}")
    forgotten, learned, added = await knowledge_entries(app)
    assert (added.who, learned.who, forgotten.who) == ("system", "mina@example.com", "system")
    assert (learned.what, forgotten.what) == ("knowledge.add_question", "knowledge.remove_question")
    assert learned.before == added.after == forgotten.after
    said = json.dumps([[dict(e.before), dict(e.after), e.subject] for e in (forgotten, learned)])
    assert "aardvark" not in said


async def test_a_callback_hears_of_each_change(app: App) -> None:
    heard: list[Change] = []

    async def hear(change: Change) -> None:
        heard.append(change)

    knowledge = await app.rag.ready()
    knowledge.on_changed(hear)
    await knowledge.add_article(Article(id="a1", title="Parcels", text="They arrive."), by="x")
    await knowledge.remove("a1", by="y")
    assert [(c.deed, c.by) for c in heard] == [(Deed.ADD, "x"), (Deed.REMOVE, "y")]
