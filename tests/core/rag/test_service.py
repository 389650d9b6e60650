"""What the deployment knows, over the real store, index and model."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.errors import NotFound
from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Article
from core.sdk.testing.clock import ManualClock
from tests.core.rag.world import World

FAQ = (
    "question,answer\n"
    "How do I get a refund?,Within 14 days in the app.\n"
    "When are you open?,Every day from nine to five.\n"
)


async def test_only_what_changed_is_taken_in_again(world: World, tmp_path: Path) -> None:
    file = tmp_path / "faq.csv"
    file.write_text(FAQ)
    seen: list[tuple[int, int]] = []
    taken = await world.knowledge.add_paths([file], progress=lambda a, b: seen.append((a, b)))
    assert (len(taken.added), seen) == (2, [(1, 2), (2, 2)])
    assert await world.best("can I have my money back") == "Within 14 days in the app."

    again = await world.knowledge.add_paths([file])
    assert (again.added, again.changed, len(again.unchanged)) == ((), (), 2)

    file.write_text(FAQ.replace("14 days", "30 days").replace("When are you open?", "Opening?"))
    third = await world.knowledge.add_paths([file])
    assert (len(third.added), len(third.changed), len(third.removed)) == (1, 1, 1)
    assert await world.best("can I have my money back") == "Within 30 days in the app."
    assert await world.articles.count() == 2


async def test_a_broken_file_is_named_and_the_rest_goes_on(world: World, tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_bytes(b"nothing")
    (tmp_path / "good.md").write_text("# Parking\n\nBehind the house.")
    taken = await world.knowledge.add_paths([tmp_path / "bad.pdf", tmp_path / "good.md"])
    assert [failure.source for failure in taken.failed] == [str(tmp_path / "bad.pdf")]
    assert len(taken.added) == 1


async def test_what_was_interrupted_is_finished_at_the_next_start(
    world: World, clock: ManualClock
) -> None:
    article = Article(id="a", title="Parking", text="Behind the house.")
    await world.articles.put([article], file="", at=clock.now())
    await world.knowledge.start()
    assert await world.best("Where can I park?") == "Behind the house."
    assert await world.articles.pending() == []


async def test_lost_vectors_are_made_again_from_the_articles(world: World) -> None:
    await world.knowledge.add_article(Article(id="a", title="Parking", text="Behind the house."))
    await world.index.clear()
    await world.knowledge.start()
    assert await world.best("Where can I park?") == "Behind the house."
    assert await world.knowledge.rebuild() == 1
    assert await world.best("Where can I park?") == "Behind the house."


async def test_a_known_question_leads_to_its_article(world: World) -> None:
    await world.knowledge.add_article(Article(id="p", title="Parking", text="Behind the house."))
    await world.knowledge.add_article(Article(id="o", title="Opening", text="From nine to five."))
    question = "Is there somewhere to leave my bike?"
    await world.knowledge.add_known_question("p", question)
    await world.knowledge.add_known_question("p", "  Is there somewhere to leave my BIKE? ")
    found = await world.knowledge.search(question)
    assert found.hits[0].passage.article_id == "p"
    assert found.hits[0].known == pytest.approx(1.0, abs=1e-2)
    stored = await world.knowledge.get("p")
    assert stored.article.questions == (question,)
    await world.knowledge.forget_known_question("p", question)
    assert (await world.knowledge.get("p")).article.questions == ()
    with pytest.raises(NotFound):
        await world.knowledge.add_known_question("nothing", question)


async def test_what_was_learned_outlives_a_new_version_of_the_file(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "faq.csv"
    file.write_text(FAQ)
    [refund, _] = (await world.knowledge.add_paths([file])).added
    await world.knowledge.add_known_question(refund, "give me my cash")
    file.write_text(FAQ.replace("14 days", "30 days"))
    await world.knowledge.add_paths([file])
    assert (await world.knowledge.get(refund)).article.questions == ("give me my cash",)


async def test_a_removed_article_is_found_no_more(world: World) -> None:
    await world.knowledge.add_article(Article(id="a", title="Parking", text="Behind the house."))
    await world.knowledge.remove("a")
    assert list((await world.knowledge.search("Where can I park?")).hits) == []
    with pytest.raises(NotFound):
        await world.knowledge.remove("a")


async def test_a_change_gives_another_revision(world: World) -> None:
    before = world.retriever.revision
    await world.knowledge.add_article(Article(id="a", title="Parking", text="Here."))
    assert world.retriever.revision > before
    await asyncio.sleep(0.3)


async def test_a_search_that_is_down_says_so(world: World) -> None:
    await world.index.stop()
    with pytest.raises(VectorsUnavailable):
        await world.knowledge.search("Where can I park?")
