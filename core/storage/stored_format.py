"""The format of what is stored: which release may open it."""

from __future__ import annotations

from core.errors import SetupError
from core.runtime.version import SCHEMA, VERSION
from core.storage.client import Database
from core.storage.errors import KeyTaken, store_errors

FORMAT = 1  #: what this release writes and reads; larger with each change an older one cannot read
FORMAT_ID = "format"
RESTORE_ID = "restore"


async def admit(db: Database, *, upgrading: bool = False) -> None:
    """Return where this release may open this store; an empty one is of our own format from now on.

    Raises SetupError where a newer release has written it, or all its processes may have written
    what ours does not know, or a restore was broken off; unless it is opened for `upgrading`, also
    where an older release has written it and something has to be changed first.
    """
    with store_errors():
        if await db["meta"].find_one({"_id": RESTORE_ID}) is not None:
            raise SetupError(
                "A backup was being restored into this store and that was broken off: remove the"
                " data directory (and the database MONGODB_URI names), and restore it again."
            )
        found = await db["meta"].find_one({"_id": FORMAT_ID})
        if found is None:
            ours = {"_id": FORMAT_ID, "version": FORMAT, "release": VERSION}
            try:
                with store_errors():
                    await db["meta"].insert_one(ours)
            except KeyTaken:
                found = await db["meta"].find_one({"_id": FORMAT_ID})
    if found is not None and found["version"] > FORMAT:
        raise SetupError(
            f"This store was written by release {found['release']} (format {found['version']});"
            f" release {VERSION} reads formats up to {FORMAT}. Install that release again, or"
            " restore a backup from before the upgrade into an empty directory."
        )
    if found is not None and found.get("schema", 1) > SCHEMA:
        raise SetupError(
            f"Release {found['schema_release']} has been at work here, and may have written what"
            f" release {VERSION} does not know. Install that release again, or restore a backup"
            " from before it into an empty place."
        )
    if found is not None and found["version"] < FORMAT and not upgrading:
        raise SetupError(
            f"This store has format {found['version']} (release {found['release']}); release"
            f" {VERSION} needs format {FORMAT}. Back it up with the old release, then call"
            " `bot.py upgrade`; with --dry-run it says what will change."
        )


async def agree(db: Database, schema: int) -> None:
    """From now on no release of a lower schema is admitted. Raises StoreUnavailable."""
    if schema == 1:
        return  # it is every release's
    lower = {"$or": [{"schema": {"$exists": False}}, {"schema": {"$lt": schema}}]}
    said = {"$set": {"schema": schema, "schema_release": VERSION}}
    with store_errors():
        await db["meta"].update_one({"_id": FORMAT_ID, **lower}, said)


async def stored_version(db: Database) -> int:
    """The format that this store has; what was written before formats were is of the first one."""
    with store_errors():
        found = await db["meta"].find_one({"_id": FORMAT_ID})
    return 1 if found is None else int(found["version"])


async def write_version(db: Database, version: int) -> None:
    """From now on it has this format."""
    said = {"$set": {"version": version, "release": VERSION}}
    with store_errors():
        await db["meta"].update_one({"_id": FORMAT_ID}, said, upsert=True)


async def begin_restore(db: Database) -> None:
    """From now on nobody opens this store."""
    with store_errors():
        await db["meta"].insert_one({"_id": RESTORE_ID, "version": FORMAT, "release": VERSION})


async def end_restore(db: Database) -> None:
    """What was restored is whole, and may be opened."""
    with store_errors():
        await db["meta"].delete_one({"_id": RESTORE_ID})
