"""`make cluster-check`: the fault tests over MONGODB_URI, QDRANT_URL and REDIS_URL of yours.

Nothing is skipped in silence: what did not run is listed with its reason, and the exit code is 1
where a test failed, 2 where nothing could be begun.
"""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from core.cluster.redis_client import closed, connector
from core.errors import ContactCenterError, SetupError
from core.storage.client import open_database, refuse_weaker
from tests.support.given import CHECK, NAMES, collections, emptied, qdrant, theirs, vectors
from tests.support.process import ROOT

TESTS = (
    "tests/faults/test_many_processes.py",
    "tests/faults/test_frozen_and_drained.py",
    "tests/faults/test_two_releases.py",
)


async def refuse_unless_ours() -> str:
    """What kind of MongoDB it is. Raises SetupError, unless all three are there and empty."""
    if missing := [name for name in NAMES if not os.environ.get(name)]:
        raise SetupError(
            f"{', '.join(missing)} must be set: cluster-check runs over servers of yours."
        )
    refuse_weaker(theirs()["MONGODB_URI"])
    db = await open_database(theirs()["MONGODB_URI"])
    try:
        if used := await collections(db):
            raise SetupError(
                f"The database {db.name} is not empty (it has {used[0]}), and cluster-check removes"
                " what is in it: name an empty one in MONGODB_URI."
            )
        hello = await db.command("hello")
    finally:
        await db.client.close()
    try:
        async with qdrant() as http:
            if used := await vectors(http):
                raise SetupError(
                    f"Qdrant is not empty (it has {used[0]}), and cluster-check removes our"
                    " collections: name another server in QDRANT_URL."
                )
    except (aiohttp.ClientError, KeyError, ValueError) as error:
        raise SetupError(f"QDRANT_URL: no Qdrant answers there ({error}).") from error
    await _refuse_used_redis()
    if hello.get("msg") == "isdbgrid":
        return "a sharded cluster"
    if name := hello.get("setName"):
        return f"the replica set {name} with {len(hello.get('hosts', ()))} members"
    return "one server alone, which proves nothing of elections and majorities"


async def _refuse_used_redis() -> None:
    client = connector(theirs()["REDIS_URL"])()
    try:
        async with asyncio.timeout(10):
            used = await client.dbsize()
    except Exception as error:
        raise SetupError(f"REDIS_URL: no Redis answers there ({error}).") from error
    finally:
        await closed(client)
    if used:
        raise SetupError(
            f"Redis is not empty (it has {used} keys): name another database in REDIS_URL."
        )


class Outcomes:
    """What became of each test, as pytest tells it."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.failed: list[str] = []
        self.skipped: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See pytest."""
        name = report.nodeid.rpartition("::")[2]
        if report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self.skipped.append((name, why))
        elif report.failed:
            self.failed.append(name)
        elif report.when == "call":
            self.passed.append(name)


def main(arguments: Sequence[str]) -> int:
    """Look, run, tell; `arguments` are pytest's."""
    try:
        kind = asyncio.run(refuse_unless_ours())
    except ContactCenterError as error:
        print(f"cluster-check: {error}", file=sys.stderr)
        return 2
    print(f"MongoDB is {kind}.", flush=True)
    os.environ[CHECK] = "1"
    outcomes = Outcomes()
    paths = [str(Path(ROOT) / one) for one in TESTS]
    pytest.main(["-v", "-p", "no:xdist", *paths, *arguments], plugins=[outcomes])
    asyncio.run(emptied())
    print(f"\nMongoDB was {kind}.")
    print(f"{len(outcomes.passed)} held, {len(outcomes.failed)} did not.")
    for name, why in outcomes.skipped:
        print(f"NOT RUN  {name}: {why.removeprefix('Skipped: ')}")
    for name in outcomes.failed:
        print(f"FAILED   {name}")
    return 0 if outcomes.passed and not outcomes.failed else 1


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
