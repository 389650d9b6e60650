"""The report goes to the channel that the admin has set, else to the environment's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.accounts.service import OPERATOR
from core.storage.client import Database
from tests.approvals.slack_rig import Rig, rig, until
from tests.support.servers.faults import Fault
from tests.support.servers.slack import SlackServer

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer() as server:
        yield server


def just_now() -> str:
    """A report time at which yesterday's report fell due a minute ago."""
    return f"{datetime.now(UTC) - timedelta(minutes=1):%H:%M}"


async def set_channel(desk: Rig, channel: str | None) -> None:
    """The admin says so on the console; returns once Slack is connected anew."""
    host = desk.live.host
    before = host.get("slack")
    await desk.live.plugins.service.configure(
        OPERATOR, "slack", settings={"reports_channel": channel}
    )
    await until(lambda: host.get("slack") not in (None, before), seconds=30, what="the channel")
    await asyncio.sleep(0)


async def posted(desk: Rig, db: Database) -> set[str]:
    """Where the report stands after it is sent once more."""
    await db["reports"].delete_many({})
    known = len(desk.slack.messages)
    await desk.live.insight.reporting.tick()
    return {m.channel for m in desk.slack.messages[known:] if m.metadata}


async def test_what_the_admin_sets_wins_at_once_and_the_environment_is_asked_else(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    due, env = just_now(), "C0ENV"
    async with rig(
        slack, db, mongo_uri, tmp_path, REPORT_TIME=due, SLACK_REPORTS_CHANNEL=env
    ) as desk:
        assert await posted(desk, db) == {"C0ENV"}
        await set_channel(desk, "C0CONSOLE")
        assert await posted(desk, db) == {"C0CONSOLE"}
        await set_channel(desk, "C0OTHER")
        assert await posted(desk, db) == {"C0OTHER"}
        await set_channel(desk, "")
        assert await posted(desk, db) == set()
        await set_channel(desk, None)
        assert await posted(desk, db) == {"C0ENV"}


async def test_a_report_due_at_the_start_waits_for_the_admins_channel(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    async with rig(slack, db, mongo_uri, tmp_path) as desk:
        await set_channel(desk, "C0CONSOLE")
    await db["reports"].delete_many({})
    slack.script.plan("auth.test", Fault(seconds=8))
    async with rig(slack, db, mongo_uri, tmp_path, REPORT_TIME=just_now()):

        def there() -> bool:
            return any(m.channel == "C0CONSOLE" for m in slack.messages)

        await until(there, seconds=30, what="the report")
