"""The projector: feeds every commit to every projection, and settles idle conversations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any

from core.clock import Clock
from core.domain.conversation import Conversation
from core.domain.events import Commit
from core.domain.fold import fold_commit
from core.engine.ports import (
    Ownership,
    Projection,
    Snapshot,
    SnapshotStore,
    SoleOwner,
)
from core.engine.projection.projected_elsewhere import ProjectedElsewhere
from core.engine.projection.unwritten import Unwritten
from core.engine.repository import Change, Conversations
from core.runtime import tasks
from core.runtime.backoff import Backoff

log = logging.getLogger(__name__)

SETTLE_AFTER = 3.0  #: seconds without a commit until a snapshot says everything
BACKOFF = Backoff(0.1, 10.0)  #: after failures
SETTLED_AT_ONCE = 256  #: conversations; what comes meanwhile is projected in between
GATHER_SECONDS = 0.03  #: commits that come within it are projected together
ROOM = 500  #: commits that wait, beyond which nobody brings what an earlier process left
READ_AT_ONCE = 32  #: conversations whose commits by others are read side by side


class Projector:
    """Feeds every commit to every projection, in order, and settles conversations that are idle.

    Only of conversations that are ours; what other processes append to them is read from the log.
    Where a newer release has written what we do not know, all is left as it was before: the mark
    stays, and a process that knows it goes on from there.

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
        settle_after: float = SETTLE_AFTER,
        ownership: Ownership | None = None,
    ) -> None:
        self._ownership = ownership or SoleOwner()
        self._conversations = conversations
        self._snapshots = snapshots
        self._clock = clock
        self._is_idle = is_idle
        self._settle_after = settle_after
        self._projections: list[Projection] = []
        self._pending: list[Commit] = []
        #: What is not settled and not written down as unfinished, the longest quiet first.
        self._states: dict[str, tuple[Conversation, float, bool]] = {}
        self._new: set[str] = set()  #: of which no snapshot was ever written
        self._projected: dict[str, int] = {}
        #: The last event of each conversation that waits in `_pending` or has passed through it.
        self._taken: dict[str, int] = {}
        self._elsewhere = ProjectedElsewhere(snapshots, clock)
        self._behind: set[str] = set()  #: of which the log holds more than was taken
        self._reading: set[str] = set()  #: of these what is being read just now
        self._caught_up = True  #: nothing is left that an earlier process has not projected
        #: Marked by no commit of ours: what a failed append may have left unprojected.
        self._marked: set[str] = set()
        self._projecting = asyncio.Lock()
        self._wake = asyncio.Event()
        self._given = self._done = 0  #: commits that were taken, and those that lists show
        self._batch_done = asyncio.Event()  # another one for each batch
        self._task: asyncio.Task[None] | None = None
        self._unwritten = Unwritten(
            self._projections, clock=clock, rest=settle_after, on_end=self._wake.set
        )
        conversations.on_commit(self._on_commit)
        conversations.on_mark(self._on_mark)

    def register(self, projection: Projection) -> None:
        """Add a reader; before `start`."""
        self._projections.append(projection)

    def start(self, *, catching_up: bool = False) -> None:
        """Begin to project, in a task of our own.

        `catching_up`: what an earlier process left is brought by `take_up` while we are at work,
        and `caught_up` says when that was all. Until then whatever is written to is taken up first.
        """
        self._caught_up = not catching_up
        self._task = asyncio.create_task(self._run(), name="projector")

    async def stop(self) -> None:
        """Project and write down what is there, then end."""
        if self._task is None:
            return
        await tasks.end(self._task)
        self._task = None
        await self._unwritten.finish()
        try:
            await self._project()
            await self._unwritten.write()
            while await self._settle(everything=True):
                pass
        except Exception:
            # What is not written down now is found unsettled at the next start.
            log.exception("the last projection before stopping failed")

    async def drain(self) -> None:
        """Return once every commit so far has been projected (for lists that must be fresh).

        At rest no list is kept: what the log says is in none that it was not in before. What is
        another process's to project is waited for a moment, if we have just appended it.
        """
        # What comes meanwhile is not waited for: it may never end.
        behind = self._unread()
        while self._task is not None and behind & self._unread():
            await self._batch_done.wait()
        given = self._given
        while self._task is not None and self._done < given:
            await self._batch_done.wait()
        await self._elsewhere.drain()

    async def reached(self, conversation_id: str, number: int) -> None:
        """Return once every projection has seen the event of this number; at rest, at once.

        What is another process's to project is waited for, but not for ever.
        """
        if not self._ownership.owns(conversation_id):
            await self._elsewhere.reached(conversation_id, number)
            return
        if not self._caught_up and conversation_id not in self._taken:
            self.follow(conversation_id)
        while self._task is not None and (
            conversation_id in self._unread()
            or self._projected.get(conversation_id, number) < number
        ):
            await self._batch_done.wait()

    async def recover(self, conversation_id: str) -> Conversation:
        """Feed what a dead process left unprojected; gives the newest state."""
        snapshot = await self._snapshots.load(conversation_id)
        after = snapshot.projected if snapshot else 0
        commits = await self._conversations.history(conversation_id, after=after)
        state = await self._conversations.peek(conversation_id)
        if state.unknown:
            return state
        self._projected.setdefault(conversation_id, after)
        # All of them, though some may have been taken: a failed append may stand between.
        self._pending.extend(commits)
        self._given += len(commits)
        for commit in commits:
            self._taken[conversation_id] = max(self._taken.get(conversation_id, 0), commit.last)
        self._touch(state, urgent=False)
        return state

    def follow(self, conversation_id: str) -> None:
        """Somebody else may have appended to it: project what the log has, soon."""
        self._behind.add(conversation_id)
        self._wake.set()

    async def take_up(self, conversation_id: str) -> Conversation:
        """Have in hand what an earlier process left; gives the newest state.

        Waits while there is much to project already. Raises StoreUnavailable.
        """
        while self._task is not None and len(self._pending) > ROOM:
            await self._batch_done.wait()
        return await self._catch_up_with(conversation_id, urgent=False)

    def caught_up(self) -> None:
        """Everything that an earlier process left has been taken up."""
        self._caught_up = True

    def taken(self, conversation_id: str) -> int:
        """Up to which of its events we have it in hand; 0 when we have nothing of it."""
        return self._taken.get(conversation_id, 0)

    async def hand_over(self, is_ours: Callable[[str], bool]) -> None:
        """Write down what is done of conversations that are given away. Raises StoreUnavailable."""
        async with self._projecting:
            await self._project()
            await self._unwritten.write()
            leaving = [s for s, _, _ in self._states.values() if not is_ours(s.id)]
            await self._save(leaving, settled=False)

    def drop(self, is_ours: Callable[[str], bool]) -> None:
        """Have nothing in hand of what is not ours: its owner projects it, from the log."""
        # What is pending is looked at again before it is projected.
        self._unwritten.drop(is_ours)
        known: Sequence[dict[str, Any]] = (self._states, self._projected, self._taken)
        for kept in known:
            for conversation_id in [one for one in kept if not is_ours(one)]:
                del kept[conversation_id]
        self._behind = {one for one in self._behind if is_ours(one)}
        self._new = {one for one in self._new if is_ours(one)}

    def _on_commit(self, change: Change) -> None:
        assert change.commit is not None
        before, after = change.before, change.after
        moved = (
            before.status is not after.status
            or before.assignee != after.assignee
            or before.reviews is not after.reviews
        )
        if not self._ownership.owns(after.id):
            if moved and not change.found:
                self._elsewhere.moved(after.id, after.seq)
            return
        if after.unknown:
            return
        if before.seq == 0:
            self._new.add(after.id)
        if self._is_next(change):
            self._projected.setdefault(after.id, before.seq)
            self._take([change.commit])
        else:
            self._behind.add(after.id)
        self._touch(after, urgent=moved)

    def _is_next(self, change: Change) -> bool:
        """Whether nothing is missing between what was taken and this commit."""
        taken = self._taken.get(change.after.id)
        if taken is None:
            # Alone whatever was before has been projected; else another one may have died of it.
            alone = self._ownership.is_alone and self._caught_up
            return alone or change.before.seq == 0
        return taken == change.before.seq

    def _take(self, commits: Collection[Commit]) -> None:
        for commit in commits:
            if commit.last > self._taken.get(commit.conversation_id, 0):
                self._pending.append(commit)
                self._given += 1
                self._taken[commit.conversation_id] = commit.last

    async def _catch_up(self) -> None:
        """Read what others appended; what is appended meanwhile is found the next time."""
        self._reading, self._behind = self._behind, set()
        behind = list(self._reading)
        try:
            while behind:
                batch = behind[-READ_AT_ONCE:]
                await asyncio.gather(*map(self._catch_up_with, batch))
                del behind[-READ_AT_ONCE:]
        finally:
            self._behind.update(one for one in behind if self._ownership.owns(one))
            self._reading = set()

    def _unread(self) -> set[str]:
        return self._behind | self._reading | self._marked

    async def _catch_up_with(self, conversation_id: str, *, urgent: bool = True) -> Conversation:
        after, snapshot = self._taken.get(conversation_id), None
        if after is None:
            snapshot = await self._snapshots.load(conversation_id)
            after = snapshot.projected if snapshot else 0
            if snapshot is None:
                self._new.add(conversation_id)
        commits = await self._conversations.history(conversation_id, after=after)
        read = _state_of(snapshot, commits)
        state = self._conversations.adopt(read) if read is not None else None
        if state is None:
            if commits:
                self._conversations.at_least(conversation_id, commits[-1].last)
            state = await self._conversations.peek(conversation_id)
        if self._ownership.owns(conversation_id) and state.seq and not state.unknown:
            self._projected.setdefault(conversation_id, after)
            self._take(commits)
            self._taken.setdefault(conversation_id, after)
            self._touch(state, urgent=urgent and bool(commits))
        return state

    def _on_mark(self, conversation_id: str) -> None:
        if not self._ownership.owns(conversation_id):
            return  # its owner finds the mark
        self._marked.add(conversation_id)
        self._wake.set()

    def _touch(self, state: Conversation, *, urgent: bool) -> None:
        _, _, was_urgent = self._states.pop(state.id, (None, 0.0, False))
        self._states[state.id] = (state, self._clock.monotonic(), urgent or was_urgent)
        self._wake.set()

    async def _run(self) -> None:
        failures = 0
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
                async with self._projecting:
                    for conversation_id in tuple(self._marked):
                        await self.recover(conversation_id)
                        self._marked.discard(conversation_id)
                    await self._project()
                    # Not after every batch: what is gathered costs one write, however much it is.
                    self._unwritten.write_beside()
                    if await self._settle(everything=False):
                        self._wake.set()
                failures = 0
            except asyncio.CancelledError:
                raise
            except Exception:
                failures += 1
                delay = BACKOFF.after(failures)
                log.exception("projecting failed; trying again in %.1f s", delay)
                await asyncio.sleep(delay)
                self._wake.set()

    async def _project(self) -> None:
        while self._pending or self._behind:
            await self._catch_up()
            waited, self._pending = self._pending[:500], self._pending[500:]
            batch = [c for c in waited if self._ownership.owns(c.conversation_id)]
            try:
                for projection in self._projections:
                    await projection.apply(batch)
            except BaseException:
                self._pending[:0] = waited  # those given away, too: they are counted as taken
                raise
            for commit in batch:
                if not self._ownership.owns(commit.conversation_id):
                    continue  # lost meanwhile: whoever has it projects it again
                known = self._projected.get(commit.conversation_id, 0)
                self._unwritten.took_in(commit.conversation_id, after=known)
                self._projected[commit.conversation_id] = max(known, commit.last)
            await self._save_urgent()
            self._done += len(waited)
            self._tell()
        await self._save_urgent()
        self._tell()

    def _tell(self) -> None:
        """Whoever waits for something looks again."""
        done, self._batch_done = self._batch_done, asyncio.Event()
        done.set()

    async def _save_urgent(self) -> None:
        # Of what is still to be read nobody knows how much of it was projected.
        urgent = [
            state
            for state, _, is_urgent in self._states.values()
            if is_urgent and state.id in self._projected
        ]
        if not urgent:
            return
        await self._save(urgent, settled=False)
        for state in urgent:
            if state.id in self._states:  # it may have become another process's meanwhile
                newest, touched, _ = self._states[state.id]
                self._states[state.id] = (newest, touched, newest is not state)

    async def _settle(self, *, everything: bool) -> bool:
        """Write down some of what is quiet; whether there may be more.

        A little at a time and as often as there is something: under load more comes in a second
        than may wait for a moment's rest.
        """
        now = self._clock.monotonic()
        quiet: list[Conversation] = []
        for state, touched, _ in self._states.values():
            if len(quiet) == SETTLED_AT_ONCE:
                break
            if not everything and now - touched < self._settle_after:
                break
            if everything or self._is_projected(state):
                quiet.append(state)
        done = [s for s in quiet if self._is_projected(s) and self._is_idle(s)]
        finished = {state.id for state in done}
        # What waits for a channel that is off may wait for days: lists show it as it is meanwhile.
        unfinished = [s for s in quiet if s.id not in finished]
        if unfinished:
            await self._save(unfinished, settled=False)
            for state in unfinished:
                self._written_down(state)
        # From here the next commit unsettles again, so it cannot fall between the two.
        for state in done:
            self._conversations.mark_settled(state.id)
        if done:
            await self._save(done, settled=True)
        for state in done:
            if self._written_down(state):
                self._projected.pop(state.id, None)
                self._taken.pop(state.id, None)
        return len(quiet) == SETTLED_AT_ONCE

    def _is_projected(self, state: Conversation) -> bool:
        """Whether every projection has seen all of it, and written it down."""
        return not self._unwritten.holds(state.id) and (
            self._projected.get(state.id, 0) >= state.seq
        )

    def _written_down(self, state: Conversation) -> bool:
        """Take it off what is to be written down, unless something has happened meanwhile."""
        newest = self._states.get(state.id)
        if newest is None or newest[0] is not state:
            return False
        del self._states[state.id]
        return True

    async def _save(self, states: Collection[Conversation], *, settled: bool) -> None:
        await self._snapshots.save([self._snapshot(s) for s in states], settled=settled)
        self._new.difference_update(state.id for state in states)

    def _snapshot(self, state: Conversation) -> Snapshot:
        projected = min(self._projected.get(state.id, 0), state.seq)
        surely = self._unwritten.surely(state.id, projected)
        return Snapshot(state=state, projected=surely, first=state.id in self._new)


def _state_of(snapshot: Snapshot | None, commits: Sequence[Commit]) -> Conversation | None:
    """The state that these say, the commits after what was projected; None if they do not meet."""
    if snapshot is not None:
        state = snapshot.state
    elif commits and commits[0].base == 1:
        state = Conversation(id=commits[0].conversation_id)
    else:
        return None
    for commit in commits:
        if commit.base > state.seq + 1:
            return None  # it was cut
        if commit.base == state.seq + 1:
            state = fold_commit(state, commit)
    return state
