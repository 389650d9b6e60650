"""The one door to conversations: load the state, decide on it, append what was decided."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from core.clock import Clock
from core.conversations import Conversation
from core.errors import NotFound, StaleConversation
from core.events import Commit, Event
from core.ports import (
    AlreadyAccepted,
    Bus,
    ConversationLog,
    Gathering,
    Projection,
    Signal,
    Snapshot,
    SnapshotStore,
)

log = logging.getLogger(__name__)

CACHED = 20_000  #: conversations whose state is kept in memory
GATHER_SECONDS = 0.03  #: commits that come within it are projected together
ATTEMPTS = 20  #: decisions on ever newer states before we give up


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an update did."""

    before: Conversation
    after: Conversation
    commit: Commit | None  #: None when the decision was to append nothing


Decide = Callable[[Conversation], Sequence[Event]]
"""Pure: looks at the newest state and says what happens; raises to refuse."""


class Conversations:
    """Loads conversations and appends to them by compare-and-set on their last number."""

    def __init__(
        self, *, log_store: ConversationLog, snapshots: SnapshotStore, bus: Bus, clock: Clock
    ) -> None:
        self._log = log_store
        self._snapshots = snapshots
        self._bus = bus
        self._clock = clock
        self._cache: OrderedDict[str, Conversation] = OrderedDict()
        self._unsettled: dict[str, int] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._on_commit: list[Callable[[Change], None]] = []
        self._on_signal: list[Callable[[Signal], None]] = []

    def on_commit(self, callback: Callable[[Change], None]) -> None:
        """Call this after every commit of this process; it must be quick and must not raise."""
        self._on_commit.append(callback)

    def on_signal(self, callback: Callable[[Signal], None]) -> None:
        """Call this for every fleeting sign in this process; it must not raise."""
        self._on_signal.append(callback)

    async def load(self, conversation_id: str) -> Conversation:
        """The newest state. Raises NotFound when nothing ever happened there."""
        state = await self.peek(conversation_id)
        if state.seq == 0:
            raise NotFound
        return state

    async def peek(self, conversation_id: str) -> Conversation:
        """The newest state; `seq` is 0 for a conversation that does not exist yet."""
        cached = self._cache.get(conversation_id)
        if cached is not None:
            self._cache.move_to_end(conversation_id)
            return cached
        return await self._reload(conversation_id)

    def begin(self, conversation_id: str) -> None:
        """This id has just been made: nothing needs to be looked for before its first commit."""
        self._remember(Conversation(id=conversation_id))

    async def update(self, conversation_id: str, decide: Decide, *, key: str = "") -> Change:
        """Append what `decide` says of the newest state, all or nothing.

        When somebody else was faster, the decision is asked again on the newer state.
        Raises whatever `decide` raises, AlreadyAccepted for a known key, StoreUnavailable.
        """
        async with self._lock(conversation_id):
            state = await self.peek(conversation_id)
            for _ in range(ATTEMPTS):
                if key and state.may_have_accepted(key):
                    await self._refuse_known(conversation_id, key)
                events = tuple(decide(state))
                if not events:
                    return Change(before=state, after=state, commit=None)
                commit = Commit(
                    conversation_id=conversation_id,
                    base=state.seq + 1,
                    at=self._clock.now(),
                    events=events,
                    key=key,
                )
                try:
                    await self._append(state, commit)
                except StaleConversation:
                    state = await self._reload(conversation_id)
                    continue
                return self._committed(state, commit)
        raise StaleConversation

    async def history(self, conversation_id: str, *, after: int = 0) -> list[Commit]:
        """The stored commits with numbers above `after`, in order."""
        return await self._log.read(conversation_id, after=after)

    def forget(self, conversation_id: str) -> None:
        """Drop what is remembered: another process may have written."""
        self._cache.pop(conversation_id, None)

    def signal(self, signal: Signal) -> None:
        """Show something fleeting to whoever looks at the conversation now."""
        self._bus.publish(signal)
        for callback in self._on_signal:
            callback(signal)

    def mark_settled(self, conversation_id: str) -> None:
        """The snapshot says everything: the next commit has to unsettle it first."""
        self._unsettled.pop(conversation_id, None)

    async def _refuse_known(self, conversation_id: str, key: str) -> None:
        """Raise AlreadyAccepted for a commit that is there; the state itself may be mistaken."""
        for commit in reversed(await self._log.read(conversation_id)):
            if commit.key == key:
                raise AlreadyAccepted(commit)

    async def _append(self, state: Conversation, commit: Commit) -> None:
        if commit.conversation_id in self._unsettled:
            await self._log.append(commit)
            return
        # Both must be durable before anybody is told; neither needs the other to be first,
        # because an unacknowledged commit is sent again and lands here again.
        # What is marked is the state before: a snapshot must never be ahead of its log.
        await asyncio.gather(self._log.append(commit), self._snapshots.unsettle(state))
        self._unsettled[commit.conversation_id] = commit.base

    def _committed(self, state: Conversation, commit: Commit) -> Change:
        after = state.apply(commit)
        self._remember(after)
        change = Change(before=state, after=after, commit=commit)
        self._bus.publish(commit)
        for callback in self._on_commit:
            callback(change)
        return change

    async def _reload(self, conversation_id: str) -> Conversation:
        snapshot = await self._snapshots.load(conversation_id)
        state = snapshot.state if snapshot else Conversation(id=conversation_id)
        for commit in await self._log.read(conversation_id, after=state.seq):
            state = state.apply(commit)
        self._remember(state)
        return state

    def _remember(self, state: Conversation) -> None:
        self._cache[state.id] = state
        self._cache.move_to_end(state.id)
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)

    def _lock(self, conversation_id: str) -> asyncio.Lock:
        lock = self._locks.get(conversation_id)
        if lock is None:
            lock = self._locks[conversation_id] = asyncio.Lock()
        return lock


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
                if self._clock.monotonic() - self._flushed_at >= self._settle_after / 3:
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
