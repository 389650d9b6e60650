"""The questions that one of many processes has taken in and others answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from core.clock import Clock
from core.domain.next_step import wants_answer
from core.engine.repository import Change, Conversations

LONGEST_SECONDS = 120.0  #: no answer takes as long; what is not heard of for so long is forgotten


class AskedHere(Collection[str]):
    """The conversations in which a question of ours still waits for its answer; stays true.

    `Worker.under_way` knows of those that it works on itself. Here it is the question that counts:
    from the commit that brought it, made here, to the one that answers it, made anywhere. The bus
    follows these conversations (`RemoteBus`), so the end of each is heard of, or found.
    """

    def __init__(self, conversations: Conversations, *, clock: Clock) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}  #: the longest first
        conversations.on_commit(self._committed)

    def __contains__(self, conversation_id: object) -> bool:
        self._forget()
        return conversation_id in self._since

    def __iter__(self) -> Iterator[str]:
        self._forget()
        return iter(list(self._since))

    def __len__(self) -> int:
        self._forget()
        return len(self._since)

    def _committed(self, change: Change) -> None:
        one = change.after.id
        if not wants_answer(change.after):
            self._since.pop(one, None)
        elif not change.found:
            self._since.setdefault(one, self._clock.monotonic())

    def _forget(self) -> None:
        oldest = self._clock.monotonic() - LONGEST_SECONDS
        for one, since in list(self._since.items()):
            if since > oldest:
                break
            del self._since[one]
