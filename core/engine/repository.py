"""The repository of conversations: loads the state, asks a decision, appends its events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from core.clock import Clock
from core.domain.conversation import Conversation
from core.domain.events import Commit, Event
from core.domain.fold import fold_commit
from core.engine.ports import (
    AlreadyAccepted,
    Bus,
    ConversationLog,
    Ownership,
    Signal,
    SnapshotStore,
    SoleOwner,
)
from core.errors import NotFound, OtherRelease, StaleConversation
from core.runtime.lru import LruDict
from core.runtime.version import SCHEMA

log = logging.getLogger(__name__)

CACHED = 5_000  #: conversations whose state is kept in memory; 1.3 KB each
ATTEMPTS = 20  #: decisions on ever newer states before we give up
READS_AT_ONCE = 32  #: of the store; whoever writes stands in line behind no more than these


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The outcome of an update."""

    before: Conversation
    after: Conversation
    commit: Commit | None  #: None when the decision was to append nothing
    found: bool = False  #: in the log: somebody else's, or ours whose acknowledgement got lost


Decide = Callable[[Conversation], Sequence[Event]]
"""Pure: looks at the newest state and says what happens; raises to refuse."""


class Conversations:
    """Loads conversations and appends to them by compare-and-set on their last number."""

    def __init__(
        self,
        *,
        log_store: ConversationLog,
        snapshots: SnapshotStore,
        bus: Bus,
        clock: Clock,
        ownership: Ownership | None = None,
        schema: Callable[[], int] = lambda: SCHEMA,
    ) -> None:
        """`schema` is what every process that reads the log understands."""
        self._schema = schema
        self._ownership = ownership or SoleOwner()
        self._log = log_store
        self._snapshots = snapshots
        self._bus = bus
        self._clock = clock
        self._cache: LruDict[str, Conversation] = LruDict(CACHED)
        self._begun: LruDict[str, bool] = LruDict(CACHED)
        self._unsettled: dict[str, int] = {}
        #: Where an append failed, and may have landed nevertheless.
        self._doubtful: set[str] = set()
        self._reading = asyncio.Semaphore(READS_AT_ONCE)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._on_commit: list[Callable[[Change], None]] = []
        self._on_signal: list[Callable[[Signal], None]] = []
        self._on_mark: list[Callable[[str], None]] = []

    def on_commit(self, callback: Callable[[Change], None]) -> None:
        """Call this after every commit that this process makes, or finds on what it knew.

        It must be quick and must not raise.
        """
        self._on_commit.append(callback)

    def on_mark(self, callback: Callable[[str], None]) -> None:
        """Call this with a conversation that was marked as unfinished by no commit of ours."""
        self._on_mark.append(callback)

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
        if cached is None or conversation_id in self._doubtful:
            return await self._reload(conversation_id)
        if self._ownership.owns(conversation_id) or self._begun.pop(conversation_id, False):
            return cached  # its owner is told of what others append
        return await self._reload(conversation_id)

    def known(self, conversation_id: str) -> int:
        """The last number that is remembered of it; 0 for none."""
        cached = self._cache.get(conversation_id)
        return cached.seq if cached is not None else 0

    def at_least(self, conversation_id: str, number: int) -> None:
        """Somebody has appended up to this number: an older state is looked after."""
        if self.known(conversation_id) < number:
            self.doubt(conversation_id)

    def doubt(self, conversation_id: str) -> None:
        """Somebody may have appended to it: whoever looks next looks into the log."""
        if conversation_id in self._cache:
            self._doubtful.add(conversation_id)
            if len(self._doubtful) > 2 * CACHED:
                # What is not remembered any more is read anyway.
                self._doubtful.intersection_update(self._cache)

    def adopt(self, state: Conversation) -> Conversation | None:
        """Remember what was just read of it; None where something was known, newer or not."""
        if state.id in self._cache or state.id in self._doubtful:
            return None
        self._cache[state.id] = state
        return state

    def begin(self, conversation_id: str) -> None:
        """This id has just been made: nothing needs to be looked for before its first commit."""
        self._cache[conversation_id] = Conversation(id=conversation_id)
        if not self._ownership.is_alone:
            self._begun[conversation_id] = True

    async def update(
        self, conversation_id: str, decide: Decide, *, key: str = "", told: bool = False
    ) -> Change:
        """Append what `decide` says of the newest state, all or nothing.

        When somebody else was faster, the decision is asked again on the newer state. `told`: it
        only writes down what somebody outside did, which holds whatever else happened there; any
        other decision is refused where we do not understand what did.
        Raises whatever `decide` raises, AlreadyAccepted for a known key, StoreUnavailable,
        OtherRelease.
        """
        async with self._lock(conversation_id):
            state = await self.peek(conversation_id)
            for _ in range(ATTEMPTS):
                if key and state.may_have_accepted(key):
                    await self._refuse_known(conversation_id, key)
                if state.unknown and not told:
                    raise OtherRelease("A newer release has written here; it is decided there.")
                events = tuple(decide(state))
                if not events:
                    return Change(before=state, after=state, commit=None)
                if max(event.schema for event in events) > self._schema():
                    raise OtherRelease("Not before the last process of an older release has ended.")
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
                except BaseException:
                    # It may have landed, or land yet: whoever looks next looks into the log.
                    self._doubtful.add(conversation_id)
                    raise
                return self._committed(state, commit)
        raise StaleConversation

    async def history(self, conversation_id: str, *, after: int = 0) -> list[Commit]:
        """The stored commits with numbers above `after`, in order."""
        async with self._reading:
            return await self._log.read(conversation_id, after=after)

    def forget(self, conversation_id: str) -> None:
        """Drop what is remembered: another process may have written."""
        self._cache.pop(conversation_id, None)

    def forget_all(self) -> None:
        """The same of every conversation."""
        self._cache.clear()

    def signal(self, signal: Signal) -> None:
        """Show something fleeting to whoever looks at the conversation now."""
        self._bus.publish(signal)
        for callback in self._on_signal:
            callback(signal)

    def disown(self, is_ours: Callable[[str], bool]) -> None:
        """Rely on no mark of a conversation that is not ours any more: its owner may take it."""
        for conversation_id in [one for one in self._unsettled if not is_ours(one)]:
            del self._unsettled[conversation_id]

    def mark_settled(self, conversation_id: str) -> None:
        """The snapshot says everything: the next commit has to unsettle it first."""
        self._unsettled.pop(conversation_id, None)

    async def _refuse_known(self, conversation_id: str, key: str) -> None:
        """Raise AlreadyAccepted for a commit that is there; the state itself may be mistaken."""
        for commit in reversed(await self._log.read(conversation_id)):
            if commit.key == key:
                await self._mark_again(commit)
                raise AlreadyAccepted(commit)

    async def _mark_again(self, commit: Commit) -> None:
        """A commit that is there may be so without its mark, and nobody may be at work on it.

        It is not remembered as marked: who settles the conversation now takes this mark away.
        """
        if commit.conversation_id in self._unsettled:
            return
        before = Conversation(id=commit.conversation_id, seq=commit.base - 1)
        await self._snapshots.unsettle(before)
        for callback in self._on_mark:
            callback(commit.conversation_id)

    async def _append(self, state: Conversation, commit: Commit) -> None:
        ours = self._ownership.owns(commit.conversation_id)
        if ours and commit.conversation_id in self._unsettled:
            await self._log.append(commit)
            return
        # Both must be durable before anybody is told; neither needs the other to be first,
        # because an unacknowledged commit is sent again and lands here again.
        # What is marked is the state before: a snapshot must never be ahead of its log.
        outcomes = await asyncio.gather(
            self._log.append(commit), self._snapshots.unsettle(state), return_exceptions=True
        )
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        if ours:
            self._unsettled[commit.conversation_id] = commit.base

    def _committed(self, state: Conversation, commit: Commit, *, found: bool = False) -> Change:
        after = fold_commit(state, commit)
        self._cache[after.id] = after
        change = Change(before=state, after=after, commit=commit, found=found)
        self._bus.publish(commit)
        for callback in self._on_commit:
            callback(change)
        return change

    async def _reload(self, conversation_id: str) -> Conversation:
        known = self._cache.get(conversation_id)
        self._doubtful.discard(conversation_id)
        try:
            async with self._reading:
                if known is None:
                    return await self._read(conversation_id)
                found = await self._log.read(conversation_id, after=known.seq)
                if found and found[0].base != known.seq + 1:  # it was cut
                    return await self._read(conversation_id)
        except BaseException:
            self._doubtful.add(conversation_id)
            raise
        newest = self._cache.get(conversation_id)
        if newest is not None and newest is not known:
            return newest  # somebody else has told of these meanwhile
        for commit in found:
            known = self._committed(known, commit, found=True).after
        return known

    async def _read(self, conversation_id: str) -> Conversation:
        snapshot = await self._snapshots.load(conversation_id)
        state = snapshot.state if snapshot else Conversation(id=conversation_id)
        for commit in await self._log.read(conversation_id, after=state.seq):
            state = fold_commit(state, commit)
        self._cache[state.id] = state
        return state

    def _lock(self, conversation_id: str) -> asyncio.Lock:
        lock = self._locks.get(conversation_id)
        if lock is None:
            lock = self._locks[conversation_id] = asyncio.Lock()
        return lock
