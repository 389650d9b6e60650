"""Runs slices' background tasks, and their jobs by the clock."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from core.clock import Clock
from core.runtime.tasks import BackgroundTasks
from core.slices.slice import Slice

log = logging.getLogger(__name__)


def begin(stack: AsyncExitStack, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Do it in a task of its own, which ends with the stack at the latest."""
    background = BackgroundTasks()
    stack.push_async_callback(background.end)
    return background.start(work, name=name)


def schedule(
    stack: AsyncExitStack,
    slices: Sequence[Slice],
    *,
    zone: str,
    clock: Clock,
    ours: Callable[[], bool] = lambda: True,
) -> None:
    """Start what the clock asks for; it ends with the stack.

    Nothing is done while it is not `ours`: of many processes one minds the clock.
    """
    scheduler = AsyncIOScheduler(
        timezone=zone,
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for job in (job for part in slices for job in part.jobs):
        when = CronTrigger(hour=job.hour) if job.every is None else _again(job.every)
        first = {} if job.first is None else {"next_run_time": clock.now() + job.first}
        name = getattr(job.work, "__qualname__", "job")
        work = functools.partial(_if_ours, job.work, ours)
        scheduler.add_job(work, when, name=name, **first)
    scheduler.start()
    stack.callback(scheduler.shutdown, wait=False)


async def _if_ours(work: Callable[[], Awaitable[object]], ours: Callable[[], bool]) -> None:
    if ours():
        await work()


def _again(every: timedelta) -> IntervalTrigger:
    return IntervalTrigger(seconds=int(every.total_seconds()))
