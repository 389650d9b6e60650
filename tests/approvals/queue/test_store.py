"""The queue's documents: right whatever comes twice, late or not at all."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from approvals.queue.model import Approval
from core.domain import events as ev
from core.domain.events import Decision
from core.errors import BadInput
from core.storage.client import Database
from tests.approvals.conftest import Opens
from tests.approvals.office import JOON, MINA, Office


async def whole_log(office: Office) -> list[tuple[str, int]]:
    found = await office.world.db["log"].find({}, {"c": 1, "n": 1}).to_list()
    return [(d["c"], d["n"]) for d in found]


async def documents(db: Database) -> list[dict[str, object]]:
    found = await db["approvals"].find({}, {"mark": 0}).to_list()
    return sorted(found, key=lambda d: str(d["_id"]))


async def busy_day(office: Office) -> None:
    for n in range(6):
        approval = await office.waiting(chat=f"c{n}")
        if n % 2:
            await office.service.claim(JOON, approval.id)
            approval = await office.service.get(MINA, approval.id)
        if n % 3 == 0:
            await office.decide(approval, Decision.APPROVE)
        if n == 4:
            await office.waiting(chat="c4", text="How do I change my address?")
            superseded = ev.ReviewSuperseded(draft_id=approval.id)
            await office.world.append(approval.conversation_id, superseded)
            await office.world.write("My number is 123.", chat="c4")
            await office.world.until(approval.conversation_id, lambda c: not c.due)
        if n == 5:
            await office.service.take_over(MINA, approval.conversation_id)
            await office.service.resolve(MINA, approval.conversation_id)
    await office.world.projector.drain()


async def test_the_documents_are_the_same_after_any_order_and_repetition(office: Office) -> None:
    await busy_day(office)
    db = office.world.db
    before = await documents(db)
    assert {d["state"] for d in before} == {"pending", "decided", "superseded"}
    ids = {c for c, _ in await whole_log(office)}
    commits = [k for c in ids for k in await office.world.commit_log.read(c)]
    for seed in range(20):
        await db["approvals"].delete_many({})
        shuffled = [*commits, *commits]
        random.Random(seed).shuffle(shuffled)
        for start in range(0, len(shuffled), 7):
            await office.projection.apply(shuffled[start : start + 7])
        assert await documents(db) == before


async def test_the_queue_is_the_same_after_a_restart(open_office: Opens) -> None:
    office = await open_office()
    await busy_day(office)
    before = [a.id for a in (await office.service.pending(MINA)).items]
    assert before
    office = await open_office()
    assert [a.id for a in (await office.service.pending(MINA)).items] == before


async def test_the_queue_comes_in_pages_most_urgent_first(office: Office) -> None:
    for n in range(7):
        await office.waiting(chat=f"c{n}")
    seen: list[Approval] = []
    cursor = ""
    while True:
        page = await office.service.pending(MINA, cursor=cursor, limit=3)
        assert page.total == 7
        seen += page.items
        cursor = page.next
        if not cursor:
            break
    assert len({a.id for a in seen}) == 7
    assert seen == sorted(seen, key=lambda a: (a.deadline, a.id))


@pytest.mark.parametrize("cursor", ["x", "!!", "e30", "WzFd", "é"])
async def test_a_strange_cursor_is_bad_input(office: Office, cursor: str) -> None:
    with pytest.raises(BadInput):
        await office.service.pending(MINA, cursor=cursor)


async def test_history_says_who_when_and_how_long(office: Office) -> None:
    approval = await office.waiting()
    await office.decide(approval, Decision.EDIT, user=JOON, text="So.")
    await office.world.projector.drain()
    now = office.world.clock.now()
    page = await office.store.decided(since=now - timedelta(hours=1), until=now + timedelta(1))
    [past] = page.items
    assert (past.decided_by, past.decision, past.text) == (JOON.email, "edit", "So.")
    assert past.decided_at is not None
    assert 0 <= past.seconds < 30


@pytest.mark.parametrize(
    "query",
    [
        {"state": "pending"},
        {"state": "pending", "next_at": {"$lte": None}},
        {"c": {"$in": ["a", "b"]}},
        {"c": "a"},
        {"_id": {"$in": ["a.1", "b.1"]}},
        {"_id": "a.1"},
    ],
)
async def test_every_query_of_ours_uses_an_index(office: Office, query: dict[str, object]) -> None:
    plan = await office.world.db["approvals"].find(query).explain()
    assert "COLLSCAN" not in str(plan), plan
