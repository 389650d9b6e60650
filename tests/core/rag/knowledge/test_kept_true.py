"""A folder changed in many ways, an index that was away: articles and index agree afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from core.rag.domain.errors import VectorsUnavailable
from core.rag.domain.model import Article
from core.sdk.testing.clock import ManualClock
from tests.core.rag.world import World

NORTH = "question,answer\nWhen do you open?,At nine in the north.\nIs there parking?,Behind it.\n"
SOUTH = "question,answer\nWhen do you open?,At ten in the south.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "papers"
    for name, text in {
        "north/faq.csv": NORTH, "south/faq.csv": SOUTH, "boats.md": "# Boats\n\nThey are blue.\n",
        "food.txt": "Soup is served at noon.\n",
    }.items():  # fmt: skip
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(text)
    return made


async def texts(world: World) -> list[str]:
    return sorted(stored.article.text.split("\n")[-1] for stored in await world.knowledge.list())


async def agree(world: World) -> None:
    found = await world.knowledge.check()
    assert (found.count, found.waiting) == (0, ()), found


async def test_the_same_question_in_two_files_is_two_articles(world: World, folder: Path) -> None:
    taken = await world.knowledge.add_paths([folder])
    assert len(taken.added) == 5
    again = await world.knowledge.add_paths([folder / "south"])
    assert (again.removed, len(again.unchanged)) == ((), 1)
    assert (await world.knowledge.add_paths([folder])).removed == ()
    assert len(await world.knowledge.list()) == 5
    await agree(world)


async def test_two_files_that_want_one_id_do_not_overwrite_each_other(
    world: World, tmp_path: Path
) -> None:
    for name, text in (("a", "Red."), ("b", "Green.")):
        (tmp_path / f"{name}.jsonl").write_text(f'{{"id": "x", "title": "T", "text": "{text}"}}\n')
    await world.knowledge.add_paths([tmp_path / "a.jsonl"])
    taken = await world.knowledge.add_paths([tmp_path / "b.jsonl"])
    assert "a.jsonl" in taken.collisions[0]
    assert await texts(world) == ["Green.", "Red."]
    (tmp_path / "b.jsonl").write_text('{"id": "x", "title": "T", "text": "Grey."}\n')
    again = await world.knowledge.add_paths([tmp_path / "b.jsonl"])
    assert (again.added, len(again.changed), again.collisions) == ((), 1, ())
    assert await texts(world) == ["Grey.", "Red."]


def emptied(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "nothing": (lambda f: None, ["At nine in the north.", "At ten in the south.", "Behind it.",
                                 "Soup is served at noon.", "They are blue."]),
    "a file removed": (lambda f: (f / "food.txt").unlink(),
                       ["At nine in the north.", "At ten in the south.", "Behind it.",
                        "They are blue."]),
    "a folder removed": (lambda f: shutil.rmtree(f / "north"),
                         ["At ten in the south.", "Soup is served at noon.", "They are blue."]),
    "a row removed": (lambda f: (f / "north/faq.csv").write_text(NORTH[: NORTH.index("Is there")]),
                      ["At nine in the north.", "At ten in the south.", "Soup is served at noon.",
                       "They are blue."]),
    "a file renamed": (lambda f: (f / "boats.md").rename(f / "ships.md"),
                       ["At nine in the north.", "At ten in the south.", "Behind it.",
                        "Soup is served at noon.", "They are blue."]),
    "a folder renamed": (lambda f: (f / "north").rename(f / "up"),
                         ["At nine in the north.", "At ten in the south.", "Behind it.",
                          "Soup is served at noon.", "They are blue."]),
    "a file changed": (lambda f: (f / "food.txt").write_text("Soup is served at one.\n"),
                       ["At nine in the north.", "At ten in the south.", "Behind it.",
                        "Soup is served at one.", "They are blue."]),
    "two files exchanged": (lambda f: [(f / "north").rename(f / "x"), (f / "south").rename(
                            f / "north"), (f / "x").rename(f / "south")],
                            ["At nine in the north.", "At ten in the south.", "Behind it.",
                             "Soup is served at noon.", "They are blue."]),
    "a draft made of one": (lambda f: (f / "boats.md").write_text(
                            "---\ndraft: true\n---\n# Boats\n\nThey are blue.\n"),
                            ["At nine in the north.", "At ten in the south.", "Behind it.",
                             "Soup is served at noon.", "They are blue."]),
    "a file hidden": (lambda f: (f / "food.txt").rename(f / ".food.txt"),
                      ["At nine in the north.", "At ten in the south.", "Behind it.",
                       "They are blue."]),
    "a file broken": (lambda f: (f / "food.txt").write_bytes(b"\x00\x01\x02"),
                      ["At nine in the north.", "At ten in the south.", "Behind it.",
                       "Soup is served at noon.", "They are blue."]),
    "all of them removed": (emptied, []),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
async def test_a_folder_that_is_added_again_is_what_it_is_now(
    world: World, folder: Path, change: str
) -> None:
    await world.knowledge.add_paths([folder])
    ids = {s.article.text: s.article.id for s in await world.knowledge.list()}
    do, left = CHANGES[change]
    do(folder)
    told: list[str] = []
    taken = await world.knowledge.add_paths(
        [folder], on_gone=lambda gone: told.extend(entry.id for entry in gone)
    )
    assert await texts(world) == left
    assert set(told) <= set(taken.removed)
    await agree(world)
    if "renamed" in change:
        assert ids == {s.article.text: s.article.id for s in await world.knowledge.list()}
        assert (taken.added, taken.removed) == ((), ())
        assert taken.moved
    boats = await world.best("Which colour are the boats?")
    assert ("blue" in boats) is ("They are blue." in left and "draft" not in change)
    again = await world.knowledge.add_paths([folder])
    assert (again.added, again.changed, again.removed, again.moved) == ((), (), (), ())


async def test_what_is_gone_stays_when_it_is_to_be_kept(world: World, folder: Path) -> None:
    await world.knowledge.add_paths([folder])
    (folder / "food.txt").unlink()
    taken = await world.knowledge.add_paths([folder], keep=True)
    assert (taken.removed, len(taken.kept)) == ((), 1)
    assert "Soup is served at noon." in await texts(world)


async def test_a_folder_that_lies_elsewhere_now_does_not_stand_twice(
    world: World, folder: Path
) -> None:
    [*_] = (await world.knowledge.add_paths([folder])).added
    boats = next(s for s in await world.knowledge.list() if "blue" in s.article.text)
    await world.knowledge.add_known_question(boats.article.id, "what do they look like")
    moved = folder.with_name("elsewhere")
    folder.rename(moved)
    (moved / "food.txt").write_text("Soup is served at one.\n")
    (moved / "south/faq.csv").unlink()
    taken = await world.knowledge.add_paths([moved])
    assert (taken.added, len(taken.changed), len(taken.removed)) == ((), 1, 1)
    assert await texts(world) == [
        "At nine in the north.", "Behind it.", "Soup is served at one.", "They are blue.",
    ]  # fmt: skip
    kept = await world.knowledge.get(boats.article.id)
    assert kept.article.questions == ("what do they look like",)
    assert kept.file == str(moved / "boats.md")
    await agree(world)


async def test_what_is_removed_while_the_index_is_away_is_answered_no_more(world: World) -> None:
    await world.knowledge.add_article(Article(id="p", title="Parking", text="Behind the house."))
    await world.knowledge.add_article(Article(id="o", title="Opening", text="From nine to five."))
    await world.index.stop()
    await world.knowledge.remove("p")
    with pytest.raises(VectorsUnavailable):
        await world.knowledge.add_article(Article(id="f", title="Food", text="Soup at noon."))
    await world.index.start()
    # Before anybody has mended the index: the articles are asked.
    assert "house" not in await world.best("Where can I park?")
    assert (await world.knowledge.check()).orphaned == ("p",)
    await world.knowledge.settle()
    await agree(world)
    assert await world.best("Is there soup?") == "Soup at noon."


async def test_what_a_killed_process_left_is_found_and_mended(
    world: World, clock: ManualClock
) -> None:
    for name in ("whole", "half", "lost"):
        await world.knowledge.add_article(Article(id=name, title=name, text=f"The {name} one."))
    held = await world.index.contents()
    assert {sum(versions.values()) for versions in held.values()} == {2}
    await world.index.delete(["lost", "half"])
    points = (await world.index.contents())["whole"]
    await world.articles.put(
        [Article(id="whole", title="whole", text="Changed.")], file="", at=clock.now()
    )
    await world.articles.indexed({s.article.id: s.digest for s in await world.articles.all()})
    found = await world.knowledge.check()
    assert (set(found.missing), found.outdated) == ({"lost", "half"}, ("whole",)), points
    await world.knowledge.repair()
    await agree(world)
    assert await world.best("The lost one?") == "The lost one."


async def test_drafts_and_what_does_not_hold_now_are_not_answered(
    world: World, tmp_path: Path, clock: ManualClock
) -> None:
    now = clock.now()
    soon, later = now + timedelta(hours=2), now + timedelta(hours=4)
    fronts = {
        "draft": "draft: true", "staff": "audience: internal", "hidden": "noindex: true",
        "past": f"valid_until: {(now - timedelta(days=2)).date()}",
        "window": f"valid_from: {soon.isoformat()}\nexpires: {later.isoformat()}",
    }  # fmt: skip
    for name, front in fronts.items():
        (tmp_path / f"{name}.md").write_text(f"---\n{front}\n---\n# Zephyr\n\nThe {name} lamp.\n")
    await world.knowledge.add_paths([tmp_path / f"{name}.md" for name in fronts])
    assert len(await world.knowledge.list()) == 5
    assert await world.best("Zephyr lamp") == ""
    await clock.advance(seconds=2.5 * 3600)
    await world.knowledge.settle()
    assert await world.best("Zephyr lamp") == "The window lamp."
    await clock.advance(seconds=2 * 3600)
    assert await world.best("Zephyr lamp") == ""
    await world.knowledge.settle()
    await agree(world)
