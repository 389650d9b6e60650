"""What articles said before is kept for a while: edited, brought back, and forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from config.settings import read_settings
from core.domain.knowledge_change import Deed
from core.engine.ports import Person
from core.errors import BadInput, NotFound
from core.rag.domain.model import Article
from core.rag.knowledge.origins import Origin, Part
from core.rag.knowledge_base.rag import Rag
from core.rag.personal_data import LearnedFromPeople
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

SAUNA = Article(id="sauna", title="When does the sauna open?", text="The sauna opens at nine.")


@pytest.fixture
async def rag(db: Database, tmp_path: Path) -> AsyncIterator[Rag]:
    async with AsyncExitStack() as stack:
        made = Rag(
            stack, vectors=read_settings({}).vectors, data_dir=tmp_path, db=db, clock=ManualClock()
        )  # fmt: skip
        await made.open()
        yield made


async def said(rag: Rag, question: str) -> str:
    found = await rag.knowledge.search_own(question, limit=1)
    return found.hits[0].passage.text if found.hits else ""


async def test_an_edited_article_answers_otherwise_and_can_be_turned_back(rag: Rag) -> None:
    knowledge = rag.knowledge
    await knowledge.add_article(SAUNA, by="ann")
    first = (await knowledge.get("sauna")).digest
    edited = replace(SAUNA, text="The sauna opens at ten.", questions=("Sauna hours?",))
    await knowledge.edit(edited, digest=first, by="sue")
    assert await said(rag, "when does the sauna open?") == "The sauna opens at ten."
    with pytest.raises(BadInput):
        await knowledge.edit(replace(SAUNA, text="Never."), digest=first, by="bob")
    changes = await rag.history.of("sauna")
    assert {(c.by, c.deed) for c in changes} == {("ann", Deed.ADD), ("sue", Deed.ADD)}
    assert (await rag.history.versions("sauna"))[first]["text"] == SAUNA.text
    await knowledge.restore("sauna", first, by="sue")
    assert await said(rag, "when does the sauna open?") == SAUNA.text
    assert (await knowledge.get("sauna")).digest == first
    with pytest.raises(NotFound):
        await knowledge.restore("sauna", "nothing", by="sue")


async def test_the_file_of_an_edited_article_stays(rag: Rag, tmp_path: Path) -> None:
    file = tmp_path / "house.md"
    file.write_text("# House\n\nDogs stay outside.\n")
    await rag.knowledge.add_paths([file])
    [stored] = await rag.knowledge.list()
    words = replace(stored.article, text="Dogs may come in.")
    await rag.knowledge.edit(words, digest=stored.digest, by="sue")
    assert (await rag.knowledge.get(words.id)).file == str(file)


async def test_a_removal_is_undone(rag: Rag) -> None:
    knowledge = rag.knowledge
    await knowledge.add_article(SAUNA, by="ann")
    await knowledge.remove("sauna", by="sue")
    assert await said(rag, "when does the sauna open?") == ""
    [(entry, title)] = await rag.history.removed()
    assert (entry.by, title) == ("sue", SAUNA.title)
    await knowledge.restore("sauna", entry.before, by="ann")
    assert await said(rag, "when does the sauna open?") == SAUNA.text
    assert await rag.history.removed() == []


async def test_who_is_forgotten_stands_in_no_version(rag: Rag, db: Database) -> None:
    knowledge = rag.knowledge
    theirs = Origin(article_id="sauna", part=Part.ARTICLE, conversation_id="c1")
    await knowledge.add_article(SAUNA, by="ann", origins=[theirs])
    stored = await knowledge.get("sauna")
    await knowledge.edit(replace(SAUNA, text="At ten."), digest=stored.digest, by="sue")

    async def unheard(titles: object) -> None: ...

    await LearnedFromPeople(rag.ready, unheard).erase(Person(conversation_ids=("c1",)))
    assert await db["article_versions"].count_documents({}) == 0
    assert await rag.history.removed() == []
