"""Steps from one format to the next: told before they are done, done once, and gone on with."""

from __future__ import annotations

import pytest

from core.errors import SetupError
from core.runtime.version import VERSION
from core.storage import stored_format
from core.storage.client import Database
from core.storage.stored_format import FORMAT, admit, stored_version
from core.storage.upgrades import UPGRADES, Planned, Upgrade, apply, due


async def affected(db: Database) -> int:
    """Users whose name is not there yet."""
    return await db["users"].count_documents({"name": {"$exists": False}})


async def add_names(db: Database) -> None:
    """An invented change."""
    await db["users"].update_many({"name": {"$exists": False}}, {"$set": {"name": ""}})


async def broken(_db: Database) -> None:
    """A change that breaks off."""
    raise RuntimeError("the power is gone")


NAMES = Upgrade(to=FORMAT + 1, what="Users get names.", affected=affected, apply=add_names)
BROKEN = Upgrade(to=FORMAT + 2, what="Something breaks.", affected=affected, apply=broken)


async def test_what_is_due_is_told_and_done_once(db: Database) -> None:
    await admit(db)
    await db["users"].insert_many([{"_id": n, "email": f"{n}@example.com"} for n in range(3)])
    [planned] = await due(db, [NAMES])
    assert (planned.upgrade.what, planned.documents) == ("Users get names.", 3)
    assert await stored_version(db) == FORMAT
    done: list[Planned] = []
    await apply(db, [planned], done.append)
    assert done == [planned]
    assert await db["users"].count_documents({"name": ""}) == 3
    assert await stored_version(db) == FORMAT + 1
    assert await due(db, [NAMES]) == []


async def test_what_breaks_off_goes_on_with_the_step_that_broke(db: Database) -> None:
    await admit(db)
    with pytest.raises(RuntimeError):
        await apply(db, await due(db, [NAMES, BROKEN]), lambda _: None)
    assert [one.upgrade for one in await due(db, [NAMES, BROKEN])] == [BROKEN]


async def test_an_older_store_is_opened_for_its_upgrade_only(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await admit(db)
    monkeypatch.setattr(stored_format, "FORMAT", FORMAT + 1)
    with pytest.raises(SetupError, match=r"has format 1 .*needs format 2\. .*bot\.py upgrade"):
        await admit(db)
    await admit(db, upgrading=True)


async def test_what_was_stored_before_there_were_formats_is_of_the_first(db: Database) -> None:
    assert await stored_version(db) == 1
    await admit(db)
    assert (await db["meta"].find_one({"_id": "format"}))["release"] == VERSION  # type: ignore[index]


def test_the_steps_of_this_release_lead_to_its_format() -> None:
    assert [one.to for one in UPGRADES] == list(range(2, FORMAT + 1))
