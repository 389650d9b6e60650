"""The log: read whole or from any number, decided by its ids, and cut without losing its place."""

from __future__ import annotations

import asyncio
import random

import pytest

from core.domain import events as ev
from core.domain.events import LONGEST_COMMIT, Commit
from core.engine.store.commit_log import MongoCommitLog
from core.errors import StaleConversation
from core.sdk.testing.clock import START
from core.storage.client import Database, connect


def commit(base: int, *, size: int = 1, key: str = "") -> Commit:
    events = tuple(ev.Noted(by="ann", text=f"{base + i}") for i in range(size))
    return Commit(conversation_id="c1", base=base, at=START, events=events, key=key)


async def filled(log: MongoCommitLog, *, count: int, sizes: tuple[int, ...]) -> list[Commit]:
    chance = random.Random(7)
    commits, base = [], 1
    for number in range(count):
        commits.append(commit(base, size=chance.choice(sizes), key=f"k{number}"))
        base = commits[-1].last + 1
        await log.append(commits[-1])
    return commits


@pytest.mark.parametrize("sizes", [(1,), (1, 2, 5), (LONGEST_COMMIT,)])
async def test_a_long_conversation_is_read_whole_and_from_any_number(
    db: Database, sizes: tuple[int, ...]
) -> None:
    log = MongoCommitLog(db["log"])
    commits = await filled(log, count=90, sizes=sizes)
    assert await log.read("c1") == commits
    last = commits[-1].last
    for after in (1, 2, 3, last // 2, last - 3, last - 1, last, last + 5):
        expected = [c for c in commits if c.base > after]
        assert await log.read("c1", after=after) == expected, after
    assert await log.read("another") == []


async def test_of_two_who_append_the_same_number_one_loses(db: Database) -> None:
    log = MongoCommitLog(db["log"])
    await log.append(commit(1, size=2))
    with pytest.raises(StaleConversation):
        await log.append(commit(1, size=3))
    assert await log.read("c1") == [commit(1, size=2)]


async def test_of_two_who_take_the_same_step_at_the_same_moment_one_goes_on(
    db: Database, mongo_uri: str
) -> None:
    """Equal in every word and in time, as two workers write who are woken by one message."""
    client = connect(mongo_uri)
    try:
        logs = MongoCommitLog(db["log"]), MongoCommitLog(client[db.name]["log"])
        started = ev.DeliveryStarted(seq=13, attempt=1)
        winners = set()
        for number in range(1000):
            step = Commit(conversation_id=f"c{number}", base=14, at=START, events=(started,))
            turned = logs if number % 2 else logs[::-1]
            outcomes = await asyncio.gather(
                *(log.append(step) for log in turned), return_exceptions=True
            )
            assert {type(o) for o in outcomes} == {type(None), StaleConversation}, number
            winners.add(logs.index(turned[outcomes.index(None)]))
    finally:
        await client.close()
    assert winners == {0, 1}
    assert await db["log"].count_documents({}) == 1000


async def test_a_commit_too_long_to_be_found_again_is_refused(db: Database) -> None:
    log = MongoCommitLog(db["log"])
    with pytest.raises(ValueError, match="at most"):
        await log.append(commit(1, size=LONGEST_COMMIT + 1))
    assert await log.read("c1") == []


@pytest.mark.parametrize("count", [3, 200])
async def test_what_is_left_of_a_cut_conversation_is_found_from_everywhere(
    db: Database, count: int
) -> None:
    log = MongoCommitLog(db["log"])
    commits = await filled(log, count=count, sizes=(1, 4))
    left = commits[-2:]
    gone = commits[:-2]
    events = sum(len(c.events) for c in gone)
    assert await log.cut("c1", before=left[0].base) == (len(gone), events)
    for after in (0, 1, 2, left[0].base // 2, left[0].base - 1):
        assert await log.read("c1", after=after) == left, after
    assert await log.read("c1", after=left[0].base) == left[1:]
    stored = await db["log"].find({}).to_list()
    assert sum(len(document["events"]) for document in stored) == sum(len(c.events) for c in left)

    # Again after a crash, and further on: nothing is counted twice and nothing is in the way.
    assert await log.cut("c1", before=left[0].base) == (0, 0)
    assert await log.cut("c1", before=left[1].base) == (1, len(left[0].events))
    assert await log.read("c1") == left[1:]


async def test_a_cut_that_was_broken_off_is_finished(db: Database) -> None:
    log = MongoCommitLog(db["log"])
    commits = await filled(log, count=10, sizes=(1,))
    await log.cut("c1", before=10)
    # As if the break had come between the bridge and the deletion.
    await db["log"].insert_one({"_id": "c1/4", "c": "c1", "n": 4, "at": START, "events": [{}]})
    assert await log.cut("c1", before=10) == (1, 1)
    assert await log.read("c1") == commits[-1:]
    assert await db["log"].count_documents({}) == 2


async def test_a_commit_no_database_takes_refuses_no_other_written_beside_it(
    db: Database,
) -> None:
    log = MongoCommitLog(db["log"])
    half = Commit(
        conversation_id="half", base=1, at=START, events=(ev.Noted(by="ann", text="\ud800"),)
    )
    others = [
        Commit(conversation_id=f"c{n}", base=1, at=START, events=(ev.Noted(by="ann", text="x"),))
        for n in range(3)
    ]
    first, *outcomes = await asyncio.gather(
        *(log.append(one) for one in (others[0], half, *others[1:])), return_exceptions=True
    )
    assert first is None
    assert [type(outcome) for outcome in outcomes] == [UnicodeEncodeError, type(None), type(None)]
    assert [await log.read(one.conversation_id) for one in others] == [[one] for one in others]
    assert await log.read("half") == []
