"""Upgrades a store at rest to the format of this release."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from config.settings import Settings
from core.runtime.control_socket import Out
from core.runtime.version import VERSION
from core.storage.client import open_database
from core.storage.embedded import EmbeddedStore
from core.storage.stored_format import admit, stored_version
from core.storage.upgrades import UPGRADES, Planned, Upgrade, apply, due


async def upgrade(
    settings: Settings,
    *,
    launch: Callable[[], EmbeddedStore | None],
    dry_run: bool,
    out: Out,
    upgrades: Sequence[Upgrade] = UPGRADES,
) -> int:
    """Say what will change and, unless it is a dry run, change it. Raises SetupError."""
    store = launch()
    try:
        if store is not None:
            await store.boot()
        db = await open_database(store.uri if store else settings.store.mongodb_uri or "")
        try:
            await admit(db, upgrading=True)
            planned = await due(db, upgrades)
            out.line(f"The store has format {await stored_version(db)}; this is release {VERSION}.")
            for one in planned:
                out.line(f"to format {one.upgrade.to}: {one.upgrade.what} ({one.documents})")
            if not planned:
                out.line("Nothing is to be changed.")
            elif dry_run:
                out.note("Nothing was changed. Back it up with the old release before you do it.")
            else:

                def done(one: Planned) -> None:
                    out.line(f"format {one.upgrade.to} is done")

                await apply(db, planned, done)
        finally:
            await db.client.close()
    finally:
        if store is not None:
            await store.stop()
    return 0
