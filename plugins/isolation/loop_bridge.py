"""Calls from a channel's event loop to the main loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from core.sdk.plugin import Lease
from core.sdk.rate_limit import Pace, Rates

log = logging.getLogger(__name__)

T = TypeVar("T")


class LoopBridge:
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
        body, here = asyncio.current_task(), asyncio.get_running_loop()
        assert body is not None
        before, is_lost, is_left = body.cancelling(), False, False

        def break_off() -> None:
            nonlocal is_lost
            if not is_left:
                is_lost = True
                body.cancel()

        def lost() -> None:
            with suppress(RuntimeError):  # the channel's loop has ended
                here.call_soon_threadsafe(break_off)

        ours, release, holder = await self.call(lambda: _held(lease, key, lost))
        try:
            yield ours
        except asyncio.CancelledError:
            if not (is_lost and body.uncancel() <= before):
                raise
        finally:
            is_left = True
            self.tell(release.set)
            del holder


async def _held(
    lease: Lease, key: str, lost: Callable[[], None]
) -> tuple[bool, asyncio.Event, asyncio.Task[None]]:
    """Whether it is ours, what gives it back, and the task that holds it until then.

    `lost` is called when the lease breaks off what is done under it.
    """
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    release = asyncio.Event()

    async def hold() -> None:
        try:
            async with lease.hold(key) as ours:
                answer.set_result(ours)
                await release.wait()
            if not release.is_set():
                lost()
        except Exception as error:
            if answer.done():
                log.exception("a lease of a channel ended badly")
            else:
                answer.set_exception(error)

    task = asyncio.create_task(hold(), name=f"lease {key}")
    return await answer, release, task


class BridgedLease:
    """`core.sdk.plugin.Lease` as a channel gets it."""

    def __init__(self, lease: Lease, crossing: LoopBridge) -> None:
        self._lease = lease
        self._crossing = crossing

    @asynccontextmanager
    async def hold(self, conversation_id: str) -> AsyncIterator[bool]:
        """See `core.sdk.plugin.Lease.hold`."""
        async with self._crossing.lease(self._lease, conversation_id) as ours:
            yield ours


class BridgedRates:
    """`core.sdk.rate_limit.Rates` as a channel gets them: its keys are its own."""

    def __init__(self, rates: Rates, crossing: LoopBridge, *, channel_id: str) -> None:
        self._rates = rates
        self._crossing = crossing
        self._prefix = f"{channel_id}\0"

    async def reserve(self, keys: Sequence[tuple[str, Pace]], *, patience: float) -> float:
        """See `core.sdk.rate_limit.Rates.reserve`."""
        named = [(self._prefix + key, pace) for key, pace in keys]
        return await self._crossing.call(lambda: self._rates.reserve(named, patience=patience))

    def close(self, key: str, seconds: float) -> None:
        """See `core.sdk.rate_limit.Rates.close`."""
        self._crossing.tell(lambda: self._rates.close(self._prefix + key, seconds))
