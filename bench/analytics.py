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
import statistics
import tempfile
import time
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from analytics.columns import DAY_MS, Names, Packed, day_of, digest, to_rows, unique
from analytics.facts import RULES, Fact, Trace
from analytics.measures import Filter
from analytics.periods import Interval, Period
from analytics.service import Analytics
from analytics.store import FactStore
from bench.history import AGENTS, CHANNELS, TOPICS, history
from core.accounts.rules import Role, User
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
        trace = Trace(commits[0].conversation_id)
        for commit in commits:
            for fact in trace.take(commit):
                by_day[day_of(fact.at)].append(fact)
    return by_day


async def write(db: Database, by_day: dict[int, list[Fact]]) -> None:
    """The days' documents, each conversation told ten times under other ids, minutes apart."""
    for day, facts in by_day.items():
        names, ids = Names(), sorted({fact.conversation_id for fact in facts})
        rows = to_rows(facts, names)
        known = np.array([digest(i) for i in ids], dtype=np.uint64)
        order = np.argsort(known)
        place = order[np.searchsorted(known[order], rows["conversation"])]
        parts, all_ids = [], []
        for n in range(TOLD):
            own = [f"{n}{i}" for i in ids]
            part = rows.copy()
            part["conversation"] = np.array([digest(i) for i in own], dtype=np.uint64)[place]
            late = np.int64(n * 61_000)
            part["at"] = np.minimum(part["at"] + late, (day + 1) * DAY_MS - 1)
            parts.append(part)
            all_ids += own
        packed = Packed.of(unique(np.concatenate(parts)), names, all_ids)
        await db["analytics_days"].insert_one(
            {"_id": day, "v": 1, "rules": RULES, **packed.document()}
        )
    await db["analytics_days"].insert_one(
        {"_id": "catalog", "days": {str(day): 1 for day in by_day}}
    )


def p95(values: list[float]) -> float:
    """By nearest rank."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


async def measure(conversations: int, days: int) -> dict[str, float]:
    """Milliseconds by question."""
    clock = SystemClock()
    end = datetime.combine(clock.now().date(), datetime.min.time(), tzinfo=UTC)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        embedded = EmbeddedStore(Path(folder), durable=False)
        await embedded.boot()
        client = connect(embedded.uri)
        db = client["bench"]
        await ensure_indexes(db)
        begun = time.perf_counter()
        by_day = facts_of(conversations // TOLD, days, end)
        figures["conversations"] = conversations
        figures["facts"] = sum(map(len, by_day.values())) * TOLD
        await write(db, by_day)
        figures["build_s"] = round(time.perf_counter() - begun, 1)
        by_day.clear()
        store = FactStore(db, clock=clock)
        desk = Analytics(store, clock=clock, zone=ZONE, queue_length=none_waits)
        last = end.astimezone(ZONE).date() - timedelta(days=1)

        async def timed(length: int, chosen: Filter, *, board: bool = False) -> float:
            period = _period(last, length)
            start = time.perf_counter()
            if board:
                await desk.board(SARA, period, Interval.DAY, chosen)
            else:
                await desk.summary(SARA, period, chosen)
            return (time.perf_counter() - start) * 1000

        figures[f"summary_{days}d_cold_ms"] = round(await timed(days, Filter()), 1)
        for length in (1, 7, 30, days):
            times = [await timed(length, Filter()) for _ in range(ROUNDS)]
            figures[f"summary_{length}d_p95_ms"] = round(p95(times), 1)
            figures[f"summary_{length}d_p50_ms"] = round(statistics.median(times), 1)
        wishes = [
            *(Filter(channel=name) for name, _ in CHANNELS),
            *(Filter(agent=name) for name in AGENTS),
            *(Filter(topic=name) for name in TOPICS),
            Filter(channel="web", agent=AGENTS[0], topic=TOPICS[0]),
        ]
        times = [await timed(days, wish) for wish in wishes for _ in range(2)]
        figures[f"filter_{days}d_max_ms"] = round(max(times), 1)
        figures[f"filter_{days}d_p95_ms"] = round(p95(times), 1)
        times = [await timed(days, Filter(), board=True) for _ in range(5)]
        figures[f"board_{days}d_max_ms"] = round(max(times), 1)
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
    given = arguments.parse_args()
    print(json.dumps(asyncio.run(measure(given.conversations, given.days)), indent=2))


if __name__ == "__main__":
    main()
