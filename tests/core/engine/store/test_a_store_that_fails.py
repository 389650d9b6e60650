"""What is acknowledged is in the log, once, whichever way a replica set fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from core.clock import SystemClock
from core.domain.messages import Address, InboundMessage, Sender
from core.engine.bus import LocalBus
from core.engine.inbound.inbox import Inbox
from core.engine.repository import Conversations
from core.engine.store.commit_log import MongoCommitLog
from core.engine.store.snapshots import MongoSnapshots
from core.errors import StoreUnavailable
from core.storage.client import Database, connect
from core.storage.writes import insert_missing, replace_unless_newer
from tests.support.failing_store import FailingStore, failing_store

pytestmark = pytest.mark.apart

PATIENCE = 1.0  #: seconds; the product's six would only make these tests slow
MESSAGES, CONVERSATIONS = 12, 4

#: Written, and nobody knows whether a majority has it: wtimeout, our own time limit, no such
#: members, the primary is going.
CONCERNS = (64, 50, 100, 91)
#: The primary is going, has gone, or cannot be reached.
CODES = (10107, 189, 11600, 11602, 13435, 91, 6, 7, 89, 9001)
APP = "under-test"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FailingStore]:
    with failing_store(tmp_path_factory.mktemp("failing")) as running:
        yield running


@pytest.fixture
async def failing(store: FailingStore) -> AsyncIterator[Database]:
    client = connect(store.uri(APP))
    try:
        yield client["failing"]
    finally:
        await client.drop_database("failing")
        await client.close()


class Center:
    """A log, its marks and the inbox before them, as one process has them."""

    def __init__(self, db: Database) -> None:
        self.log = MongoCommitLog(db["log"], patience=PATIENCE)
        self.snapshots = MongoSnapshots(
            db["conversations"], db["unsettled"], owner="all", patience=PATIENCE
        )
        self.conversations = Conversations(
            log_store=self.log, snapshots=self.snapshots, bus=LocalBus(), clock=SystemClock()
        )
        self.woken: list[str] = []
        self.inbox = Inbox(conversations=self.conversations, wake=self.woken.append)


def message(number: int) -> InboundMessage:
    return InboundMessage(
        address=Address(channel="vendor", account="a", chat=f"c{number % CONVERSATIONS}"),
        external_id=f"k{number}",
        sender=Sender(id="s", locale="en"),
        text=f"Question {number}?",
    )


async def bring(center: Center, number: int, *, tries: int = 20) -> str:
    """As a vendor does: again until it is taken."""
    for _ in range(tries):
        try:
            commit = await center.inbox.accept(message(number))
        except StoreUnavailable:
            await asyncio.sleep(0.05)
        else:
            return commit.key
    raise AssertionError(f"message {number} was never taken")


async def stored(db: Database) -> Counter[str]:
    return Counter([document.get("k", "") async for document in db["log"].find({})])


async def everything_is_there(db: Database, center: Center) -> None:
    assert await stored(db) == Counter({message(n).key(): 1 for n in range(MESSAGES)})
    ids = {message(n).address.conversation_id() for n in range(MESSAGES)}
    assert set(await center.snapshots.unsettled()) == ids
    for conversation_id in ids:
        commits = await center.log.read(conversation_id)
        assert [c.base for c in commits] == sorted(c.base for c in commits)
        assert (await center.conversations.peek(conversation_id)).seq == commits[-1].last


@pytest.mark.parametrize("command", ["insert", "update", "find"])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("code", CODES)
async def test_a_primary_that_goes_loses_and_doubles_nothing(
    store: FailingStore, failing: Database, command: str, times: int, code: int
) -> None:
    center = Center(failing)
    async with store.failing(command, times=times, app=APP, errorCode=code):
        brought = [bring(center, n) for n in range(MESSAGES)]
        assert len(set(await asyncio.gather(*brought))) == MESSAGES
    await everything_is_there(failing, center)


@pytest.mark.parametrize("command", ["insert", "update"])
@pytest.mark.parametrize("code", CONCERNS)
async def test_a_write_that_may_be_rolled_back_is_tried_again_until_it_may_not(
    store: FailingStore, failing: Database, command: str, code: int
) -> None:
    center = Center(failing)
    concern = {"code": code, "errmsg": "waiting for replication"}
    async with store.failing(command, times=3, app=APP, writeConcernError=concern):
        brought = [bring(center, n) for n in range(MESSAGES)]
        assert len(set(await asyncio.gather(*brought))) == MESSAGES
    await everything_is_there(failing, center)


@pytest.mark.parametrize("code", CONCERNS)
async def test_nothing_is_acknowledged_while_no_majority_has_it(
    store: FailingStore, failing: Database, code: int
) -> None:
    center = Center(failing)
    concern = {"code": code, "errmsg": "waiting for replication"}
    async with store.failing("insert", app=APP, writeConcernError=concern):
        outcomes = await asyncio.gather(
            *(center.inbox.accept(message(n)) for n in range(MESSAGES)), return_exceptions=True
        )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * MESSAGES
    # What the vendors bring again lands on what was written then.
    await asyncio.gather(*(bring(center, n) for n in range(MESSAGES)))
    await everything_is_there(failing, center)


@pytest.mark.parametrize("code", CONCERNS)
async def test_no_batch_is_written_while_no_majority_has_it(
    store: FailingStore, failing: Database, code: int
) -> None:
    """The two ways of writing that everybody else uses."""
    from pymongo import ReplaceOne
    from pymongo.errors import PyMongoError

    concern = {"code": code, "errmsg": "waiting for replication"}
    replacing = ReplaceOne({"_id": 1, "seq": {"$lte": 1}}, {"_id": 1, "seq": 1}, upsert=True)
    async with store.failing("insert", "update", app=APP, writeConcernError=concern):
        with pytest.raises(PyMongoError):
            await insert_missing(failing["things"], [{"_id": 2}])
        with pytest.raises(PyMongoError):
            await replace_unless_newer(failing["things"], [replacing])


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("insert", {"closeConnection": True}),
        ("update", {"closeConnection": True}),
        ("find", {"closeConnection": True}),
        ("insert", {"blockConnection": True, "blockTimeMS": 1500}),
        ("find", {"blockConnection": True, "blockTimeMS": 1500}),
    ],
)
async def test_a_connection_that_breaks_or_hangs_loses_and_doubles_nothing(
    store: FailingStore, failing: Database, command: str, fault: dict[str, Any]
) -> None:
    center = Center(failing)
    async with store.failing(command, times=2, app=APP, **fault):
        brought = [bring(center, n) for n in range(MESSAGES)]
        assert len(set(await asyncio.gather(*brought))) == MESSAGES
    await everything_is_there(failing, center)


async def test_an_election_of_two_seconds_loses_and_doubles_nothing(
    store: FailingStore, failing: Database
) -> None:
    center = Center(failing)
    await store.step_down(2)
    brought = [bring(center, n, tries=200) for n in range(MESSAGES)]
    assert len(set(await asyncio.gather(*brought))) == MESSAGES
    await everything_is_there(failing, center)
