"""Membership in a simulated world: any order of steps, wrong clocks, pauses, cut networks.

Each member's `round` is driven by hand: it stands still before and after each of its calls to the
store, for as long as the test likes. The store itself is linearizable, as MongoDB's majority
writes and reads are; that it is so is not shown here.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.cluster.membership import Membership
from core.cluster.model import Lease, Member, MemoryClusterStore, Role, Terms, Unreachable
from core.cluster.partitions import PARTITION_KEYS, lease_of, partition_of, shares

T = TypeVar("T")

NAMED = ("schedule", "desk")
SLOW, FAST = 0.85, 1.15  #: how wrong a clock may run
TERMS = Terms(forgotten=40.0)
IDS = itertools.count()


@types.coroutine
def standing() -> Generator[None, None, None]:
    """Stands still until the test lets it go on."""
    yield


@dataclass(slots=True)
class Wire:
    """A member's way to the store; cut, nobody knows on which side of the store it broke."""

    store: MemoryClusterStore
    is_cut: bool = False

    async def _call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        await standing()
        if self.is_cut:
            raise Unreachable
        done = await work()
        await standing()
        if self.is_cut:
            raise Unreachable
        return done

    async def join(self, member: Member) -> None:
        await self._call(lambda: self.store.join(member))

    async def agree(self, schema: int) -> None:
        await self._call(lambda: self.store.agree(schema))

    async def beat(self, member_id: str) -> bool:
        return await self._call(lambda: self.store.beat(member_id))

    async def members(self) -> Sequence[Member]:
        return await self._call(self.store.members)

    async def bury(self, member_id: str, *, beat: int) -> bool:
        return await self._call(lambda: self.store.bury(member_id, beat=beat))

    async def remove(self, member_id: str) -> None:
        await self._call(lambda: self.store.remove(member_id))

    async def leases(self) -> Mapping[str, Lease]:
        return await self._call(self.store.leases)

    async def take(self, seen: Mapping[str, Lease], member_id: str) -> None:
        await self._call(lambda: self.store.take(seen, member_id))

    async def release(self, held: Mapping[str, Lease]) -> None:
        await self._call(lambda: self.store.release(held))


@dataclass
class Process:
    """One process with a clock of its own."""

    store: MemoryClusterStore
    role: Role
    rate: float
    now: float = 0.0
    is_paused: bool = False
    under_way: Coroutine[Any, Any, None] | None = None
    given: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)  #: what it was told to work under

    def __post_init__(self) -> None:
        self.wire = Wire(self.store)
        self.membership = Membership(
            self.wire,
            me=Member(id="", role=self.role),
            new_id=lambda: f"m{next(IDS)}",
            steady=lambda: self.now,
            terms=TERMS,
        )
        self.membership.on_change(
            gained=self.told.update, lost=self.told.difference_update, given=self.given.update
        )
        if self.role.works:
            for key in NAMED:
                self.membership.want(key)

    def step(self) -> bool:
        """Go on to the next standing; whether a round ended."""
        if self.is_paused:
            return True
        self.membership.lapse()  # it has a timer of its own for it
        if self.under_way is None:
            self.under_way = self.membership.round()
        try:
            self.under_way.send(None)
        except (StopIteration, Unreachable):
            self.under_way = None
            return True
        return False

    def finish(self) -> None:
        """Go on to the end of the round."""
        while not self.step():
            pass

    def drain(self) -> None:
        """What is to be given away is done."""
        self.membership.drained(self.given)
        self.told -= self.given
        self.given.clear()

    def end(self) -> None:
        """It is no more; its calls may have reached the store."""
        if self.under_way is not None:
            self.under_way.close()


class Cluster(RuleBasedStateMachine):
    """Whatever happens to members, no two of them ever hold the same thing."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryClusterStore()
        self.processes: list[Process] = []
        self.fences: dict[str, tuple[int, str]] = {}

    @initialize(rates=st.lists(st.floats(SLOW, FAST), min_size=3, max_size=3))
    def begin(self, rates: list[float]) -> None:
        for rate, role in zip(rates, (Role.WORKER, Role.WORKER, Role.ALL), strict=True):
            self.processes.append(Process(self.store, role, rate))
        web = Process(self.store, Role.WEB, 1.0)
        for process in (*self.processes, web):
            process.finish()
        self.processes.append(web)

    @rule(seconds=st.floats(0.05, 4.0))
    def time_passes(self, seconds: float) -> None:
        for process in self.processes:
            process.now += seconds * process.rate

    @rule(seconds=st.integers(1, 14), but=st.integers(-1, 3))
    def all_go_on(self, seconds: int, but: int) -> None:
        """Time passes as it mostly does, for all but one."""
        for _ in range(seconds):
            self.time_passes(1.0)
            for index, process in enumerate(self.processes):
                if index != but:
                    process.finish()
            self.one_holder()

    @rule(which=st.integers(0, 3), seconds=st.floats(4.0, 60.0))
    def a_machine_sleeps(self, which: int, seconds: float) -> None:
        """Its steady clock counts on, or jumps at the end, which is the same."""
        self.processes[which].now += seconds

    @rule(which=st.integers(0, 3))
    def one_goes_on(self, which: int) -> None:
        self.processes[which].step()

    @rule(which=st.integers(0, 3))
    def one_ends_its_round(self, which: int) -> None:
        self.processes[which].finish()

    @rule(which=st.integers(0, 3))
    def one_freezes_or_thaws(self, which: int) -> None:
        self.processes[which].is_paused = not self.processes[which].is_paused

    @rule(which=st.integers(0, 3))
    def one_is_cut_off_or_healed(self, which: int) -> None:
        wire = self.processes[which].wire
        wire.is_cut = not wire.is_cut

    @rule(which=st.integers(0, 3))
    def one_gives_away(self, which: int) -> None:
        if not self.processes[which].is_paused:
            self.processes[which].drain()

    @rule(which=st.integers(0, 3))
    def one_is_killed_and_started_again(self, which: int) -> None:
        old = self.processes[which]
        old.end()
        self.processes[which] = Process(self.store, old.role, old.rate, now=old.now)

    @rule(which=st.integers(0, 3), key=st.sampled_from(NAMED))
    def one_wants_it_no_more(self, which: int, key: str) -> None:
        self.processes[which].membership.unwant(key)

    @invariant()
    def one_holder(self) -> None:
        holders: dict[str, Process] = {}
        for process in self.processes:
            for key in process.membership.held():
                assert key not in holders, f"two hold {key}"
                holders[key] = process
        for key, process in holders.items():
            fence, before = self.fences.get(key, (0, ""))
            mine = process.membership.fence(key)
            assert mine > fence or (mine == fence and before == process.membership.id), key
            self.fences[key] = mine, process.membership.id
            assert key in process.told or process.is_paused or key in process.given

    def teardown(self) -> None:
        """Once nothing is broken any more, everything is somebody's."""
        if not self.processes:
            return
        for process in self.processes:
            process.is_paused = process.wire.is_cut = False
        for _ in range(40):
            self.time_passes(1.0)
            for process in self.processes:
                process.finish()
                process.drain()
            self.one_holder()
        held = [key for process in self.processes for key in process.membership.held()]
        assert sorted(key for key in held if key in PARTITION_KEYS) == sorted(PARTITION_KEYS)


TestCluster = Cluster.TestCase
TestCluster.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)


def running(*roles: Role) -> list[Process]:
    """Processes of these roles that have shared everything out."""
    store = MemoryClusterStore()
    processes = [Process(store, role, 1.0) for role in roles]
    for _ in range(4):
        go_on(processes)
    return processes


def go_on(processes: Sequence[Process]) -> None:
    """A second passes."""
    for process in processes:
        process.now += 1.0
        process.finish()
        process.drain()


def partitions_of(process: Process) -> set[str]:
    """The partitions it holds."""
    return set(process.membership.held()) & set(PARTITION_KEYS)


def test_workers_share_and_webs_work_on_nothing() -> None:
    one, two, web = running(Role.WORKER, Role.WORKER, Role.WEB)
    assert not partitions_of(web)
    assert partitions_of(one) | partitions_of(two) == set(PARTITION_KEYS)
    assert 90 < len(partitions_of(one)) < 166


def test_what_a_killed_one_held_is_taken_over_within_twelve_seconds() -> None:
    one, two, web = running(Role.WORKER, Role.WORKER, Role.WEB)
    lost, fences = partitions_of(one), {k: one.membership.fence(k) for k in partitions_of(one)}
    one.end()
    seconds = 0
    while partitions_of(two) != set(PARTITION_KEYS):
        go_on([two, web])
        seconds += 1
        assert seconds <= 12
    assert all(two.membership.fence(key) > fences[key] for key in lost)
    assert set(NAMED) <= two.membership.held()


def test_one_who_comes_gets_a_share_only_when_it_is_given() -> None:
    [one] = running(Role.WORKER)
    two = Process(one.store, Role.WORKER, 1.0)
    for _ in range(3):
        for process in (one, two):
            process.now += 1.0
            process.finish()
    assert one.given
    assert not partitions_of(two)
    assert all(one.membership.holds(key) for key in one.given)
    assert not any(one.membership.accepts(key) for key in one.given)
    for _ in range(3):
        go_on([one, two])
    assert partitions_of(one) | partitions_of(two) == set(PARTITION_KEYS)
    assert len(partitions_of(two)) > 90


def test_nobody_is_dead_because_the_store_was_away() -> None:
    one, two = running(Role.WORKER, Role.WORKER)
    ids = one.membership.id, two.membership.id
    for process in (one, two):
        process.wire.is_cut = True
    for _ in range(30):
        go_on([one, two])
    assert not one.membership.held()
    assert not one.told
    for process in (one, two):
        process.wire.is_cut = False
    for _ in range(3):
        go_on([one, two])
    assert (one.membership.id, two.membership.id) == ids
    assert partitions_of(one) | partitions_of(two) == set(PARTITION_KEYS)


def test_one_who_leaves_is_followed_at_once() -> None:
    one, two = running(Role.WORKER, Role.WORKER)
    leaving = one.membership.leave()
    try:
        while True:
            leaving.send(None)
    except StopIteration:
        pass
    go_on([two])
    assert partitions_of(two) == set(PARTITION_KEYS)


def test_the_dead_are_forgotten_in_time() -> None:
    one, two = running(Role.WORKER, Role.WORKER)
    one.end()
    for _ in range(60):
        go_on([two])
    assert list(two.store.all_members) == [two.membership.id]


def test_a_conversation_stays_in_its_partition_for_good() -> None:
    assert [partition_of(name) for name in ("", "a", "web-1")] == [0, 67, 104]
    assert lease_of("a") == "p:067"
    assert len({lease_of(f"c{n}") for n in range(10_000)}) == len(PARTITION_KEYS)
    assert shares(frozenset()) == {}


def test_an_acknowledgement_that_comes_late_proves_only_when_it_was_asked_for() -> None:
    one, two = running(Role.WORKER, Role.WORKER)
    mine = partitions_of(one)
    one.step()
    one.step()  # the beat has reached the store, its answer stands still
    while partitions_of(two) != set(PARTITION_KEYS):
        one.now += 1.0
        go_on([two])
    assert mine
    assert not one.membership.held()
    assert one.under_way is not None
    one.under_way.send(None)  # before any timer of its own has run
    assert not one.membership.held()


def test_trust_ends_before_death_though_clocks_run_wrong() -> None:
    assert TERMS.valid / SLOW < TERMS.dead / FAST


def test_one_whose_machine_slept_declares_nobody_dead_for_it() -> None:
    one, two = running(Role.WORKER, Role.WORKER)
    one.finish()
    one.now += 60.0
    one.finish()
    assert two.store.all_members[two.membership.id].alive
    assert partitions_of(two)


def test_one_that_thaws_holds_nothing_before_it_asks_anybody() -> None:
    one, two = running(Role.WORKER, Role.WORKER)
    for _ in range(15):
        one.now += 1.0
        go_on([two])
    assert partitions_of(two) == set(PARTITION_KEYS)
    assert not one.membership.held()
    one.finish()
    assert not one.told
    assert one.membership.id == ""


def test_a_wish_is_fulfilled_when_its_holder_gives_it_back() -> None:
    one, two = running(Role.WORKER, Role.WORKER)
    assert "desk" in one.membership.held()
    one.membership.unwant("desk")
    go_on([one, two])
    assert "desk" not in one.membership.held()
    assert "desk" in two.membership.held()
