"""Fan-out of what just happened to everybody who listens in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from core.events import Commit
from core.ports import Signal

BACKLOG = 256  #: items a slow listener may be behind before it is told to read the log instead


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

    @asynccontextmanager
    async def listen(
        self, conversation_id: str | None = None
    ) -> AsyncIterator[AsyncIterator[Commit | Signal | None]]:
        """Everything published from now on; see `core.ports.Bus.listen`."""
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
