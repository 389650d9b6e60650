"""Upgrades a store at rest to the format of this release."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from config.settings import Settings
from core.cluster.model import Terms, Unreachable
from core.cluster.mongo_store import MongoClusterStore
from core.cluster.settings import is_cluster
from core.errors import SetupError, StoreUnavailable
from core.runtime.control_socket import Out
from core.runtime.version import VERSION
from core.storage.client import Database, open_database
from core.storage.embedded import EmbeddedStore
from core.storage.stored_format import admit, stored_version
from core.storage.upgrades import UPGRADES, Planned, Upgrade, apply, due

WATCHED_SECONDS = 3 * Terms().every  #: in which a process that lives makes a beat


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
            if planned and not dry_run and is_cluster(settings):
                await _refuse_beside_members(db)
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


async def _refuse_beside_members(db: Database) -> None:
    """Raise SetupError while a process runs that would not understand what is changed.

    Who was killed is still among the members; who lives makes a beat meanwhile. A process that is
    frozen just now is refused when it comes back.
    """
    members = MongoClusterStore(db)
    try:
        before = {one.id: one.beat for one in await members.members() if one.alive}
        await asyncio.sleep(WATCHED_SECONDS if before else 0.0)
        living = [
            one.id for one in await members.members() if before.get(one.id, one.beat) != one.beat
        ]
    except Unreachable as error:
        raise StoreUnavailable from error
    if living:
        raise SetupError(
            f"{', '.join(living)} still runs: stop every process of this installation first."
        )
