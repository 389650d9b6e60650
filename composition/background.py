"""What is done beside the serving: long work in tasks of its own, and the clock's jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

if TYPE_CHECKING:
    from composition.center import Center
    from composition.live import Serving

log = logging.getLogger(__name__)

RETENTION_HOUR = 3  #: of the day, in the reports' time zone
SWEEP_SECONDS = 2  #: between two looks for drafts whose deadline has passed


async def logged(name: str, work: Coroutine[Any, Any, None]) -> None:
    """Do it; what goes wrong is logged, and hurts nothing else."""
    try:
        await work
    except Exception:
        log.exception("%s ended", name)


def begin(stack: AsyncExitStack, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Do it in a task of its own, which ends with the stack at the latest."""
    task = asyncio.create_task(logged(name, work), name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    return task


def schedule(stack: AsyncExitStack, live: Serving) -> None:
    """Start what the clock asks for; it ends with the stack."""
    center = live.center
    scheduler = AsyncIOScheduler(
        timezone=center.settings.reports.report_timezone,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_job(live.trust.learning.sweep, IntervalTrigger(hours=6))
    scheduler.add_job(live.ladder.sweep, IntervalTrigger(seconds=SWEEP_SECONDS))
    scheduler.add_job(live.access.sweep, IntervalTrigger(hours=1))
    scheduler.add_job(_retain, CronTrigger(hour=RETENTION_HOUR), args=[center])
    scheduler.add_job(center.facts.roll_up, IntervalTrigger(minutes=1))
    soon = center.clock.now() + timedelta(seconds=5)
    scheduler.add_job(live.insight.reporting.tick, IntervalTrigger(seconds=20), next_run_time=soon)
    scheduler.start()
    stack.callback(scheduler.shutdown, wait=False)


async def _retain(center: Center) -> None:
    wishes = center.settings.server
    erased = await center.privacy.retain(
        days=wishes.retention_days, by_channel=dict(wishes.retention_days_by_channel)
    )
    if erased:
        log.info("%d conversations were old enough to be erased", erased)
