"""A thread with an event loop of its own for a channel's code; or the main loop."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from core.errors import ContactCenterError

log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]

PATIENCE = 2.0  #: seconds a cancelled task gets before it is given up


class TookTooLong(ContactCenterError):
    """The channel did not finish in time."""


class LoopThread(Protocol):
    """Runs coroutines of one channel; all of them on the same loop."""

    async def run(self, work: Work[T], *, within: float) -> T:
        """Its result, or its error. Raises TookTooLong; never hangs, whatever the work does."""
        ...

    def adopt(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start a background task; called on the channel's own loop."""
        ...

    def where(self) -> str:
        """The line of code the thread stands in, for an admin; "" where that means nothing."""
        ...

    async def close(self) -> int:
        """Cancel everything that still runs; gives how many tasks had been left behind."""
        ...


class MainLoop:
    """The main loop: no hops between threads, and no protection against code that blocks."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self, work: Work[T], *, within: float) -> T:
        """See `LoopThread.run`."""
        task = asyncio.create_task(work())
        try:
            done, _ = await asyncio.wait([task], timeout=within)
        except asyncio.CancelledError:
            await _end([task])
            raise
        if not done:
            await _end([task])
            raise TookTooLong(f"The channel did not finish within {within:g} s.")
        return task.result()

    def adopt(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """See `LoopThread.adopt`."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def where(self) -> str:
        """See `LoopThread.where`; here it would be our own line."""
        return ""

    async def close(self) -> int:
        """See `LoopThread.close`; only adopted tasks are known to be the channel's."""
        left = [task for task in self._tasks if not task.done()]
        await _end(left)
        return 0


class OwnLoopThread:
    """A thread of its own: code that blocks or leaks holds up its own channel only."""

    def __init__(self, name: str, *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.new_event_loop()
        self._adopted: set[asyncio.Task[Any]] = set()
        self._awaited: set[asyncio.Future[Any]] = set()
        self._closed = False
        # A daemon: a thread that hangs for ever must not keep the process from ending.
        self._thread = threading.Thread(target=self._serve, name=f"channel-{name}", daemon=True)
        self._thread.start()

    async def run(self, work: Work[T], *, within: float) -> T:
        """See `LoopThread.run`."""
        if self._closed:
            raise TookTooLong("The channel has stopped.")
        future = asyncio.run_coroutine_threadsafe(_begin(work), self._loop)
        answer = asyncio.wrap_future(future)
        self._awaited.add(answer)
        answer.add_done_callback(self._awaited.discard)
        try:
            done, _ = await asyncio.wait([answer], timeout=within)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        if not done:
            answer.cancel()
            raise TookTooLong(f"The channel did not finish within {within:g} s{self._standing()}.")
        try:
            return answer.result()
        except asyncio.CancelledError as error:
            # The lane was closed, or the channel cancelled its own work; neither may cancel us.
            raise TookTooLong("The channel was stopped meanwhile.") from error

    def adopt(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """See `LoopThread.adopt`."""
        task = self._loop.create_task(work, name=name)
        self._adopted.add(task)
        task.add_done_callback(self._adopted.discard)
        return task

    def where(self) -> str:
        """See `LoopThread.where`."""
        frame = sys._current_frames().get(self._thread.ident or 0)  # noqa: SLF001
        if frame is None:
            return ""
        code = frame.f_code
        return f"{code.co_filename}:{frame.f_lineno} in {code.co_name}"

    async def close(self) -> int:
        """See `LoopThread.close`; a thread that does not come back is left to itself."""
        if self._closed:
            return 0
        self._closed = True
        ending = asyncio.run_coroutine_threadsafe(self._end_all(), self._loop)
        done, _ = await asyncio.wait([asyncio.wrap_future(ending)], timeout=2 * PATIENCE)
        if not done:
            ending.cancel()
            log.error("a channel's thread does not end%s", self._standing())
        for answer in list(self._awaited):
            answer.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        return ending.result() if done and not ending.exception() else 0

    async def _end_all(self) -> int:
        current = asyncio.current_task()
        tasks = [t for t in asyncio.all_tasks() if t is not current]
        leaked = [t for t in tasks if t not in self._adopted]
        for task in leaked:
            log.warning("left behind by a channel: %r", task)
        await _end(tasks)
        await asyncio.get_running_loop().shutdown_asyncgens()
        return len(leaked)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _standing(self) -> str:
        where = self.where()
        # A loop that waits for something to do says nothing.
        idle = not where or "selectors.py" in where or __file__ in where
        return "" if idle else f"; it stands in {where}"


async def _begin(work: Work[T]) -> T:
    return await work()


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if not tasks:
        return
    done, stuck = await asyncio.wait(tasks, timeout=PATIENCE)
    for task in done:
        if not task.cancelled() and task.exception() is not None:
            log.debug("ended with an error while being cancelled: %r", task.exception())
    for task in stuck:
        log.error("refuses to end: %r", task)
