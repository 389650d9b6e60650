"""A process as a member: what it does under a lease begins and ends with it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from core.cluster.clocks import steady
from core.cluster.membership import Membership
from core.cluster.model import Member, MemoryClusterStore, Role, Terms
from core.cluster.node import ALONE, Node
from core.errors import SetupError

QUICK = Terms(every=0.02, valid=0.4, dead=0.7, blind=0.5)
IDS = itertools.count()


def node(
    store: MemoryClusterStore,
    *,
    role: Role = Role.WORKER,
    secret: str = "s",
    schema: int = 1,
    oldest: int = 1,
    host: str = "box",
) -> Node:
    return Node(
        store,
        me=Member(
            id="",
            role=role,
            host=host,
            secret=secret,
            version="9.1",
            schema=schema,
            oldest=oldest,
        ),
        new_id=lambda: f"m{next(IDS)}",
        steady=steady,
        terms=QUICK,
    )


@asynccontextmanager
async def started(*nodes: Node) -> AsyncIterator[None]:
    for one in nodes:
        await one.start()
    try:
        yield
    finally:
        for one in nodes:
            await one.stop()


async def test_alone_everything_is_ours_from_the_start() -> None:
    one = Node(
        MemoryClusterStore(),
        me=Member(id="", role=Role.ALL),
        new_id=lambda: "me",
        steady=steady,
        terms=ALONE,
    )
    assert one.owns("c1")
    async with started(one):
        assert one.accepts("c2")
        assert one.fence("c1") == 0
        async with one.hold("telegram:42") as ours, one.hold("telegram:42") as again:
            assert ours
            assert again
        await one.hold_while("schedule", lambda: asyncio.sleep(0))


async def test_one_at_a_time_and_the_next_when_it_is_given_back() -> None:
    store = MemoryClusterStore()
    one, two = node(store), node(store)
    async with started(one, two):
        async with one.hold("mail:1") as first, two.hold("mail:1") as second:
            assert first
            assert not second
        async with two.hold("mail:1") as second:
            assert second


async def test_a_web_holds_nothing() -> None:
    web = node(MemoryClusterStore(), role=Role.WEB)
    async with started(web):
        async with web.hold("mail:1") as ours:
            assert not ours
        assert not web.owns("c1")


async def test_what_is_done_under_a_lost_lease_is_broken_off() -> None:
    store = MemoryClusterStore()
    one = node(store)
    async with started(one):
        was_left = asyncio.Event()

        async def work() -> None:
            async with one.hold("mail:1") as ours:
                assert ours
                began.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    was_left.set()
            after.set()

        began, after = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(work())
        await began.wait()
        member = one.membership.id
        store.all_members[member] = replace(store.all_members[member], alive=False)
        await was_left.wait()
        await after.wait()  # the body was left, not the task
        await task


async def test_a_lease_is_broken_off_though_its_task_has_held_another_meanwhile() -> None:
    store = MemoryClusterStore()
    one = node(store)
    began, was_left = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with one.hold("mail:1"):
            async with one.hold("mail:2") as ours:
                assert ours
            began.set()
            await asyncio.Event().wait()
        was_left.set()

    async with started(one):
        task = asyncio.create_task(work())
        async with asyncio.timeout(10):
            await began.wait()
            member = one.membership.id
            store.all_members[member] = replace(store.all_members[member], alive=False)
            await was_left.wait()
        await task


async def test_two_leases_of_a_task_that_are_lost_at_once_leave_the_task_alive() -> None:
    store = MemoryClusterStore()
    one = node(store)
    began = asyncio.Event()

    async def work() -> str:
        async with one.hold("mail:1"), one.hold("mail:2"):
            began.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return "goes on"

    async with started(one):
        task = asyncio.create_task(work())
        async with asyncio.timeout(10):
            await began.wait()
            member = one.membership.id
            store.all_members[member] = replace(store.all_members[member], alive=False)
            assert await task == "goes on"
        assert task.cancelling() == 0


async def test_work_that_fails_here_is_left_to_another() -> None:
    store = MemoryClusterStore()
    one, two = node(store), node(store)
    begun = asyncio.Event()

    async def fail() -> None:
        raise ValueError

    async def work() -> None:
        begun.set()

    async with started(one, two):
        with pytest.raises(ValueError):
            await one.hold_while("task:learning", fail)
        working = asyncio.create_task(two.hold_while("task:learning", work))
        async with asyncio.timeout(10):
            await begun.wait()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_being_cancelled_is_not_mistaken_for_a_loss() -> None:
    one = node(MemoryClusterStore())
    async with started(one):
        began = asyncio.Event()

        async def work() -> None:
            async with one.hold("mail:1"):
                began.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_lasting_work_moves_to_another_and_comes_back() -> None:
    store = MemoryClusterStore()
    one, two = node(store), node(store)
    at_work: list[str] = []
    begun = asyncio.Condition()

    async def work(name: str) -> None:
        async with begun:
            at_work.append(name)
            begun.notify_all()

    async with started(one, two):
        first = asyncio.create_task(one.hold_while("schedule", lambda: work("one")))
        async with begun:
            await begun.wait_for(lambda: at_work == ["one"])
        second = asyncio.create_task(two.hold_while("schedule", lambda: work("two")))
        await one.stop()
        async with begun:
            await begun.wait_for(lambda: at_work == ["one", "two"])
        for task in (first, second):
            task.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


async def test_a_hanging_store_ends_our_word_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    one = node(MemoryClusterStore())
    async with started(one):
        lost = asyncio.Event()
        one.membership.on_change(lost=lambda _: lost.set())

        async def hang(_: Membership) -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(Membership, "round", hang)
        await lost.wait()
        assert not one.owns("c1")
        assert not one.is_trusted


async def test_another_secret_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.cluster.node.STARTING_SECONDS", 0.3)
    store = MemoryClusterStore()
    one, other = node(store), node(store, secret="other")
    async with started(one):
        with pytest.raises(SetupError, match="SECRET_KEY"):
            await other.start()
        assert len(store.all_members) == 1


async def test_who_cannot_work_beside_a_living_member_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.cluster.node.STARTING_SECONDS", 0.3)
    store = MemoryClusterStore()
    one = node(store, schema=2, oldest=2)
    async with started(one):
        with pytest.raises(SetupError, match=r"does not understand what it says: install"):
            await node(store, schema=1).start()
        with pytest.raises(SetupError, match=r"still runs, of release 9\.1.*stop all of that"):
            await node(store, schema=4, oldest=3).start()
        async with started(node(store, schema=3, oldest=2)):
            pass
        assert len(store.all_members) == 1


async def test_an_older_one_that_was_away_for_long_is_refused_when_it_comes_back() -> None:
    store = MemoryClusterStore()
    older = node(store)
    refused: asyncio.Future[SetupError] = asyncio.get_running_loop().create_future()
    older.on_refused(refused.set_result)
    async with started(older):
        # It is frozen, taken for dead, and all that are left know more.
        member = older.membership.id
        store.all_members[member] = replace(store.all_members[member], alive=False)
        await store.agree(2)
        async with asyncio.timeout(10):
            assert "newer release" in str(await refused)
        assert not older.owns("c1")
        assert [one for one in store.all_members.values() if one.alive] == []
