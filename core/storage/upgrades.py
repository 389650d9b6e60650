"""Upgrades: what is done to a store of an older format so that this release can open it.

A change that an older release cannot read raises `core.storage.stored_format.FORMAT` and gets a
step here. Fields that are added with a default need none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from core.storage.client import Database, unhurried
from core.storage.errors import store_errors
from core.storage.stored_format import stored_version, write_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """One step, from the format before to `to`; doing it again after a crash changes nothing."""

    to: int
    what: str  #: one sentence for operators, present tense
    affected: Callable[[Database], Awaitable[int]]  #: how many documents it changes
    apply: Callable[[Database], Awaitable[None]]


UPGRADES: Sequence[Upgrade] = ()  #: by `to`, ascending; format 1 is the first there is


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A step that is due."""

    upgrade: Upgrade
    documents: int


async def due(db: Database, upgrades: Sequence[Upgrade] = UPGRADES) -> list[Planned]:
    """The steps that this store needs, in order. Raises StoreUnavailable."""
    version = await stored_version(db)
    with store_errors(), unhurried():
        return [
            Planned(upgrade=one, documents=await one.affected(db))
            for one in upgrades
            if one.to > version
        ]


async def apply(db: Database, planned: Sequence[Planned], done: Callable[[Planned], None]) -> None:
    """Do them; each is written down before the next one begins. Raises StoreUnavailable."""
    for one in planned:
        with store_errors(), unhurried():
            await one.upgrade.apply(db)
        await write_version(db, one.upgrade.to)
        done(one)
