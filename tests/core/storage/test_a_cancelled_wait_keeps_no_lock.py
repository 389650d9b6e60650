"""Whoever is cancelled in the driver ends, and leaves the driver's locks to the others."""

from __future__ import annotations

import asyncio
import contextlib

import pymongo.lock

from core.storage.client import Database  # the module mends the driver's waiting on Python 3.11


async def test_a_wait_that_is_cancelled_as_it_times_out_gives_the_lock_back() -> None:
    lock = pymongo.lock._async_create_lock()
    condition = pymongo.lock._async_create_condition(lock)

    async def waits() -> None:
        async with lock:
            await pymongo.lock._async_cond_wait(condition, 0.05)

    waiting = asyncio.create_task(waits())
    await asyncio.sleep(0.01)
    async with lock:  # so the wait, when it times out, cannot have the lock back yet
        await asyncio.sleep(0.1)
        waiting.cancel()  # and in the same turn of the loop the lock is free
    with contextlib.suppress(asyncio.CancelledError, RuntimeError):
        await waiting
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1), lock:
        pass


async def test_whoever_is_cancelled_in_an_operation_ends_wherever_it_is(db: Database) -> None:
    """A stream that has lost its right, or a server that stops, is not outlived by a lost word."""
    await db["things"].insert_one({"_id": 1})
    swallowed = []
    for turns in range(60):

        async def reads() -> None:
            await db["things"].find_one({"_id": 1})
            await asyncio.sleep(60)

        reading = asyncio.create_task(reads())
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        _, left = await asyncio.wait([reading], timeout=0.5)
        if left:
            swallowed.append(turns)
            reading.cancel()
    assert swallowed == []
