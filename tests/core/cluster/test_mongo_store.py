"""The port to where members meet, kept by both of its stores."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.cluster.model import FREE, ClusterStore, Lease, Member, MemoryClusterStore, Role
from core.cluster.mongo_store import MongoClusterStore
from core.errors import SetupError
from core.storage.client import Database
from core.storage.stored_format import admit

ME = Member(
    id="m1",
    role=Role.WORKER,
    host="box",
    pid=7,
    version="0.1.0",
    schema=1,
    oldest=1,
    secret="d",
    url="http://box:9100",
    started_at=datetime(2026, 11, 30, 12, tzinfo=UTC),
)


@pytest.fixture(params=["memory", "mongo"])
def store(request: pytest.FixtureRequest, db: Database) -> ClusterStore:
    return MemoryClusterStore() if request.param == "memory" else MongoClusterStore(db)


async def test_a_member_beats_until_it_is_declared_dead(store: ClusterStore) -> None:
    await store.join(ME)
    assert list(await store.members()) == [ME]
    assert await store.beat("m1")
    [member] = await store.members()
    assert (member.beat, member.alive) == (1, True)
    assert not await store.bury("m1", beat=0)  # it has made another one
    assert await store.beat("m1")
    assert await store.bury("m1", beat=2)
    assert not await store.beat("m1")
    assert await store.bury("m1", beat=7)
    await store.remove("m1")
    assert not await store.beat("m1")
    assert await store.bury("m1", beat=2)
    assert list(await store.members()) == []


async def test_a_lease_goes_to_the_first_and_its_fence_rises(store: ClusterStore) -> None:
    await store.take({"a": FREE, "b": FREE}, "m1")
    await store.take({"a": FREE}, "m2")  # too late, with what it had seen
    held = dict(await store.leases())
    assert held == {"a": Lease(owner="m1", fence=1), "b": Lease(owner="m1", fence=1)}
    await store.release({"a": Lease(owner="m1", fence=0)})  # of an earlier holding
    assert dict(await store.leases()) == held
    await store.release({"a": held["a"]})
    assert (await store.leases())["a"] == Lease(fence=1)
    await store.take({"a": Lease(fence=1), "b": held["b"]}, "m2")
    assert set((await store.leases()).values()) == {Lease(owner="m2", fence=2)}
    await store.take({}, "m2")
    await store.release({})


async def test_of_many_at_once_one_gets_it(store: ClusterStore) -> None:
    for fence in range(5):
        seen = {"a": Lease(fence=fence) if fence else FREE}
        await asyncio.gather(*(store.take(seen, f"m{number}") for number in range(10)))
        lease = (await store.leases())["a"]
        assert lease.fence == fence + 1
        await store.release({"a": lease})


async def test_nobody_joins_who_knows_less_than_was_agreed_on(
    store: ClusterStore, db: Database
) -> None:
    await admit(db)
    await store.join(ME)
    await store.agree(2)
    await store.agree(1)  # by one who has not looked for long
    with pytest.raises(SetupError, match="has been at work here"):
        await store.join(replace(ME, id="m2"))
    assert [one.id for one in await store.members()] == ["m1"]
    assert await store.beat("m1")
