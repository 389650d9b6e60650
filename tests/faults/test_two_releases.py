"""An older release beside a newer one, as real processes: what one does not know harms nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from core.runtime.version import SCHEMA
from core.storage.client import Database, open_database
from tests.support.cluster import STARTING_SECONDS, Customer, Installation, installation
from tests.support.many_kills import no_marks
from tests.support.process import Program

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.timeout(900)]

QUESTION = "How do I talk to a person?"  #: the product's own guide answers it
SECONDS = 300.0  #: for anything, on a machine that does much else
NEXT = ("-m", "tests.support.next_release")


@dataclass(slots=True)
class Releases:
    """A web and a worker of each release, over the same servers; none is started."""

    older: Installation
    web: Program
    worker: Program
    db: Database
    session: aiohttp.ClientSession

    async def start(self, *programs: Program) -> None:
        """Return once they are ready."""
        await asyncio.gather(*(one.start(seconds=STARTING_SECONDS) for one in programs))

    async def agreed(self) -> int:
        """The schema below which nobody is admitted."""
        found = await self.db["meta"].find_one({"_id": "format"})
        assert found is not None
        return int(found.get("schema", 1))

    async def until_agreed(self, schema: int) -> None:
        """Return once that is so."""
        async with asyncio.timeout(SECONDS):
            while await self.agreed() != schema:
                await asyncio.sleep(0.2)


@pytest.fixture
async def releases(tmp_path: Path) -> AsyncIterator[Releases]:
    async with (
        installation(tmp_path, webs=1, workers=1, start=False) as older,
        aiohttp.ClientSession() as session,
    ):
        web, worker = (
            Program(
                tmp_path / "data",
                env=dict(older.env),
                role=role,
                output=f"newer-{role}.log",
                program=NEXT,
            )
            for role in ("web", "worker")
        )
        db = await open_database(older.uri)
        try:
            yield Releases(older, web, worker, db, session)
        except BaseException:
            print(older.said()[-10_000:])
            raise
        finally:
            await asyncio.gather(web.kill(), worker.kill())
            await db.client.close()


async def test_both_work_side_by_side_and_there_is_no_way_back_once_the_older_has_gone(
    releases: Releases,
) -> None:
    [old_web], [old_worker] = releases.older.webs, releases.older.workers
    await releases.start(old_web, old_worker)
    customer = await Customer.opens(releases.session, old_web, QUESTION)
    await customer.is_answered(old_web, seconds=SECONDS)
    await releases.start(releases.web, releases.worker)
    said = await releases.web.command("members", within=SECONDS)
    assert said.count(f"(schema {SCHEMA})") == said.count(f"(schema {SCHEMA + 1})") == 2, said
    # Each is answered, at whichever web, and by whichever worker: most likely by both.
    for number in range(8):
        web, other = (old_web, releases.web) if number % 2 else (releases.web, old_web)
        one = await Customer.opens(releases.session, web, QUESTION)
        await one.is_answered(other, seconds=SECONDS)
    assert await releases.agreed() == SCHEMA
    await asyncio.gather(old_web.stop(), old_worker.stop())
    await releases.until_agreed(SCHEMA + 1)
    with pytest.raises(RuntimeError, match=r"Release 9\.0\.0 has been at work here"):
        await old_worker.start(seconds=SECONDS)
    # Nor does a command of the older release touch what it may not understand.
    with pytest.raises(RuntimeError, match="has been at work here"):
        await old_web.command("members", within=SECONDS)
    customer = await Customer.opens(releases.session, releases.web, QUESTION)
    await customer.is_answered(releases.web, seconds=SECONDS)
    await no_marks(releases.db)


async def test_a_release_that_cannot_run_beside_the_one_that_runs_is_refused(
    releases: Releases,
) -> None:
    [old_web], _ = releases.older.webs, releases.older.workers
    await old_web.start(seconds=STARTING_SECONDS)
    strict = Program(
        releases.web.data_dir,
        env={**releases.older.env, "NEXT_OLDEST": str(SCHEMA + 1)},
        role="worker",
        output="strict.log",
        program=NEXT,
    )
    with pytest.raises(RuntimeError, match="does not understand what release 9"):
        await strict.start(seconds=SECONDS)
    await old_web.stop()
    await strict.start(seconds=SECONDS)
    try:
        with pytest.raises(RuntimeError, match=r"has been at work|install that release here"):
            await old_web.start(seconds=SECONDS)
    finally:
        await strict.kill()


async def test_an_older_one_that_was_frozen_ends_and_has_touched_nothing(
    releases: Releases,
) -> None:
    _, [old_worker] = releases.older.webs, releases.older.workers
    await releases.start(old_worker)  # once the newer ones are alone it would be refused
    await releases.start(releases.web, releases.worker)
    customer = await Customer.opens(releases.session, releases.web, QUESTION)
    await customer.is_answered(releases.web, seconds=SECONDS)
    await no_marks(releases.db)
    old_worker.freeze()
    await releases.until_agreed(SCHEMA + 1)
    # Whatever is new may be written now.
    log = releases.db["log"]
    commits = await log.find({"c": customer.id}).to_list()
    number = max(one["n"] + len(one["events"]) for one in commits)
    plain = {"kind": "praised", "by": "ann", "text": "Well asked."}
    await log.insert_one({
        "_id": f"{customer.id}/{number}",
        "c": customer.id,
        "n": number,
        "w": 1,
        "at": commits[-1]["at"],
        "events": [plain],
    })  # fmt: skip
    await releases.db["unsettled"].insert_one({"_id": customer.id, "mark": number, "owner": "all"})
    old_worker.thaw()
    assert await old_worker.ends(seconds=SECONDS) != 0
    assert "has been at work here" in old_worker.output.read_text()
    assert [d["events"] async for d in log.find({"c": customer.id, "n": {"$gte": number}})] == [
        [plain]
    ]
    # And the customer goes on, with those who know what has happened.
    await customer.writes(releases.web, QUESTION)
    await no_marks(releases.db, seconds=SECONDS)
    document = await releases.db["conversations"].find_one({"_id": customer.id})
    assert document is not None
    assert document["projected"] == document["seq"] > number + 1
