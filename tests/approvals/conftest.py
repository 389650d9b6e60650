"""The approvals slice on the whole core, with people who work at the desk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.approvals.office import Office, build_office
from tests.approvals.slack_rig import Rig, rig
from tests.support.servers.slack import SlackServer
from tests.support.world import running

Opens = Callable[..., Awaitable[Office]]


@pytest.fixture
async def open_office(db: Database) -> AsyncIterator[Opens]:
    """Starts an office on the test's store; the one before it is closed first (a restart)."""
    stack = AsyncExitStack()
    current: list[AsyncExitStack] = []

    async def opened(
        *,
        clock: ManualClock | None = None,
        hours: str = "",
        zone: str = "UTC",
        seconds: float = 600,
    ) -> Office:
        for before in current:
            await before.aclose()
        current.clear()
        office = build_office(db, clock=clock, hours=hours, zone=zone, seconds=seconds)
        own = AsyncExitStack()
        current.append(own)
        await own.enter_async_context(running(office.world))
        return office

    yield opened
    for last in current:
        await last.aclose()
    await stack.aclose()


@pytest.fixture
async def office(open_office: Opens) -> Office:
    """An office that is always open."""
    return await open_office()


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    """A workspace of its own."""
    async with SlackServer() as server:
        yield server


@pytest.fixture
async def desk(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> AsyncIterator[Rig]:
    """The whole product beside that workspace, over HTTP."""
    async with rig(slack, db, mongo_uri, tmp_path) as made:
        yield made
