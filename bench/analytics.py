"""How long the dashboard's questions take after 100,000 conversations in 90 days.

    .venv/bin/python -m bench.analytics [--conversations N] [--days D]

The facts of a seeded past (bench/history.py) are written to an embedded store, rolled up; each of
its conversations is told ten times, which takes a tenth of the time to make. Then a process that
has nothing in memory asks. Times are those of the service's answer, without HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from analytics.facts.columns import DAY_MS, Names, day_of, digest, to_rows, unique
from analytics.facts.counting import Filter
from analytics.facts.days import Day
from analytics.facts.extractor import FactExtractor
from analytics.facts.model import RULES, Fact
from analytics.facts.periods import Interval, Period
from analytics.facts.store import FactStore
from analytics.queries.service import Analytics
from bench.history import AGENTS, CHANNELS, TOPICS, history
from core.accounts.roles import Role, User
from core.clock import SystemClock
from core.storage.client import Database, connect
from core.storage.embedded import EmbeddedStore
from core.storage.indexes import ensure_indexes

ZONE = ZoneInfo("Asia/Seoul")
SARA = User(id="1", email="sara@example.com", role=Role.SUPERVISOR)
TOLD = 10  #: how often each conversation of the seeded past is told
ROUNDS = 15


async def none_waits() -> int:
    """Nothing is asked of the queue."""
    return 0


def facts_of(conversations: int, days: int, end: datetime) -> dict[int, list[Fact]]:
    """The facts by day."""
    by_day: dict[int, list[Fact]] = defaultdict(list)
    for commits in history(conversations, days=days, end=end):
        trace = FactExtractor(commits[0].conversation_id)
        for commit in commits:
            for fact in trace.take(commit):
                by_day[day_of(fact.at)].append(fact)
    return by_day


async def write(db: Database, by_day: dict[int, list[Fact]], *, earlier: int) -> None:
    """The days' documents, each conversation told ten times under other ids, minutes apart.

    The same again `earlier` days before, as a history that nobody asks for.
    """
    versions = {}
    for day, facts in by_day.items():
        names, ids = Names(), sorted({fact.conversation_id for fact in facts})
        rows = to_rows(facts, names)
        known = np.array([digest(i) for i in ids], dtype=np.uint64)
        order = np.argsort(known)
        place = order[np.searchsorted(known[order], rows["conversation"])]
        for number in (day, day - earlier) if earlier else (day,):
            parts, known_ids = [], dict[int, str]()
            for n in range(TOLD):
                own = [f"{n}{number if earlier else ''}{i}" for i in ids]
                part = rows.copy()
                digests = [digest(i) for i in own]
                part["conversation"] = np.array(digests, dtype=np.uint64)[place]
                late = np.int64(n * 61_000)
                part["at"] = np.minimum(part["at"] + late, (day + 1) * DAY_MS - 1)
                part["at"] += (number - day) * DAY_MS
                parts.append(part)
                known_ids.update(zip(digests, own, strict=True))
            made = Day.of(number, unique(np.concatenate(parts)), names)
            await db["analytics_days"].insert_one(
                {"_id": number, "v": 1, "rules": RULES, **made.document(names, known_ids)}
            )
            versions[number] = 1
    await db["analytics_days"].insert_one(
        {"_id": "catalog", "days": {str(day): v for day, v in versions.items()}}
    )


def p95(values: list[float]) -> float:
    """By nearest rank."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How long one question took: by the clock, and of the processor."""

    wall: float
    cpu: float


async def measure(conversations: int, days: int, earlier: int) -> dict[str, Any]:
    """Milliseconds by question."""
    clock = SystemClock()
    end = datetime.combine(clock.now().date(), datetime.min.time(), tzinfo=UTC)
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        embedded = EmbeddedStore(Path(folder), durable=False)
        await embedded.boot()
        client = connect(embedded.uri)
        db = client["bench"]
        await ensure_indexes(db)
        begun = time.perf_counter()
        by_day = facts_of(conversations // TOLD, days, end)
        figures["conversations"] = conversations
        figures["days"] = days
        figures["facts"] = sum(map(len, by_day.values())) * TOLD
        figures["days_of_history_before"] = earlier and days
        await write(db, by_day, earlier=earlier)
        figures["build_s"] = round(time.perf_counter() - begun, 1)
        by_day.clear()
        last = end.astimezone(ZONE).date() - timedelta(days=1)

        def a_desk() -> Analytics:
            store = FactStore(db, clock=clock)
            return Analytics(store, clock=clock, zone=ZONE, queue_length=none_waits)

        async def timed(
            desk: Analytics, length: int, chosen: Filter, *, board: bool = False
        ) -> Asked:
            period = _period(last, length)
            start, spent = time.perf_counter(), time.process_time()
            if board:
                await desk.board(SARA, period, Interval.DAY, chosen)
            else:
                await desk.summary(SARA, period, chosen)
            cpu = time.process_time() - spent
            return Asked(wall=(time.perf_counter() - start) * 1000, cpu=cpu * 1000)

        def note(name: str, asked: list[Asked]) -> None:
            figures[name] = {
                "wall_p50_ms": round(statistics.median(a.wall for a in asked), 1),
                "wall_p95_ms": round(p95([a.wall for a in asked]), 1),
                "cpu_p95_ms": round(p95([a.cpu for a in asked]), 1),
            }

        figures["load_before"] = os.getloadavg()[0]
        for length in (7, days):
            cold = [await timed(a_desk(), length, Filter()) for _ in range(5)]
            note(f"first summary of a process, {length} days", cold)
        desk = a_desk()
        for length in (1, 7, 30, days):
            asked = [await timed(desk, length, Filter()) for _ in range(ROUNDS + 1)]
            note(f"summary, {length} days", asked[1:])
        wishes = [
            *(Filter(channel=name) for name, _ in CHANNELS),
            *(Filter(agent=name) for name in AGENTS),
            *(Filter(topic=name) for name in TOPICS),
            Filter(channel="web", agent=AGENTS[0], topic=TOPICS[0]),
        ]
        asked = [await timed(desk, days, wish) for wish in wishes for _ in range(2)]
        note(f"any filter, {days} days", asked)
        asked = [await timed(desk, days, wish, board=True) for wish in wishes]
        note(f"whole board with any filter, {days} days", asked)
        asked = [await timed(desk, days, Filter(), board=True) for _ in range(ROUNDS)]
        note(f"whole board, {days} days", asked)
        figures["load_after"] = os.getloadavg()[0]
        figures["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        await client.close()
        await embedded.stop()
    return figures


def _period(last: date, length: int) -> Period:
    return Period.of_days(last - timedelta(days=length - 1), last, ZONE)


def main() -> None:
    """Print the figures as JSON."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--conversations", type=int, default=100_000)
    arguments.add_argument("--days", type=int, default=90)
    arguments.add_argument("--history", action="store_true", help="the same again a year before")
    given = arguments.parse_args()
    earlier = 365 if given.history else 0
    print(json.dumps(asyncio.run(measure(given.conversations, given.days, earlier)), indent=2))


if __name__ == "__main__":
    main()
