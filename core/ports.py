"""What the core needs of the outside, as protocols; adapters live in storage, rag and channels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from core.channel import Channel
from core.conversations import Conversation
from core.drafts import Draft, Question, Turn
from core.errors import ContactCenterError
from core.events import Commit


class AlreadyAccepted(ContactCenterError):
    """This message is already in the log."""

    def __init__(self, commit: Commit) -> None:
        self.commit = commit
        super().__init__()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A conversation as last written down, which may be behind its log."""

    state: Conversation
    projected: int  #: every projection has seen the events up to this number


class ConversationLog(Protocol):
    """The append-only truth: commits of events, numbered per conversation."""

    async def append(self, commit: Commit) -> None:
        """Store the commit durably.

        Raises StaleConversation when its numbers are taken, StoreUnavailable when the store does
        not answer, ValueError for more events than a commit may have.
        """
        ...

    async def read(self, conversation_id: str, *, after: int = 0) -> list[Commit]:
        """The commits that begin after this number, in order."""
        ...


class SnapshotStore(Protocol):
    """Conversations as documents: for lists, for a quick load, and to know what is unfinished."""

    async def load(self, conversation_id: str) -> Snapshot | None:
        """The last snapshot, or None for a conversation nobody has written down."""
        ...

    async def unsettle(self, state: Conversation) -> None:
        """Durably mark that the log may hold more than the snapshot says."""
        ...

    async def save(self, snapshots: Sequence[Snapshot], *, settled: bool) -> None:
        """Write them down; `settled` promises that nothing is due in any of them."""
        ...

    async def unsettled(self) -> list[str]:
        """Ids of conversations whose owner did not finish them."""
        ...


class Projection(Protocol):
    """A reader of the log that keeps its own documents from it."""

    name: str

    async def apply(self, commits: Sequence[Commit]) -> None:
        """Take in these commits, of any conversations, each conversation's in order.

        The same commit may come again after a crash: taking it in twice changes nothing.
        """
        ...


@runtime_checkable
class Gathering(Protocol):
    """A projection that holds what it took in, so that many commits cost one write."""

    async def flush(self) -> None:
        """Write it down. Raises when that fails, and holds it then; called every few seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something worth showing now and worth nothing later: typing, a growing answer."""

    conversation_id: str
    kind: str  #: "delta" (text), "typing" (author)
    text: str = ""


class Bus(Protocol):
    """Wake-ups and fan-out; a lost message costs time, never truth."""

    def publish(self, item: Commit | Signal) -> None:
        """Hand it to everybody who listens now; never blocks, never fails."""
        ...

    def listen(
        self, conversation_id: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Commit | Signal | None]]:
        """What happens from now on, in one conversation or in all of them (None).

        A None item means that the listener was too slow and must read the log again.
        """
        ...


class Wakes(Protocol):
    """Whoever makes workers look at a conversation."""

    def wake(self, conversation_id: str) -> None:
        """See to it that a worker looks at this conversation soon."""
        ...


OnDelta = Callable[[str], None]
"""Takes the next piece of an answer that may be shown before it is complete."""


class Responder(Protocol):
    """Whoever writes drafts."""

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        """A draft within the responder's own time limit; never raises for a failing part.

        `on_delta` gets only text that is already checked and will stand in the final draft.
        """
        ...

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """A draft for this will be asked for in a moment; what it needs may begin now."""
        ...


class Lease(Protocol):
    """One worker at a time on a conversation."""

    def hold(self, conversation_id: str) -> AbstractAsyncContextManager[bool]:
        """True inside when it is ours until we leave; False when another worker has it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer whose data is asked for: where he wrote, what he wrote, what he is called."""

    conversation_ids: tuple[str, ...]
    texts: tuple[str, ...] = ()  #: all that he wrote
    names: tuple[str, ...] = ()  #: addresses, ids at vendors, e-mail, phone
    mentions: tuple[str, ...] = ()  #: e-mail addresses and numbers in what he wrote


class PersonalData(Protocol):
    """A part that keeps something about customers beside the log, and can give and forget it."""

    name: str

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """All that is kept here about the person."""
        ...

    async def erase(self, person: Person) -> Mapping[str, int]:
        """Forget it; what was removed, counted by kind. Asked again, it removes what is left."""
        ...


class ChannelDirectory(Protocol):
    """Which channels are there now."""

    def get(self, channel_id: str) -> Channel | None:
        """The running channel, or None while it is off."""
        ...
