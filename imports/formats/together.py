"""Puts the messages of conversations together that lie apart in a file, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imports.formats.conversations import Gathered, PastConversation

OPEN = 5_000  #: conversations that may wait for more of their messages


class Together:
    """Conversations that are not complete; whoever heard nothing for longest is let go first."""

    def __init__(self) -> None:
        self._open: dict[str, Gathered] = {}

    def at(self, conversation_id: str) -> tuple[Gathered, Sequence[PastConversation]]:
        """The conversation of this id, and those that had to make room."""
        found = self._open.pop(conversation_id, None) or Gathered(id=conversation_id)
        self._open[conversation_id] = found
        ended = []
        while len(self._open) > OPEN:
            first = next(iter(self._open))
            ended.append(self._open.pop(first).done())
        return found, ended

    def rest(self) -> Iterator[PastConversation]:
        """All that are left."""
        while self._open:
            yield self._open.pop(next(iter(self._open))).done()
