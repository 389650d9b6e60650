"""Members and leases as they are stored, and the port to their store."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from core.errors import SetupError


class Role(enum.StrEnum):
    """The part that a process plays."""

    ALL = "all"  #: everything
    WEB = "web"  #: takes in and shows; works on no conversation
    WORKER = "worker"  #: answers, sends, keeps time; serves nobody

    @property
    def works(self) -> bool:
        """Whether it works on conversations."""
        return self is not Role.WEB

    @property
    def serves(self) -> bool:
        """Whether customers and staff reach it."""
        return self is not Role.WORKER


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A process of the installation, under an id of this one life of it."""

    id: str
    role: Role
    host: str = ""
    pid: int = 0
    version: str = ""
    schema: int = 1  #: `core.runtime.version.SCHEMA` of its release
    oldest: int = 1  #: the lowest of another process beside which it can run
    secret: str = ""  #: a digest of SECRET_KEY: all must have the same
    url: str = ""  #: where its own port answers, "" of none
    started_at: datetime | None = None  #: for people; nothing is decided by it
    beat: int = 0  #: rises while it lives
    alive: bool = True  #: False for good, once another member has declared it dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The holding of a thing; its fence rises with each new holder."""

    owner: str = ""  #: a member's id; "" while it is free
    fence: int = 0


FREE = Lease()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The times of membership, in seconds of each member's own steady clock.

    Nobody compares clocks: a member trusts itself `valid` from the moment it sent a beat that was
    acknowledged, and is declared dead by one who has seen the same beat for `dead`. As long as no
    clock runs `dead / valid` times as fast as another, the first always ends before the second.
    """

    every: float = 1.0  #: between two beats
    valid: float = 7.0
    dead: float = 10.5
    blind: float = 3.0  #: who could not read for so long begins to watch anew
    apart: float = 30.0  #: for which a slot is left to other machines
    forgotten: float = 3600.0  #: after which a dead member's document is removed


class Unreachable(Exception):
    """The store does not answer; nobody knows whether it has done what was asked."""


class ClusterStore(Protocol):
    """The place where members meet.

    Each write is one compare-and-set; all methods raise Unreachable.
    """

    async def join(self, member: Member) -> None:
        """Take this member in; its id is new.

        Raises SetupError where what is stored is beyond its release: it is not among them then.
        """
        ...

    async def agree(self, schema: int) -> None:
        """Nobody of a lower number joins from now on."""
        ...

    async def beat(self, member_id: str) -> bool:
        """Raise its beat; False when it is not there, or was declared dead."""
        ...

    async def members(self) -> Sequence[Member]:
        """Everybody, the dead too."""
        ...

    async def bury(self, member_id: str, *, beat: int) -> bool:
        """Declare it dead, unless it has made another beat; whether it is dead now."""
        ...

    async def remove(self, member_id: str) -> None:
        """Forget it: it holds nothing, and nobody will hear from it."""
        ...

    async def leases(self) -> Mapping[str, Lease]:
        """All that were ever taken, by key."""
        ...

    async def take(self, seen: Mapping[str, Lease], member_id: str) -> None:
        """Take each of these whose owner and fence are still as seen; its fence rises by one."""
        ...

    async def release(self, held: Mapping[str, Lease]) -> None:
        """Free each of these that is still as given, its fence included."""
        ...


@dataclass(slots=True)
class MemoryClusterStore:
    """Members and leases of one process alone: nobody else can reach its store."""

    all_members: dict[str, Member] = field(default_factory=dict)
    all_leases: dict[str, Lease] = field(default_factory=dict)
    agreed: int = 1

    async def join(self, member: Member) -> None:
        """See `ClusterStore.join`."""
        if member.schema < self.agreed:
            raise SetupError("A newer release has been at work here.")
        self.all_members[member.id] = member

    async def agree(self, schema: int) -> None:
        """See `ClusterStore.agree`."""
        self.agreed = max(schema, self.agreed)

    async def beat(self, member_id: str) -> bool:
        """See `ClusterStore.beat`."""
        member = self.all_members.get(member_id)
        if member is None or not member.alive:
            return False
        self.all_members[member_id] = replace(member, beat=member.beat + 1)
        return True

    async def members(self) -> Sequence[Member]:
        """See `ClusterStore.members`."""
        return list(self.all_members.values())

    async def bury(self, member_id: str, *, beat: int) -> bool:
        """See `ClusterStore.bury`."""
        member = self.all_members.get(member_id)
        if member is None:
            return True
        if member.alive and member.beat == beat:
            self.all_members[member_id] = member = replace(member, alive=False)
        return not member.alive

    async def remove(self, member_id: str) -> None:
        """See `ClusterStore.remove`."""
        self.all_members.pop(member_id, None)

    async def leases(self) -> Mapping[str, Lease]:
        """See `ClusterStore.leases`."""
        return dict(self.all_leases)

    async def take(self, seen: Mapping[str, Lease], member_id: str) -> None:
        """See `ClusterStore.take`."""
        for key, lease in seen.items():
            if self.all_leases.get(key, FREE) == lease:
                self.all_leases[key] = Lease(owner=member_id, fence=lease.fence + 1)

    async def release(self, held: Mapping[str, Lease]) -> None:
        """See `ClusterStore.release`."""
        for key, lease in held.items():
            if self.all_leases.get(key) == lease:
                self.all_leases[key] = Lease(fence=lease.fence)
