"""What a newer release wrote is kept as it is: an older process decides nothing on top of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import pytest

from core.cluster.model import Member, MemoryClusterStore, Role
from core.domain import events as ev
from core.errors import OtherRelease
from core.runtime.version import SCHEMA
from core.storage.client import Database
from tests.core.cluster.test_node import node, started
from tests.support.world import World, build, running


@dataclass(frozen=True, slots=True, kw_only=True)
class Praised(ev.Noted):
    """An event of the next release; it is folded as a note is."""

    kind: ClassVar[str] = "praised"
    schema: ClassVar[int] = SCHEMA + 1


async def settled(db: Database) -> None:
    """Nothing is marked any more."""
    async with asyncio.timeout(20):
        while await db["unsettled"].count_documents({}):
            await asyncio.sleep(0.02)


async def written_by_the_next(world: World, conversation_id: str) -> int:
    """The next release appends what this one does not know; gives its number."""
    state = await world.conversations.peek(conversation_id)
    number = state.seq + 1
    await world.snapshots.unsettle(state)
    await world.db["log"].insert_one({
        "_id": f"{conversation_id}/{number}",
        "c": conversation_id,
        "n": number,
        "w": 1,
        "at": world.clock.now(),
        "events": [{"kind": "praised", "by": "ann", "text": "Well asked.", "stars": 5}],
    })  # fmt: skip
    world.conversations.doubt(conversation_id)
    return number


async def test_it_is_kept_and_nothing_is_decided_after_it(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(build(db)) as world:
        conversation_id = await world.write("How do I reset it?", channel="vendor")
        await settled(db)
        sent = len(world.vendor.sent)
        number = await written_by_the_next(world, conversation_id)
        # What a customer does is taken, and the customer is not answered by who does not
        # understand what has happened there.
        await world.write("And then?", channel="vendor")
        state = await world.conversations.peek(conversation_id)
        assert state.unknown == number
        assert [one.text for one in state.unanswered] == ["And then?"]
        with pytest.raises(OtherRelease, match="newer release"):
            await world.append(conversation_id, ev.Resolved(by="ann"))
        await asyncio.sleep(1.0)  # settles after 0.3 s, if anything does
        assert len(world.vendor.sent) == sent
        assert await db["unsettled"].count_documents({"_id": conversation_id}) == 1
    # Nor is anything of it written down as settled or projected at the end of the process.
    snapshot = await world.snapshots.load(conversation_id)
    assert snapshot is not None
    assert snapshot.state.seq < number
    assert snapshot.projected < number
    [stored] = await db["log"].find({"n": number, "c": conversation_id}).to_list()
    assert stored["events"] == [{"kind": "praised", "by": "ann", "text": "Well asked.", "stars": 5}]
    # A process that knows it goes on from there.
    monkeypatch.setitem(ev.EVENT_TYPES, "praised", Praised)
    async with running(build(db)) as newer:
        await newer.until(conversation_id, lambda c: not c.unanswered)
        await settled(db)
        assert len(newer.vendor.sent) == 1
    after = await newer.snapshots.load(conversation_id)
    assert after is not None
    assert after.projected == after.state.seq > number


async def test_a_value_that_only_the_next_release_knows_is_kept_too() -> None:
    plain = {"kind": "delivery_recorded", "seq": 3, "state": "recalled"}
    event = ev.event_from_plain(plain)
    assert isinstance(event, ev.UnknownEvent)
    assert event.raw == plain


async def test_an_event_of_this_release_waits_until_the_last_older_process_has_ended(
    db: Database,
) -> None:
    known = SCHEMA
    world = build(db)
    world.conversations._schema = lambda: known
    async with running(world):
        conversation_id = await world.write("How do I reset it?")
        with pytest.raises(OtherRelease, match="older release"):
            await world.append(conversation_id, Praised(by="ann", text="Well asked."))
        assert "praised" not in await world.kinds(conversation_id)
        known = SCHEMA + 1
        await world.append(conversation_id, Praised(by="ann", text="Well asked."))
    assert await db["log"].count_documents({"events.kind": "praised"}) == 1


async def test_what_all_know_is_found_out_by_the_members() -> None:
    store = MemoryClusterStore()
    one = node(store, schema=2)
    older = node(store)
    async with started(older, one):
        await asyncio.sleep(0.2)  # ten rounds
        assert one.schema == 1
        await older.stop()
        async with asyncio.timeout(10):
            while one.schema != 2:
                await asyncio.sleep(0.01)
        assert store.agreed == 2  # before the first event of it


def test_no_event_is_of_a_release_to_come() -> None:
    assert max(one.schema for one in ev.EVENT_TYPES.values()) <= SCHEMA
    assert Member(id="", role=Role.ALL).schema == 1  # of those that said none yet
