"""The way from a channel's loop to the main loop, for calls and for leases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from core.ports import Lease

log = logging.getLogger(__name__)

T = TypeVar("T")


class Crossing:
    """Calls the main loop from a channel's loop, which may be the same."""

    def __init__(self, home: asyncio.AbstractEventLoop) -> None:
        self._home = home

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `work`, run on the main loop."""
        if asyncio.get_running_loop() is self._home:
            return await work()
        future = asyncio.run_coroutine_threadsafe(work(), self._home)
        return await asyncio.wrap_future(future)

    def tell(self, callback: Callable[[], None]) -> None:
        """Run the callback on the main loop soon, from any thread."""
        self._home.call_soon_threadsafe(callback)

    @asynccontextmanager
    async def lease(self, lease: Lease, key: str) -> AsyncIterator[bool]:
        """The lease, held on the main loop for a channel on another."""
        if asyncio.get_running_loop() is self._home:
            async with lease.hold(key) as ours:
                yield ours
            return
        ours, release, holder = await self.call(lambda: _held(lease, key))
        try:
            yield ours
        finally:
            self.tell(release.set)
            del holder


async def _held(lease: Lease, key: str) -> tuple[bool, asyncio.Event, asyncio.Task[None]]:
    """Whether it is ours, what gives it back, and the task that holds it until then."""
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    release = asyncio.Event()

    async def hold() -> None:
        try:
            async with lease.hold(key) as ours:
                answer.set_result(ours)
                await release.wait()
        except Exception as error:
            if answer.done():
                log.exception("a lease of a channel ended badly")
            else:
                answer.set_exception(error)

    task = asyncio.create_task(hold(), name=f"lease {key}")
    return await answer, release, task


class CrossingLease:
    """`core.ports.Lease` as a channel gets it."""

    def __init__(self, lease: Lease, crossing: Crossing) -> None:
        self._lease = lease
        self._crossing = crossing

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:
        """See `core.ports.Lease.hold`."""
        async with self._crossing.lease(self._lease, conversation_id) as ours:
            yield ours
