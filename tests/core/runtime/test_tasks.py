"""Ending what runs in the background."""

from __future__ import annotations

import asyncio
import gc

import pytest

from core.runtime.tasks import BackgroundTasks, end


async def _swallows(times: int) -> None:
    """As pymongo under `asyncio.wait_for` may: the loop goes on after a cancellation."""
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            times -= 1
            if times < 0:
                raise


async def test_a_task_that_loses_cancellations_ends_all_the_same() -> None:
    tasks = [asyncio.create_task(_swallows(times)) for times in (0, 1, 3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await end(*tasks, again=0.01)
    assert all(task.cancelled() for task in tasks)


async def test_what_has_ended_or_failed_is_no_trouble() -> None:
    async def fails() -> None:
        raise ValueError

    failed = asyncio.create_task(fails())
    await asyncio.wait({failed})
    await end()
    await end(failed)


async def test_what_nobody_awaits_is_kept_until_it_ends() -> None:
    background, done = BackgroundTasks(), asyncio.Event()

    async def waits() -> None:
        # Nothing but the loop's weak reference would hold this task.
        await asyncio.get_running_loop().create_future()

    background.start(waits(), name="waits")
    background.start(_sets(done), name="sets")
    gc.collect()
    await done.wait()
    await asyncio.sleep(0)
    assert len(background) == 1
    await background.end()
    assert len(background) == 0


async def test_a_failure_in_the_background_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    background = BackgroundTasks()

    async def fails() -> None:
        raise ValueError("the disk is full")

    background.start(fails(), name="cleaning")
    await background.finish()
    [record] = caplog.records
    assert record.getMessage() == "cleaning ended"
    assert "the disk is full" in str(record.exc_info)


async def test_the_end_waits_a_while_and_then_for_nobody() -> None:
    background, done = BackgroundTasks(), asyncio.Event()

    async def takes_a_moment() -> None:
        await asyncio.sleep(0.02)
        done.set()

    background.start(takes_a_moment(), name="moment")
    stubborn = background.start(_swallows(2), name="stubborn")
    async with asyncio.timeout(10):
        await background.end(grace=0.2, again=0.01)
    assert done.is_set()
    assert stubborn.cancelled()
    assert len(background) == 0


async def _sets(done: asyncio.Event) -> None:
    done.set()
