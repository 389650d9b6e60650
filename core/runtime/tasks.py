"""Background tasks: kept while they run, and cancelled until they have really ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

AGAIN_SECONDS = 2.0


async def end(*tasks: asyncio.Task[Any], again: float = AGAIN_SECONDS) -> None:
    """Cancel these tasks and return once all of them have ended; what they raise is dropped.

    One cancellation may be lost: `asyncio.wait_for` of Python 3.11 swallows it when it comes in
    the moment in which what is waited for ends, and so does a library that waits with it. A loop
    then goes on, and whoever waits for its end waits for ever. So it is cancelled again every
    `again` seconds; a task's own tidying must take less.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=again)
    await asyncio.gather(*tasks, return_exceptions=True)


class BackgroundTasks:
    """Tasks that nobody awaits: kept until they end, with their failures in the log."""

    def __init__(self) -> None:
        # The event loop itself keeps a weak reference only, and might lose one that waits.
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """How many have not ended."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Begin to do it, in a task of its own."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def finish(self) -> None:
        """Return once all of them have ended by themselves."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def end(self, *, grace: float = 0.0, again: float = AGAIN_SECONDS) -> None:
        """Give them so many seconds to finish, then end the rest."""
        if grace and self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        await end(*self._tasks, again=again)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s ended", task.get_name(), exc_info=error)
