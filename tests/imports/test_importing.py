"""Past conversations become candidates, and knowledge only by a person's yes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import read_settings
from core.accounts.audit.log import Audit
from core.accounts.roles import Role, User
from core.clock import SystemClock
from core.domain.messages import Address
from core.engine.ports import Person
from core.errors import AlreadyDecided, BadInput, Forbidden, NotFound
from core.rag.domain.model import Article
from core.rag.knowledge_base.rag import Rag
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from imports.groups.approving import Approving
from imports.groups.model import FileState, Group, GroupState, Work
from imports.groups.store import PastStore
from imports.importing import Imported, Importer
from imports.personal_data import PastOfPeople
from tests.imports import exports

SUE = User(id="s", email="sue@example.com", role=Role.SUPERVISOR)
ANN = User(id="a", email="ann@example.com", role=Role.AGENT)
REFUND = "A refund takes five days, to the card you paid with."
PAIRS = [
    ("How long does a refund take?", REFUND),
    ("How long does the refund take?", REFUND),
    ("How long will a refund take?", "A refund takes ten days, to the card you paid with."),
    ("Do you ship to Norway?", "Yes, parcels to Norway take a week and cost nine euros."),
]


class Imports:
    """The slice's parts on a real store and index."""

    def __init__(self, db: Database, rag: Rag, folder: Path) -> None:
        self.db, self.rag, self.folder = db, rag, folder
        self.clock = ManualClock()
        self.audit = Audit(db, clock=self.clock)
        self.store = PastStore(db)
        self.importer = Importer(
            self.store, embedder=rag.embedder, secret_key="a key", audit=self.audit,
            clock=self.clock,
        )  # fmt: skip
        self.approving = Approving(
            self.store, knowledge=rag.knowledge, audit=self.audit, clock=self.clock
        )
        self.people = PastOfPeople(
            self.store, importer=self.importer, approving=self.approving, knowledge=rag.ready
        )

    async def read(self, content: object, name: str = "a.json") -> Imported:
        return await self.importer.read(
            exports.written(self.folder / name, content), by="op", progress=lambda *_: None
        )

    async def knows(self, question: str) -> str:
        found = await self.rag.knowledge.search_own(question, limit=1)
        return found.hits[0].passage.text if found.hits else ""


@pytest.fixture
async def past(db: Database, tmp_path: Path) -> AsyncIterator[Imports]:
    async with AsyncExitStack() as stack:
        rag = Rag(
            stack, vectors=read_settings({}).vectors, data_dir=tmp_path / "data", db=db,
            clock=ManualClock(),
        )  # fmt: skip
        await rag.open()
        folder = tmp_path / "files"
        folder.mkdir()
        yield Imports(db, rag, folder)


async def test_questions_that_mean_the_same_are_one_candidate(past: Imports) -> None:
    done = await past.read(exports.lines(exports.zendesk(PAIRS)))
    assert (done.file.exchanges, done.file.new, done.file.bad, done.groups) == (4, 4, 0, 2)
    [refund, norway], count = await past.approving.candidates(SUE)
    assert count == 2
    assert (refund.group.size, refund.group.people, refund.group.answers) == (3, 3, 2)
    assert refund.group.answer == REFUND
    assert refund.group.conflicts, "five days and ten days cannot both be true"
    assert len(refund.examples) == 3
    assert norway.group.size == 1
    # Nothing is known before somebody says yes, and nothing says who asked.
    assert await past.rag.knowledge.list() == []
    kept = json.dumps([d async for d in past.db["past_exchanges"].find({}, {"v": 0})], default=str)
    for secret in ("Doe", "mail.example", "Frost", exports.NOTE, exports.AUTOMATIC):
        assert secret not in kept


async def test_the_same_again_doubles_nothing(past: Imports) -> None:
    tickets = exports.zendesk(PAIRS)
    await past.read(exports.lines(tickets))
    assert (await past.read(exports.lines(tickets), "again.json")).repeated
    # Another export that holds the same tickets and one more.
    more = [*tickets, *exports.zendesk([("Is there parking?", "Yes, behind the house.")], first=9)]
    done = await past.read({"tickets": more}, "more.json")
    assert (done.file.exchanges, done.file.new) == (5, 1)
    assert [g.size for g in await past.store.waiting()] == [3, 1, 1]


async def test_what_was_broken_off_goes_on(past: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imports.importing.BATCH", 2)
    reached = asyncio.Event()
    path = exports.written(past.folder / "a.json", exports.lines(exports.zendesk(PAIRS)))
    task = asyncio.create_task(past.importer.read(path, by="op", progress=lambda *_: reached.set()))
    await reached.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    [file] = await past.store.files()
    assert (file.state, file.items) == (FileState.READING, 2)
    done = await past.importer.read(path, by="op", progress=lambda *_: None)
    assert (done.file.items, done.file.new, done.groups) == (4, 4, 2)
    assert [g.size for g in await past.store.waiting()] == [3, 1]


async def test_bad_rows_are_told_and_the_rest_is_read(past: Imports) -> None:
    done = await past.read(exports.lines(exports.zendesk(PAIRS)) + "{broken\n")
    assert (done.file.new, done.file.bad) == (4, 1)
    assert done.file.bad_rows[0].startswith("row 5: is no JSON")
    with pytest.raises(BadInput):
        await past.read("[]", "empty.json")


async def test_what_is_approved_is_known_and_can_be_taken_back(past: Imports) -> None:
    await past.read(exports.lines(exports.zendesk(PAIRS)))
    [refund, norway], _ = await past.approving.candidates(SUE)
    with pytest.raises(Forbidden):
        await past.approving.approve(ANN, refund.group.id, version=0)
    with pytest.raises(Forbidden):
        await past.approving.candidates(ANN)
    done = await past.approving.approve(
        SUE, refund.group.id, version=0, question="How long does a refund take?",
        answer="Refunds take five working days.",
    )  # fmt: skip
    assert done.edited
    article = (await past.rag.knowledge.get(done.article_id)).article
    assert article.title == "How long does a refund take?"
    assert set(article.questions) == {PAIRS[1][0], PAIRS[2][0]}
    assert await past.knows("how long will the refund take?") == "Refunds take five working days."
    with pytest.raises(AlreadyDecided):
        await past.approving.reject(SUE, refund.group.id, version=0)
    await past.approving.reject(SUE, norway.group.id, version=0)
    assert (await past.approving.candidates(SUE))[1] == 0
    assert len(await past.approving.decided(SUE)) == 2
    for group in (refund.group, norway.group):
        await past.approving.undo(SUE, group.id)
    with pytest.raises(NotFound):
        await past.rag.knowledge.get(done.article_id)
    assert (await past.approving.candidates(SUE))[1] == 2
    whats = [entry.what async for entry in past.audit.entries()]
    assert whats.count("import.undo") == 2
    assert {"import.read", "import.approve", "import.reject"} <= set(whats)


async def test_a_decision_that_a_kill_left_half_done_is_done_by_itself(past: Imports) -> None:
    """Killed between the word in the store and the knowledge, whichever the word was."""
    await past.read(exports.lines(exports.zendesk(PAIRS)))
    [refund, norway], _ = await past.approving.candidates(SUE)

    async def killed(group_id: str, decision: Group) -> None:
        await past.store.decide(replace(decision, id=group_id))

    await killed(
        refund.group.id,
        replace(
            refund.group, decided_by=SUE.email, decided_at=past.clock.now(),
            state=GroupState.APPROVED, work=Work.TEACH, article_id=f"past-{refund.group.id}",
            is_new_article=True, taught=(PAIRS[1][0],),
        ),
    )  # fmt: skip
    done = await past.approving.approve(SUE, norway.group.id, version=0)
    await killed(
        done.id,
        replace(done, state=GroupState.WAITING, work=Work.UNLEARN, decided_by="", decided_at=None),
    )
    assert await past.knows(PAIRS[3][0])
    # Whoever is at it at this moment is left alone.
    assert await past.approving.recover() == 1
    assert await past.knows(PAIRS[3][0]) == ""
    assert await past.knows(PAIRS[0][0]) == ""
    await past.clock.advance(120)
    assert await past.approving.recover() == 1
    assert await past.knows(PAIRS[0][0]) == REFUND
    assert await past.approving.recover() == 0
    assert await past.store.unfinished() == []
    group = await past.store.group(norway.group.id)
    assert (group.article_id, group.taught) == ("", ())
    whats = [e.what async for e in past.audit.entries() if e.subject == refund.group.id]
    assert whats == ["import.approve"]


async def test_two_processes_take_turns_and_double_nothing(past: Imports) -> None:
    path = exports.written(past.folder / "a.json", exports.lines(exports.zendesk(PAIRS)))
    both = [
        Importer(
            past.store, embedder=past.rag.embedder, secret_key="a key", audit=past.audit,
            clock=SystemClock(), alone=False,
        )
        for _ in range(2)
    ]  # fmt: skip
    done = await asyncio.gather(
        *(one.read(path, by="op", progress=lambda *_: None) for one in both)
    )
    assert sorted(one.repeated for one in done) == [False, True]
    assert [g.size for g in await past.store.waiting()] == [3, 1]


async def test_a_file_that_a_command_was_killed_over_goes_on_at_the_start(past: Imports) -> None:
    path = exports.written(past.folder / "a.json", exports.lines(exports.zendesk(PAIRS)))
    await past.importer.read(path, by="op", progress=lambda *_: None, stays=True)
    [file] = await past.store.files()
    await past.store.save_file(replace(file, state=FileState.READING, items=2, path=str(path)))
    assert [f.name for f in await past.importer.broken_off()] == ["a.json"]
    path.unlink()
    assert await past.importer.broken_off() == []


async def test_an_article_that_says_it_already_is_taught_the_questions(past: Imports) -> None:
    knowledge = past.rag.knowledge
    await knowledge.add_article(
        Article(id="refunds", title="How long does a refund take?", text="Refunds take five days.")
    )
    await past.read(exports.lines(exports.zendesk(PAIRS)))
    [refund, _], _ = await past.approving.candidates(SUE)
    assert refund.nearest is not None
    assert refund.nearest.article_id == "refunds"
    done = await past.approving.approve(SUE, refund.group.id, version=0, into="refunds")
    assert set((await knowledge.get("refunds")).article.questions) >= {PAIRS[1][0], PAIRS[2][0]}
    await past.approving.undo(SUE, done.id)
    assert (await knowledge.get("refunds")).article.questions == ()
    with pytest.raises(NotFound):
        await past.approving.approve(SUE, refund.group.id, version=2, into="nowhere")


async def test_personal_data_is_not_approved(past: Imports) -> None:
    await past.read(exports.lines(exports.zendesk(PAIRS)))
    [refund, _], _ = await past.approving.candidates(SUE)
    for answer in ("Write to jo@mail.example.", "Ask [NAME_1] for it."):
        with pytest.raises(BadInput):
            await past.approving.approve(SUE, refund.group.id, version=0, answer=answer)


async def test_a_person_is_forgotten_with_what_they_alone_taught(past: Imports) -> None:
    await past.read(exports.lines(exports.zendesk(PAIRS)))
    [refund, norway], _ = await past.approving.candidates(SUE)
    taught = [
        await past.approving.approve(SUE, one.group.id, version=0) for one in (refund, norway)
    ]
    address = Address(channel="email", account="", chat="JO4@mail.example")
    person = Person(conversation_ids=("c",), addresses=(address,))
    assert len(await past.people.export(person)) == 1
    assert (await past.people.erase(person))["past_exchanges"] == 1
    with pytest.raises(NotFound):
        await past.rag.knowledge.get(taught[1].article_id)
    assert await past.people.erase(person) == {}
    # Two others have said the same as the first one.
    await past.people.forget("jo2@mail.example")
    article = (await past.rag.knowledge.get(taught[0].article_id)).article
    assert PAIRS[1][0] not in article.questions
    assert (await past.store.group(refund.group.id)).size == 2
