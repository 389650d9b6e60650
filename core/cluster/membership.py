"""Membership: who lives, who holds what, and for how long a member may trust itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from core.cluster.model import FREE, ClusterStore, Lease, Member, Terms
from core.cluster.partitions import PARTITION_KEYS, shares
from core.cluster.slots import Slots

log = logging.getLogger(__name__)

Keys = frozenset[str]
NONE: Keys = frozenset()


class Membership:
    """One member's view of the others, and the leases that it holds.

    `round` is called again and again, never twice at a time, and is the only one that writes.
    Partitions go to whom rendezvous hashing says; any other lease to whoever wants it first.
    """

    def __init__(
        self,
        store: ClusterStore,
        *,
        me: Member,
        new_id: Callable[[], str],
        steady: Callable[[], float],
        terms: Terms,
    ) -> None:
        """`me` is what is said about this process; each of its lives gets a new id.

        `steady` counts seconds on, however long the machine sleeps.
        """
        self._store = store
        self._me = me
        self._new_id = new_id
        self._steady = steady
        self._terms = terms
        self.id = ""  #: of this life; "" before it has joined
        self.known: Sequence[Member] = ()  #: everybody, as last read
        self._trusted_until = float("-inf")
        self._held: dict[str, Lease] = {}  #: by the store, as last read
        self._active: Keys = NONE  #: those of them that somebody was told to work under
        self._leaving: set[str] = set()
        self._drained: set[str] = set()
        self._offering: Keys = NONE  #: those of them that another machine is to have
        self._wanted: set[str] = set()
        self._slots = Slots(me.host, patience=terms.apart)
        self._watched: dict[str, tuple[int, float]] = {}
        self._read_at = float("-inf")
        self._leases: Mapping[str, Lease] = {}
        self._gained: list[Callable[[Keys], None]] = []
        self._lost: list[Callable[[Keys], None]] = []
        self._given: list[Callable[[Keys], None]] = []

    def on_change(
        self,
        *,
        gained: Callable[[Keys], None] | None = None,
        lost: Callable[[Keys], None] | None = None,
        given: Callable[[Keys], None] | None = None,
    ) -> None:
        """Call these with keys; they must be quick and must not raise.

        `lost`: somebody else may hold them from a few seconds on; break off. `given`: finish what
        is under way, begin nothing, and call `drained`: another member is to have them.
        """
        for listeners, listener in (
            (self._gained, gained),
            (self._lost, lost),
            (self._given, given),
        ):
            if listener is not None:
                listeners.append(listener)

    @property
    def trusted_until(self) -> float:
        """When our word ends, unless another beat is acknowledged; by our own clock."""
        return self._trusted_until

    def holds(self, key: str) -> bool:
        """Whether it is ours at this moment; asked before everything that others would see."""
        return key in self._active and self._steady() < self._trusted_until

    def accepts(self, key: str) -> bool:
        """Whether something new may be begun under it."""
        return key not in self._leaving and self.holds(key)

    def fence(self, key: str) -> int:
        """The number of our holding it; higher than that of everybody before us."""
        return self._held.get(key, FREE).fence

    def held(self) -> Keys:
        """What we hold at this moment."""
        return self._active if self._steady() < self._trusted_until else NONE

    def want(self, key: str) -> None:
        """Take this lease in a round from now on, as soon as nobody has it."""
        self._wanted.add(key)
        if key not in self._offering:
            self._drained.discard(key)

    def unwant(self, key: str) -> None:
        """Want it no more; what we hold is given back in the next round."""
        self._wanted.discard(key)
        self.drained(frozenset({key}))

    def drained(self, keys: Collection[str]) -> None:
        """Nothing is done under these leases any more: the next round gives them back."""
        self._drained |= set(keys) & set(self._held)
        self._active -= set(keys)

    def lapse(self) -> None:
        """Break off when our word has ended; called when it should have, and safe at any time."""
        if self._active and self._steady() >= self._trusted_until:
            log.warning("the store does not confirm us in time: we work on nothing until it does")
            self._lose(self._active)

    async def round(self) -> None:
        """Beat, look around, and give and take what is due. Raises Unreachable."""
        began = self._steady()
        if not self.id:
            await self._join()
        elif not await self._store.beat(self.id):
            log.warning("we were declared dead; we begin anew")
            self.die()
            return
        self._trusted_until = began + self._terms.valid
        await self._give()
        dead = await self._look()
        await self._take(dead)
        self._settle()

    async def leave(self) -> None:
        """Hold nothing any more, and be gone. Raises Unreachable; then others find out."""
        self._lose(self._active)
        if self.id:
            held = {k: one for k, one in (await self._store.leases()).items() if self._is_ours(one)}
            await self._store.release(held)
            await self._store.remove(self.id)
        self.die()

    def die(self) -> None:
        """End this life: the next round begins another one, that holds nothing."""
        self._trusted_until = float("-inf")
        self._lose(self._active)
        self._held.clear()
        self._drained.clear()
        self._offering = NONE
        self._leaving.clear()
        self.id = ""

    async def _join(self) -> None:
        member = replace(self._me, id=self._new_id(), beat=0, alive=True)
        await self._store.join(member)
        self.id = member.id

    async def _give(self) -> None:
        given = {key: self._held[key] for key in self._drained if key in self._held}
        if given:
            await self._store.release(given)
        for key in given:
            del self._held[key]
        self._drained.clear()
        self._offering = NONE
        self._leaving -= set(given)

    async def _look(self) -> frozenset[str]:
        """Read everything; gives the ids of those who are surely dead."""
        leases = await self._store.leases()
        # After the leases: whoever holds one had joined before.
        members = await self._store.members()
        now = self._steady()
        if now - self._read_at > self._terms.blind:
            self._watched.clear()  # what happened meanwhile was not seen
        self._read_at = now
        self._leases, self.known = leases, members
        beats = {member.id: member.beat for member in members}
        owners = {lease.owner for lease in leases.values() if lease.owner}
        # An owner that is not among the members has left; but not before it was missed for long.
        watched = {**dict.fromkeys(owners, -1), **beats}
        self._watched = {
            one: (beat, now) if self._watched.get(one, (None,))[0] != beat else self._watched[one]
            for one, beat in watched.items()
        }
        silent = {
            one
            for one, (_, since) in self._watched.items()
            if now - since >= self._terms.dead and one != self.id
        }
        dead = {one for one in silent if one not in beats}
        for member in members:
            if not member.alive:
                dead.add(member.id)
                await self._forget(member, owners, now)
            elif member.id in silent and await self._store.bury(member.id, beat=member.beat):
                log.warning("member %s (%s) does not beat any more", member.id, member.host)
                dead.add(member.id)
        return frozenset(dead)

    async def _forget(self, member: Member, owners: Collection[str], now: float) -> None:
        _, since = self._watched[member.id]
        if member.id not in owners and now - since >= self._terms.forgotten:
            await self._store.remove(member.id)

    async def _take(self, dead: frozenset[str]) -> None:
        hosts = {m.id: m.host for m in self.known if m.alive and m.role.works and m.id not in dead}
        share = shares(frozenset(hosts))
        left = self._slots.left_to_others(self._wanted, self._leases, hosts, now=self._read_at)
        wanted = [key for key, member in share.items() if member == self.id]
        free = {
            key: lease
            for key in (*wanted, *self._wanted - left)
            if not (lease := self._leases.get(key, FREE)).owner or lease.owner in dead
        }
        if free:
            await self._store.take(free, self.id)
            self._leases = await self._store.leases()
        self._held = {key: one for key, one in self._leases.items() if self._is_ours(one)}
        given = {
            key
            for key in set(self._held).intersection(share) - self._leaving
            if share[key] != self.id
        }
        # What we hold of an earlier wish is nobody's work.
        self._drained |= set(self._held) - self._wanted - set(PARTITION_KEYS)
        self._offering = self._slots.given_back(
            set(self._held) & self._active, self._leases, hosts, self.id
        )
        self._drained |= self._offering
        self._lose(self._offering)
        self._leaving |= given
        if given:
            for listener in self._given:
                listener(frozenset(given))

    def _settle(self) -> None:
        """Tell who works what we hold now, as far as our word still stands."""
        self._lose(self._active - set(self._held))
        if self._steady() >= self._trusted_until:
            return
        gained = frozenset(self._held) - self._active - self._drained
        self._active |= gained
        if gained:
            for listener in self._gained:
                listener(gained)

    def _lose(self, keys: Keys) -> None:
        self._active -= keys
        if keys:
            for listener in self._lost:
                listener(keys)

    def _is_ours(self, lease: Lease) -> bool:
        return bool(self.id) and lease.owner == self.id
