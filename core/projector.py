"""Carries every commit to everybody who keeps something from the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from core.clock import Clock
from core.conversations import Conversation
from core.events import Commit
from core.ports import Gathering, Projection, Snapshot, SnapshotStore
from core.repository import Change, Conversations

log = logging.getLogger(__name__)

GATHER_SECONDS = 0.03  #: commits that come within it are projected together


class Projector:
    """Feeds every commit to every projection, in order, and settles conversations that are idle.

    A conversation is settled once all projections have seen all of it and nothing is due in it;
    until then a restart looks at it again, so no commit is ever missed.
    """

    def __init__(
        self,
        *,
        conversations: Conversations,
        snapshots: SnapshotStore,
        clock: Clock,
        is_idle: Callable[[Conversation], bool],
        settle_after: float = 3.0,
    ) -> None:
        self._conversations = conversations
        self._snapshots = snapshots
        self._clock = clock
        self._is_idle = is_idle
        self._settle_after = settle_after
        self._projections: list[Projection] = []
        self._pending: list[Commit] = []
        self._states: dict[str, tuple[Conversation, float, bool]] = {}
        self._projected: dict[str, int] = {}
        #: Conversations of which projections hold something unwritten: what is surely written.
        self._held: dict[str, int] = {}
        self._flushed_at = float("-inf")
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        conversations.on_commit(self._on_commit)

    def register(self, projection: Projection) -> None:
        """Add a reader; before `start`."""
        self._projections.append(projection)

    def start(self) -> None:
        """Begin to project, in a task of our own."""
        self._task = asyncio.create_task(self._run(), name="projector")

    async def stop(self) -> None:
        """Project and write down what is there, then end."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        try:
            await self._project()
            await self._flush()
            await self._settle(everything=True)
        except Exception:
            # What is not written down now is found unsettled at the next start.
            log.exception("the last projection before stopping failed")

    async def drain(self) -> None:
        """Return once every commit so far has been projected (for lists that must be fresh)."""
        await self._idle.wait()

    async def recover(self, conversation_id: str) -> Conversation:
        """Feed what a dead process left unprojected; gives the newest state."""
        snapshot = await self._snapshots.load(conversation_id)
        after = snapshot.projected if snapshot else 0
        commits = await self._conversations.history(conversation_id, after=after)
        state = await self._conversations.peek(conversation_id)
        self._projected.setdefault(conversation_id, after)
        self._pending.extend(commits)
        self._touch(state, urgent=False)
        return state

    def _on_commit(self, change: Change) -> None:
        assert change.commit is not None
        self._pending.append(change.commit)
        before, after = change.before, change.after
        moved = (
            before.status is not after.status
            or before.assignee != after.assignee
            or before.review is not after.review
        )
        self._projected.setdefault(change.after.id, change.before.seq)
        self._touch(change.after, urgent=moved)

    def _touch(self, state: Conversation, *, urgent: bool) -> None:
        _, _, was_urgent = self._states.get(state.id, (None, 0.0, False))
        self._states[state.id] = (state, self._clock.monotonic(), urgent or was_urgent)
        self._idle.clear()
        self._wake.set()

    async def _run(self) -> None:
        delay = 0.1
        while True:
            try:
                # Not wait_for: in Python 3.11 it can lose a cancellation.
                async with asyncio.timeout(self._settle_after / 3):
                    await self._wake.wait()
            except TimeoutError:
                pass
            # A moment's patience makes one write of many, and answers go before lists.
            await asyncio.sleep(GATHER_SECONDS)
            self._wake.clear()
            try:
                await self._project()
                # Not after every batch: what is gathered costs one write, however much it is.
                if self._clock.monotonic() - self._flushed_at >= self._settle_after:
                    await self._flush()
                    await self._settle(everything=False)
                delay = 0.1
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("projecting failed; trying again in %.1f s", delay)
                await asyncio.sleep(delay)
                delay = min(delay * 2, 10.0)
                self._wake.set()

    async def _project(self) -> None:
        while self._pending:
            batch = self._pending[:500]
            for projection in self._projections:
                await projection.apply(batch)
            del self._pending[: len(batch)]
            for commit in batch:
                known = self._projected.get(commit.conversation_id, 0)
                self._held.setdefault(commit.conversation_id, known)
                self._projected[commit.conversation_id] = max(known, commit.last)
        await self._save_urgent()
        if not self._pending:
            self._idle.set()

    async def _flush(self) -> None:
        """What projections hold is written down, so what they took in counts as projected."""
        for projection in self._projections:
            if isinstance(projection, Gathering):
                await projection.flush()
        self._held.clear()
        self._flushed_at = self._clock.monotonic()

    async def _save_urgent(self) -> None:
        urgent = [state for state, _, is_urgent in self._states.values() if is_urgent]
        if not urgent:
            return
        await self._snapshots.save([self._snapshot(s) for s in urgent], settled=False)
        for state in urgent:
            newest, touched, _ = self._states[state.id]
            self._states[state.id] = (newest, touched, newest is not state)

    async def _settle(self, *, everything: bool) -> None:
        now = self._clock.monotonic()
        quiet = [
            state
            for state, touched, _ in self._states.values()
            if everything or now - touched >= self._settle_after
        ]
        done = [s for s in quiet if self._is_idle(s) and self._projected.get(s.id, 0) >= s.seq]
        if everything:
            finished = {state.id for state in done}
            unfinished = [s for s in quiet if s.id not in finished]
            if unfinished:
                await self._snapshots.save([self._snapshot(s) for s in unfinished], settled=False)
        if not done:
            return
        # From here the next commit unsettles again, so it cannot fall between the two.
        for state in done:
            self._conversations.mark_settled(state.id)
        await self._snapshots.save([self._snapshot(s) for s in done], settled=True)
        for state in done:
            if self._states.get(state.id, (None,))[0] is state:
                del self._states[state.id]
                self._projected.pop(state.id, None)

    def _snapshot(self, state: Conversation) -> Snapshot:
        projected = min(self._projected.get(state.id, state.seq), state.seq)
        projected = min(self._held.get(state.id, projected), projected)
        return Snapshot(state=state, projected=projected)
