"""The engine's ports, as protocols; adapters live in storage, rag and channels."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from core.domain.conversation import Conversation
from core.domain.drafts import Draft, Question, Turn
from core.domain.events import Commit
from core.domain.messages import Address, Attachment, Citation, InboundMessage, OutboundFile
from core.errors import ContactCenterError
from core.sdk.channel import Channel


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
    first: bool = False  #: nobody has written it down yet, as far as is known: it costs less


class ConversationLog(Protocol):
    """The append-only log: commits of events, numbered per conversation."""

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


class Ownership(Protocol):
    """The port that says which conversations this process works on; a process alone owns all."""

    @property
    def is_alone(self) -> bool:
        """Whether no other process writes to the log."""
        ...

    def owns(self, conversation_id: str) -> bool:
        """Whether nobody but us may work on this conversation, at this moment."""
        ...

    def accepts(self, conversation_id: str) -> bool:
        """Whether we may begin something in it; less than `owns` while it is handed over."""
        ...

    def fence(self, conversation_id: str) -> int:
        """The number of our ownership, higher than those before; 0 where there is no other."""
        ...


class SoleOwner:
    """`Ownership` of a process alone: it owns every conversation."""

    is_alone = True

    def owns(self, conversation_id: str) -> bool:  # noqa: ARG002
        """Always."""
        return True

    def accepts(self, conversation_id: str) -> bool:  # noqa: ARG002
        """Always."""
        return True

    def fence(self, conversation_id: str) -> int:  # noqa: ARG002
        """None is needed."""
        return 0


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
    """A projection that buffers what it took in, so that many commits cost one write."""

    async def flush(self) -> None:
        """Write it down. Raises when that fails, and holds it then; called every few seconds."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """An ephemeral event that is never stored: somebody types, an answer grows."""

    conversation_id: str
    kind: str  #: "delta" (text), "typing" (author)
    text: str = ""


class Bus(Protocol):
    """Publish and subscribe within the process; a lost item delays a reader, and loses no data."""

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


OnDelta = Callable[[str], None]
"""Takes the next piece of an answer that may be shown before it is complete."""


class Responder(Protocol):
    """The port to the writer of drafts."""

    async def draft(self, question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        """A draft within the responder's own time limit; never raises for a failing part.

        `on_delta` gets only sentences that are already checked. The final draft begins with
        them, unless the answer ends badly: then they were a preview of nothing.
        """
        ...

    def foresee(self, text: str, history: Sequence[Turn]) -> None:
        """A draft for this will be asked for in a moment; what it needs may begin now."""
        ...


class Sources(Protocol):
    """The port that tells whether a draft's sources have changed since it was written."""

    async def changed(self, citations: Sequence[Citation]) -> Sequence[str]:
        """Titles of those of them that were changed or removed since."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer whose data is asked for, by ids: what is theirs is found by nothing else."""

    conversation_ids: tuple[str, ...]
    before: Mapping[str, int] = field(default_factory=dict)
    """Number of the erasure's mark, by conversation: what comes after it is somebody new's."""
    addresses: tuple[Address, ...] = ()  #: everywhere they ever were, by the log
    sender_ids: tuple[str, ...] = ()  #: what vendors call them
    texts: tuple[str, ...] = ()  #: what they wrote; only for lines that have no owner, as a log's

    def owns(self, conversation_id: str, number: int) -> bool:
        """Whether what has this number in this conversation is theirs."""
        if conversation_id not in self.conversation_ids:
            return False
        end = self.before.get(conversation_id)
        return end is None or number < end


class PersonalData(Protocol):
    """A part that keeps something about customers beside the log, and can give and forget it."""

    name: str

    async def export(self, person: Person) -> Sequence[Mapping[str, Any]]:
        """All that is kept here about the person."""
        ...

    async def erase(self, person: Person) -> Mapping[str, int]:
        """Forget it; what was removed, counted by kind. Asked again, it removes what is left."""
        ...


class Contents(Protocol):
    """The port to where files are kept."""

    async def take_in(self, message: InboundMessage, conversation_id: str) -> InboundMessage:
        """The message, whose contents are kept and named by their digests.

        Raises StoreUnavailable when they cannot be kept.
        """
        ...


class Consents(Protocol):
    """The port to who wants no messages, by phone number and across conversations."""

    async def opted_out(self, address: Address) -> bool:
        """Whether whoever has this number has opted out. Raises StoreUnavailable."""
        ...


class OutgoingFiles(Protocol):
    """The port to files that go with messages."""

    async def of(
        self, channel_id: str, conversation_id: str, seq: int, attachments: Sequence[Attachment]
    ) -> tuple[tuple[OutboundFile, ...], str]:
        """The files that the channel carries itself, and the rest as lines of links."""
        ...


class ChannelDirectory(Protocol):
    """The port to the running channels."""

    def get(self, channel_id: str) -> Channel | None:
        """The running channel, or None while it is off."""
        ...
