"""The pending changes of projections: kept in memory until they are due to be written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from core.clock import Clock
from core.engine.ports import Gathering, Projection

PAUSE = 2.0  #: times as long as it takes projections are not told to write down,
LONGEST_PAUSE = 10.0  #: but no longer than this, in seconds: what is not written is not settled


class Unwritten:
    """Flushes the buffers of `Gathering` projections, beside projecting and at bounded intervals.

    What is held of a conversation counts as projected only once it is surely written.
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        *,
        clock: Clock,
        rest: float,
        on_end: Callable[[], None],
    ) -> None:
        """`rest` is in seconds, at least between two times; `on_end` is called after each."""
        self._projections = projections
        self._clock = clock
        self._rest = rest
        self._on_end = on_end
        self._held: dict[str, int] = {}  #: by conversation, up to which event all was written
        self._being_written: dict[str, int] = {}  #: what was held when the last writing began
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._ended_at, self._took = float("-inf"), 0.0

    def took_in(self, conversation_id: str, *, after: int) -> None:
        """Projections have taken in what comes after this number."""
        self._held.setdefault(conversation_id, after)

    def holds(self, conversation_id: str) -> bool:
        """Whether something of it is not surely written."""
        return conversation_id in self._held or conversation_id in self._being_written

    def surely(self, conversation_id: str, projected: int) -> int:
        """Up to which event it is surely written, when so much of it has been projected."""
        for held in (self._held, self._being_written):
            projected = min(held.get(conversation_id, projected), projected)
        return projected

    def drop(self, is_ours: Callable[[str], bool]) -> None:
        """Know nothing of conversations that are another process's now."""
        for held in (self._held, self._being_written):
            for conversation_id in [one for one in held if not is_ours(one)]:
                del held[conversation_id]

    def write_beside(self) -> None:
        """Begin to write, unless it is under way or was a moment ago.

        Where there is much to write down, it is written down less often. Raises what the last
        writing raised.
        """
        if self._task is not None and self._task.done():
            done, self._task = self._task, None
            done.result()
        pause = max(self._rest, min(PAUSE * self._took, LONGEST_PAUSE))
        if self._task is None and self._clock.monotonic() - self._ended_at >= pause:
            self._task = asyncio.create_task(self.write(), name="projections' writing")
            self._task.add_done_callback(self._ended)

    async def finish(self) -> None:
        """Return once nothing is being written; what is raised then is dropped."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def write(self) -> None:
        """Write down everything that is held. Raises what a projection raises."""
        async with self._writing:
            began = self._clock.monotonic()
            # Whether what is taken in meanwhile is written, too, nobody knows.
            self._being_written, self._held = self._held, {}
            try:
                for projection in self._projections:
                    if isinstance(projection, Gathering):
                        await projection.flush()
            except BaseException:
                self._held |= self._being_written
                raise
            finally:
                self._being_written = {}
                self._ended_at = self._clock.monotonic()
                self._took = self._ended_at - began

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Who is stopped meanwhile asks for no outcome: what is unwritten is found unsettled.
        if not task.cancelled():
            task.exception()
        self._on_end()
