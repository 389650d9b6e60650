"""Of two slots the second one goes to another machine, if anybody there wants it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from core.cluster.model import MemoryClusterStore, Terms
from core.cluster.node import Node
from tests.core.cluster.test_node import node

SLOTS = ("socket#0", "socket#1")
SECONDS = 30.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody dies of a busy machine, and others are waited for half a second."""
    quick = Terms(every=0.02, valid=10.0, dead=15.0, blind=5.0, apart=0.5)
    monkeypatch.setattr("tests.core.cluster.test_node.QUICK", quick)


@asynccontextmanager
async def workers(store: MemoryClusterStore, *hosts: str) -> AsyncIterator[Sequence[Node]]:
    """One on each of these machines, started; none wants a slot."""
    async with AsyncExitStack() as stack:
        made = [node(store, host=host) for host in hosts]
        for one in made:
            await one.start()
            stack.push_async_callback(one.stop)
        yield made


@asynccontextmanager
async def wanting(one: Node) -> AsyncIterator[None]:
    """It tries for one slot after the other, as a channel does."""

    async def turns() -> None:
        while True:
            for slot in SLOTS:
                async with one.hold(slot) as ours:
                    if ours:
                        await asyncio.Event().wait()
            await asyncio.sleep(0.01)

    task = asyncio.create_task(turns())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def held(one: Node) -> list[str]:
    """The slots that it has."""
    return [slot for slot in SLOTS if one.membership.holds(slot)]


async def until(holds: Callable[[], bool]) -> None:
    """Return once it holds."""
    async with asyncio.timeout(SECONDS):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_free_one_is_left_to_the_other_machine() -> None:
    async with workers(MemoryClusterStore(), "a", "a", "b") as (one, two, other), wanting(one):
        await until(lambda: held(one) == [SLOTS[0]])
        async with wanting(two):
            await asyncio.sleep(0.2)
            assert held(two) == []
            async with wanting(other):
                await until(lambda: held(other) == [SLOTS[1]])
                await asyncio.sleep(0.6)
                assert held(two) == []


async def test_what_nobody_there_wants_is_taken_all_the_same() -> None:
    async with (
        workers(MemoryClusterStore(), "a", "a", "b") as (one, two, _),
        wanting(one),
        wanting(two),
    ):
        await until(lambda: bool(held(one) and held(two)))
        # And is not given back again and again.
        await asyncio.sleep(1.5)
        assert held(one)
        assert held(two)


async def test_two_on_one_machine_give_one_to_whoever_comes_on_another() -> None:
    store = MemoryClusterStore()
    async with workers(store, "a", "a") as (one, two), wanting(one), wanting(two):
        await until(lambda: bool(held(one) and held(two)))
        async with workers(store, "b") as (other,), wanting(other):
            await until(lambda: bool(held(other)))
            assert len(held(one) + held(two)) == 1
        await until(lambda: bool(held(one) and held(two)))
