"""Passes on that a conversation has new events, from the inbox to the worker."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[str], None]


class Wakeups:
    """Tells listeners which conversation has something new; nobody listens in a process at rest.

    It stands between the inbox and the worker, so that messages can be taken in before anything
    that answers them is built. What nobody hears is found unsettled at the next start.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def on_wake(self, listener: Listener) -> None:
        """Call this with the id of every conversation that is woken from now on."""
        self._listeners.append(listener)

    def wake(self, conversation_id: str) -> None:
        """Something happened in this conversation; cheap, and may be repeated."""
        for listener in self._listeners:
            listener(conversation_id)
