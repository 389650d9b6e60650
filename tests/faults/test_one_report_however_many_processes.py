"""Two real processes at report time, SIGKILL in the middle of sending: one report.

On a Monday two fall due, the day's and the week's, and each of them comes once.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.facts.projection import rebuild
from analytics.facts.store import FactStore
from bench.history import history
from core.clock import SystemClock
from core.storage.client import Database
from tests.analytics.conftest import write_log
from tests.support.process import Program
from tests.support.servers.faults import Fault
from tests.support.servers.slack import APP_TOKEN, BOT_TOKEN, Message, SlackServer

CHANNEL = "C0REPORT"
HELD = Fault(after=True, seconds=120.0)  #: Slack posts it, and its answer never comes


def due(now: datetime) -> list[str]:
    """The names of the reports that fell due a minute before `now`, in order of names."""
    at = now - timedelta(minutes=1)
    eve = f"{at - timedelta(days=1):%Y-%m-%d}"
    return [f"daily:{eve}"] + ([f"weekly:{eve}"] if at.isoweekday() == 1 else [])


def reports(slack: SlackServer) -> list[Message]:
    """What stands in the channel itself."""
    return [m for m in slack.messages if m.channel == CHANNEL and not m.thread_ts]


def named(messages: list[Message]) -> list[str]:
    """Which reports these are, by the name each carries, in order of names."""
    return sorted(m.metadata["event_payload"]["id"] for m in messages if m.metadata)


async def the_report(db: Database, state: str, now: datetime, *, seconds: float) -> dict[str, Any]:
    """The day's, as soon as all that are due are like that."""
    async with asyncio.timeout(seconds):
        while True:
            found = await db["reports"].find({}).to_list()
            if len(found) == len(due(now)) and all(r["state"] == state for r in found):
                daily = [r for r in found if r["_id"].startswith("daily:")]
                assert len(daily) == 1
                return daily[0]
            await asyncio.sleep(0.2)


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_one_report_from_two_processes_of_which_the_sender_is_killed(
    db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    await write_log(db, list(history(120, days=3, end=now)))
    await rebuild(db, FactStore(db, clock=SystemClock()), clock=SystemClock())
    async with SlackServer() as slack:
        env = {
            "MONGODB_URI": mongo_uri.replace("/?", f"/{db.name}?"),
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_BASE_URL": slack.url,
            "SLACK_REPORTS_CHANNEL": CHANNEL,
            "REPORT_TIME": f"{now - timedelta(minutes=1):%H:%M}",
        }
        slack.script.plan("chat.postMessage", HELD, HELD)
        programs = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            programs.append(Program(tmp_path / name / "data", env=env))
        try:
            await asyncio.gather(*(program.start(seconds=120) for program in programs))
            await the_report(db, "claimed", now, seconds=60)
            async with asyncio.timeout(60):
                while named(reports(slack)) != due(now):
                    await asyncio.sleep(0.1)
            await asyncio.sleep(8)  # both have looked meanwhile
            assert named(reports(slack)) == due(now)
            for program in programs:
                await program.kill()
            slack.script.clear()
            # As if the five minutes had passed after which a claim counts as dead.
            done = await db["reports"].update_many(
                {"state": "claimed"}, {"$set": {"at": now - timedelta(minutes=6)}}
            )
            assert done.modified_count >= 1
            await asyncio.gather(*(program.start(seconds=120) for program in programs))
            sent = await the_report(db, "sent", now, seconds=90)
        finally:
            for program in programs:
                await program.kill()
    assert named(reports(slack)) == due(now)
    daily = [m for m in reports(slack) if "Daily report" in m.text]
    assert len(daily) == 1
    below = [m for m in slack.messages if m.thread_ts == daily[0].ts]
    assert len([m for m in below if "Agents" in m.text]) == 1
    hung = [f["name"] for f in slack.files.values() if f.get("thread_ts") == daily[0].ts]
    assert hung == ["answers.png", "speed.png", "decisions.png"]
    assert sent["steps"].count("slack begun") == 1
