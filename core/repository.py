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
    Signal,
    SnapshotStore,
)

log = logging.getLogger(__name__)

CACHED = 20_000  #: conversations whose state is kept in memory
ATTEMPTS = 20  #: decisions on ever newer states before we give up
READS_AT_ONCE = 32  #: of the store; whoever writes stands in line behind no more than these


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
        self._reading = asyncio.Semaphore(READS_AT_ONCE)
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
        async with self._reading:
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
        async with self._reading:
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
