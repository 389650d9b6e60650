"""A store is opened by releases that can read it, and by no other."""

from __future__ import annotations

import pytest

from core.errors import SetupError
from core.runtime.version import SCHEMA, VERSION
from core.storage.client import Database
from core.storage.stored_format import FORMAT, admit, agree, begin_restore, end_restore


async def test_an_empty_store_is_of_our_format_from_now_on(db: Database) -> None:
    await admit(db)
    await admit(db)
    assert await db["meta"].find({}).to_list() == [
        {"_id": "format", "version": FORMAT, "release": VERSION}
    ]


async def test_what_a_newer_release_wrote_is_refused_in_words(db: Database) -> None:
    await db["meta"].insert_one({"_id": "format", "version": FORMAT + 1, "release": "9.1.0"})
    with pytest.raises(SetupError, match=r"release 9\.1\.0 .*Install that release again"):
        await admit(db)


async def test_what_was_restored_by_half_is_refused_in_words(db: Database) -> None:
    await begin_restore(db)
    with pytest.raises(SetupError, match="broken off"):
        await admit(db)
    await end_restore(db)
    await admit(db)


async def test_an_older_release_is_refused_once_all_who_ran_knew_more(db: Database) -> None:
    await admit(db)
    await agree(db, SCHEMA)
    await admit(db)
    await agree(db, SCHEMA + 1)
    with pytest.raises(SetupError, match=rf"Release {VERSION} has been at work here"):
        await admit(db)
