"""The member that this process is: it beats, and what is done under leases ends with them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from math import inf

from core.cluster.beside import reason_against
from core.cluster.membership import Keys, Membership
from core.cluster.model import ClusterStore, Lease, Member, Role, Terms, Unreachable
from core.cluster.partitions import lease_of
from core.errors import SetupError, StoreUnavailable
from core.runtime import tasks
from core.runtime.backoff import Backoff

log = logging.getLogger(__name__)

#: Alone nobody has to be told that we live, and nobody may take anything.
ALONE = Terms(every=inf, valid=inf, dead=inf, blind=inf, forgotten=inf)
STARTING = Backoff(0.2, 2.0)
STARTING_SECONDS = 20.0  #: for a store that is away at the start, and members of another key to end
ASKING_ROUNDS = 2  #: in which a lease that is free becomes ours


class Node:
    """Runs a membership's rounds, and lends its leases to tasks.

    One that is alone has everything at any time, started or not; of many, one that is not started
    is a command's: it appends and marks as everybody does, and works on nothing.
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
        self._store = store
        self._terms = terms
        self._me = me
        self._steady = steady
        #: What nobody of a lower number joins beside, and what all who live are known to know.
        self._closed = self._agreed = me.schema if terms.valid == inf else 1
        self._on_refused: Callable[[SetupError], None] = _told
        self.membership = Membership(store, me=me, new_id=new_id, steady=steady, terms=terms)
        self.membership.on_change(lost=self._cancel)
        self._poke = asyncio.Event()
        self._rounds = 0
        self._after_round = asyncio.Condition()
        self._running: asyncio.Task[None] | None = None
        self._guarding: asyncio.Task[None] | None = None
        self._asked: Counter[str] = Counter()
        #: What is done under leases: the key of each, and what breaks it off.
        self._under_way: set[tuple[str, Callable[[], None]]] = set()

    @property
    def role(self) -> Role:
        """What this process does."""
        return self._me.role

    @property
    def schema(self) -> int:
        """The number that all processes know, now and from now on: of more nothing is written."""
        return self._agreed

    @property
    def is_alone(self) -> bool:
        """Whether there can be no other member."""
        return self._terms.valid == inf

    @property
    def is_trusted(self) -> bool:
        """Whether the store has confirmed us recently."""
        return self._steady() < self.membership.trusted_until

    def owns(self, conversation_id: str) -> bool:
        """Whether nobody but us may work on this conversation, at this moment."""
        return self.is_alone or self.membership.holds(lease_of(conversation_id))

    def accepts(self, conversation_id: str) -> bool:
        """Whether we may begin something in it: it is ours, and is not about to be given away."""
        return self.is_alone or self.membership.accepts(lease_of(conversation_id))

    def fence(self, conversation_id: str) -> int:
        """The number of our ownership, 0 where there can be no other owner."""
        return 0 if self.is_alone else self.membership.fence(lease_of(conversation_id))

    async def start(self) -> None:
        """Join. Raises SetupError, also where we cannot work beside a member that lives."""
        began, failures = self._steady(), 0
        while True:
            late = self._steady() - began > STARTING_SECONDS
            try:
                await self.membership.round()
            except Unreachable as error:
                if late:
                    raise SetupError(
                        "The store does not answer: no place among members."
                    ) from error
            else:
                if not (why := reason_against(self._me, self.others())):
                    break
                if late:
                    await self._leave()
                    raise SetupError(why)
            failures += 1
            await asyncio.sleep(STARTING.after(failures))
        self._running = asyncio.create_task(self._run(), name="member")
        self._guarding = asyncio.create_task(self._guard(), name="member's word")

    async def stop(self) -> None:
        """Give everything back, so that others go on at once; safe twice and before a start."""
        running = [task for task in (self._running, self._guarding) if task is not None]
        self._running = self._guarding = None
        await tasks.end(*running)
        if running:
            await self._leave()

    def on_refused(self, listener: Callable[[SetupError], None]) -> None:
        """Call this once when we may be a member no more: the process has to end."""
        self._on_refused = listener

    def others(self) -> Sequence[Member]:
        """Who else lives, as far as we have seen."""
        known = self.membership.known
        return [one for one in known if one.alive and one.id != self.membership.id]

    async def seen(self) -> tuple[Sequence[Member], Mapping[str, Lease]]:
        """Everybody and all leases, as the store has them. Raises StoreUnavailable."""
        try:
            return await self._store.members(), await self._store.leases()
        except Unreachable as error:
            raise StoreUnavailable from error

    def hurry(self) -> None:
        """Have a round soon: something was given back, or is wanted."""
        self._poke.set()

    async def hold_while(self, key: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it whenever the lease is ours, broken off when it is not; until cancelled.

        Work that ends by itself is not done again before the lease has been somebody else's; of
        work that fails, what it raises is raised, and another may have the lease.
        """
        if self.is_alone:
            await work()
            return
        self._asked[key] += 1
        self.membership.want(key)
        self.hurry()
        try:
            while True:
                await self._until(lambda: self.membership.holds(key))
                with suppress(_Lost):
                    async with self._under(key):
                        await work()
                        await asyncio.Event().wait()
        finally:
            self._no_more(key)

    @asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[bool]:
        """See `core.sdk.plugin.Lease.hold`; the body is cancelled, and left, when it is lost."""
        if self.is_alone:
            yield True
            return
        if not self.role.works or not await self._ask(key):
            yield False
            return
        try:
            with suppress(_Lost):
                async with self._under(key):
                    yield True
        finally:
            self._no_more(key)

    async def _ask(self, key: str) -> bool:
        self._asked[key] += 1
        self.membership.want(key)
        wanted = self._rounds + ASKING_ROUNDS
        try:
            while not self.membership.holds(key) and self._rounds < wanted:
                self.hurry()
                async with self._after_round:
                    await self._after_round.wait()
        except BaseException:
            self._no_more(key)
            raise
        if self.membership.holds(key):
            return True
        self._no_more(key)
        return False

    def _no_more(self, key: str) -> None:
        self._asked[key] -= 1
        if not self._asked[key]:
            del self._asked[key]
            self.membership.unwant(key)
            self.hurry()

    @asynccontextmanager
    async def _under(self, key: str) -> AsyncIterator[None]:
        """Cancels the body when the lease is lost, and raises _Lost in its place."""
        task = asyncio.current_task()
        assert task is not None
        is_lost = False
        cancelled = task.cancelling()

        def break_off() -> None:
            nonlocal is_lost
            is_lost = True
            task.cancel()

        self._under_way.add((key, break_off))
        try:
            yield
        except asyncio.CancelledError:
            if is_lost and task.uncancel() <= cancelled:
                raise _Lost from None
            raise
        finally:
            self._under_way.discard((key, break_off))

    def _cancel(self, lost: Keys) -> None:
        for key, break_off in list(self._under_way):
            if key in lost:
                break_off()

    async def _agree(self) -> None:
        """Find out what everybody knows; of it no event is written before no older one can join.

        Who joined in the moment in which we agreed is seen in the next round.
        """
        lowest = min((one.schema for one in self.others()), default=self._me.schema)
        lowest = min(lowest, self._me.schema)
        if lowest > self._closed:
            await self._store.agree(lowest)
            self._closed = lowest
        else:
            self._agreed = lowest

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            async with self._after_round:
                await self._after_round.wait()

    async def _run(self) -> None:
        while True:
            began = self._steady()
            try:
                await self.membership.round()
                await self._agree()
            except Unreachable as error:
                log.warning("no round among the members: %s", error)
            except SetupError as error:
                self._on_refused(error)
                return
            except Exception:
                log.exception("a round among the members failed")
            self._rounds += 1
            async with self._after_round:
                self._after_round.notify_all()
            left = self._terms.every - (self._steady() - began)
            with suppress(TimeoutError):
                async with asyncio.timeout(max(left, 0.05) if left < inf else None):
                    await self._poke.wait()
            self._poke.clear()

    async def _guard(self) -> None:
        """Break off in time, though a round hangs."""
        while not self.is_alone:
            left = self.membership.trusted_until - self._steady()
            await asyncio.sleep(min(max(left, 0.05), 1.0))
            self.membership.lapse()

    async def _leave(self) -> None:
        try:
            await self.membership.leave()
        except Unreachable:
            log.warning("the store does not hear that we leave; others find out in a moment")
            self.membership.die()


def _told(error: SetupError) -> None:
    log.error("no member any more: %s", error)


class _Lost(Exception):
    """The lease that something was done under is not ours any more."""
