"""The in-process event bus: fans commits and signals out to all listeners."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

from core.domain.events import Commit
from core.engine.ports import Signal

BACKLOG = 256  #: items a slow listener may be behind before it is told to read the log instead


_NOTHING = Signal(conversation_id="", kind="")  #: takes a place until a listener looks


class _Listener:
    """One listener's queue: small while idle, because there may be thousands."""

    __slots__ = ("_items", "_overrun", "_waiter")

    def __init__(self) -> None:
        # A list, because an empty deque takes twelve times its memory.
        self._items: list[Commit | Signal] = []
        self._waiter: asyncio.Future[None] | None = None
        self._overrun = False

    def put(self, item: Commit | Signal) -> None:
        if len(self._items) >= BACKLOG:
            self._items.clear()
            self._overrun = True
        self._items.append(item)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def miss(self) -> None:
        """Something may have been missed: the log is to be read instead."""
        self._items.clear()
        self._overrun = True
        self._items.append(_NOTHING)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> _Listener:
        return self

    async def __anext__(self) -> Commit | Signal | None:
        while not self._items:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._overrun:
            self._overrun = False
            if self._items[0] is _NOTHING:
                self._items.pop(0)
            return None
        return self._items.pop(0)


class LocalBus:
    """The bus of a single process."""

    def __init__(self) -> None:
        self._by_conversation: dict[str, set[_Listener]] = {}
        self._everything: set[_Listener] = set()
        self._growing: dict[str, str] = {}  #: answers that are being written, as far as shown

    def publish(self, item: Commit | Signal) -> None:
        """Hand the item to every listener; those who are too slow are told so."""
        if isinstance(item, Commit):
            self._growing.pop(item.conversation_id, None)
        elif item.kind == "delta":
            before = self._growing.get(item.conversation_id, "")
            self._growing[item.conversation_id] = before + item.text
        elif item.text == "ai":
            self._growing.pop(item.conversation_id, None)
        for listener in self._by_conversation.get(item.conversation_id, ()):
            listener.put(item)
        for listener in self._everything:
            listener.put(item)

    def heard(self) -> Collection[str]:
        """The conversations that somebody listens to, by name."""
        return self._by_conversation.keys()

    def is_heard(self, conversation_id: str) -> bool:
        """Whether somebody listens to it, or to everything."""
        return bool(self._everything) or conversation_id in self._by_conversation

    def growing(self, conversation_id: str) -> str:
        """The answer that is being written in it, as far as it was shown here."""
        return self._growing.get(conversation_id, "")

    def grown(self, conversation_id: str) -> None:
        """The answer that was being written in it is complete, and nobody here is told of it."""
        self._growing.pop(conversation_id, None)

    def missed(self, conversation_ids: Iterable[str] | None = None) -> None:
        """Listeners to these, or to any, may have missed something; and those to everything."""
        wanted = self._by_conversation if conversation_ids is None else conversation_ids
        for conversation_id in list(wanted):
            for listener in self._by_conversation.get(conversation_id, ()):
                listener.miss()
        for listener in self._everything:
            listener.miss()

    @asynccontextmanager
    async def listen(
        self, conversation_id: str | None = None
    ) -> AsyncIterator[AsyncIterator[Commit | Signal | None]]:
        """Everything published from now on; see `core.engine.ports.Bus.listen`."""
        with self._registered(conversation_id) as listener:
            if conversation_id is not None and conversation_id in self._growing:
                # Pieces are worth nothing without those before them.
                shown = self._growing[conversation_id]
                listener.put(Signal(conversation_id=conversation_id, kind="typing", text="ai"))
                listener.put(Signal(conversation_id=conversation_id, kind="delta", text=shown))
            yield listener

    @contextmanager
    def _registered(self, conversation_id: str | None) -> Iterator[_Listener]:
        listener = _Listener()
        if conversation_id is None:
            self._everything.add(listener)
        else:
            self._by_conversation.setdefault(conversation_id, set()).add(listener)
        try:
            yield listener
        finally:
            if conversation_id is None:
                self._everything.discard(listener)
            else:
                listeners = self._by_conversation[conversation_id]
                listeners.discard(listener)
                if not listeners:
                    del self._by_conversation[conversation_id]
