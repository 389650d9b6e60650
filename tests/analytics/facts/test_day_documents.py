"""A day of any size is stored, found whole by who reads meanwhile, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from analytics.facts.columns import day_of, digest
from analytics.facts.day_documents import DayDocuments
from analytics.facts.model import Fact, Kind
from analytics.facts.store import FactStore
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database

WHEN = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = day_of(WHEN)
SMALL = 300  #: bytes; a part of a few facts


def facts(count: int, *, start: int = 0) -> list[Fact]:
    return [
        Fact(
            kind=Kind.ASKED,
            at=WHEN + timedelta(seconds=n),
            conversation_id=f"c{n}",
            seq=1,
            channel="web",
            locale="en",
            label=f"label {n % 7}",
        )
        for n in range(start, start + count)
    ]


def store(db: Database) -> FactStore:
    clock = ManualClock(WHEN + timedelta(days=2))
    return FactStore(db, clock=clock, days=DayDocuments(db, part_bytes=SMALL))


async def conversations(db: Database) -> int:
    found = await store(db).facts(DAY, DAY)
    return len(found.digests)


async def test_a_day_larger_than_a_document_is_stored_beside_it(db: Database) -> None:
    one = store(db)
    one.gather(facts(200))
    await one.flush()
    assert await one.roll_up() == 1
    document = await db["analytics_days"].find_one({"_id": DAY})
    assert document is not None
    assert document["parts"] == await db["analytics_parts"].count_documents({}) > 3
    assert await conversations(db) == 200
    rows = await store(db).rows_of(["c0", "c199"])
    assert [row["conversation"] for row in rows] == ["c0", "c199"]
    wanted = {digest(i): i for i in ("c0", "c199")}
    assert await store(db).conversation_ids(DAY, DAY, wanted) == wanted

    # More of the same day: the parts of before are gone, and nothing is there twice.
    one.gather(facts(100, start=150))
    await one.flush()
    assert await one.roll_up() == 1
    assert await conversations(db) == 250
    document = await db["analytics_days"].find_one({"_id": DAY})
    assert document is not None
    assert document["parts"] == await db["analytics_parts"].count_documents({})
    assert await db["analytics_pages"].count_documents({}) == 0


async def test_of_two_who_roll_a_day_up_one_wins_and_nothing_is_lost(db: Database) -> None:
    writers = [store(db) for _ in range(4)]
    for n, one in enumerate(writers):
        one.gather(facts(80, start=80 * n))
        await one.flush()
    for _ in writers:
        await asyncio.gather(*(one.roll_up() for one in writers))
    assert await conversations(db) == 320
    document = await db["analytics_days"].find_one({"_id": DAY})
    assert document is not None
    assert document["parts"] == await db["analytics_parts"].count_documents({})


async def test_who_reads_while_it_is_written_anew_finds_a_day_whole(db: Database) -> None:
    one = store(db)
    done = False

    async def write() -> None:
        nonlocal done
        for n in range(12):
            one.gather(facts(30, start=30 * n))
            await one.flush()
            await one.roll_up()
        done = True

    async def read() -> list[int]:
        found = []
        while not done:
            found.append(await conversations(db))
        return found

    seen, _ = await asyncio.gather(read(), write())
    assert seen == sorted(seen)
    assert all(count % 30 == 0 for count in seen)
    assert await conversations(db) == 360


async def test_what_a_dead_writer_left_goes_with_the_next_version(db: Database) -> None:
    left: dict[str, Any] = {"_id": f"{DAY}/dead/0", "day": DAY, "at": "dead", "v": 1, "data": b"x"}
    await db["analytics_parts"].insert_one(left)
    one = store(db)
    one.gather(facts(200))
    await one.flush()
    await one.roll_up()
    one.gather(facts(50, start=200))
    await one.flush()
    await one.roll_up()
    assert await db["analytics_parts"].find_one({"_id": left["_id"]}) is None
    assert await conversations(db) == 250


@pytest.mark.parametrize("count", [1, 7])
async def test_a_small_day_stays_one_document(db: Database, count: int) -> None:
    one = FactStore(db, clock=ManualClock(WHEN + timedelta(days=2)))
    one.gather(facts(count))
    await one.flush()
    await one.roll_up()
    assert await db["analytics_parts"].count_documents({}) == 0
    rows = (await store(db).facts(DAY, DAY)).digests
    assert len(np.unique(rows)) == count
    assert await store(db).conversation_ids(DAY, DAY, [digest("c0")]) == {digest("c0"): "c0"}
    read = await DayDocuments(db).find_ids(DAY)
    assert read is not None
    assert read.keys().isdisjoint({"plain", "packed"})
