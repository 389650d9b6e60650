"""A wave of customers through both webs while workers are killed, and what must hold after it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from analytics.facts.columns import day_of
from analytics.facts.model import Kind
from analytics.facts.projection import rebuild
from analytics.facts.store import FactStore
from approvals.queue.store import ApprovalsProjection
from core.clock import SystemClock
from core.domain.conversation import Conversation
from core.domain.events import DeliveryRecorded
from core.domain.fold import fold_commit
from core.engine.bus import LocalBus
from core.engine.repository import Conversations
from core.engine.store.commit_log import MongoCommitLog
from core.engine.store.snapshots import MongoSnapshots, from_document
from core.storage.client import Database, open_database
from tests.support.cluster import Customer, Installation, installation
from tests.support.servers.vendors import MEDIA, Vendors, stubbornly, vendors_up

QUESTION = "How do I talk to a person?"  #: the product's own guide answers it
TURNS = 3  #: messages of one customer, one after the other
FIRST = 8_000_000
TRYING_SECONDS = 600.0  #: for one message to be taken, on a machine that does much else
SETTLED_SECONDS = 600.0  #: for the last of them to be answered, there


@dataclass(slots=True)
class Wave:
    """What became of the messages."""

    messages: int = 0
    kills: int = 0
    seconds: float = 0.0
    lost: list[str] = field(default_factory=list)  #: or out of order; by customer
    open: int = 0  #: deliveries that never came to an end
    unmarked: list[str] = field(default_factory=list)  #: doubles that say nothing of themselves
    unlike: list[str] = field(default_factory=list)  #: projections that a rebuild does not give

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.open or self.unmarked or self.unlike)


async def wave(
    folder: Path,
    *,
    messages: int,
    kill_every: float,
    at_once: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Wave:
    """So many messages over the web chat, Telegram, SMS and Slack, each customer's in order."""
    done, began = Wave(), time.monotonic()
    free, running = asyncio.Semaphore(at_once), asyncio.Event()
    async with (
        vendors_up() as vendors,
        installation(folder, env={**vendors.settings(), **MANY}) as many,
        aiohttp.ClientSession() as session,
    ):
        db = await open_database(many.uri)
        chats: dict[int, str] = {}

        async def customer(number: int) -> None:
            async with free:
                async for _ in _written(session, many, vendors, number, chats):
                    done.messages += 1
                    progress(done.messages)

        async def killed() -> None:
            while not running.is_set():
                for worker in many.workers:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(kill_every):
                            await running.wait()
                            return
                    await worker.kill()
                    done.kills += 1
                    await worker.start(seconds=TRYING_SECONDS)

        killing = asyncio.create_task(killed())
        customers = range(FIRST, FIRST + max(messages // TURNS, 1))
        await asyncio.gather(*(customer(number) for number in customers))
        running.set()
        await killing
        await no_marks(db, seconds=SETTLED_SECONDS)
        done.seconds = time.monotonic() - began
        found = await taken(db)
        whole = [f"({{number}}.{turn})" for turn in range(TURNS)]
        for number in customers:
            wanted = [mark.format(number=number) for mark in whole]
            if found.get(number) != wanted:
                done.lost.append(f"{number}: {found.get(number)}")
        done.open = len(await still_open(db))
        done.unmarked = await unmarked_doubles(db, vendors)
        done.unlike = [*await unlike_a_rebuild(db), *await unlike_what_is_counted_anew(db)]
        await db.client.close()
    return done


#: One machine stands for many people, and for many machines of a vendor.
MANY = {
    "CONVERSATIONS_PER_ADDRESS": "1000000",
    "DRAFTS_PER_ADDRESS": "100000",
    "RATE_PER_ADDRESS": "1000000",
    "RATE_PER_CONVERSATION": "1000000",
}


async def _written(
    session: aiohttp.ClientSession,
    many: Installation,
    vendors: Vendors,
    number: int,
    chats: dict[int, str],
) -> Any:
    """Write each turn, now at one web, now at the other; yields once it has been taken."""
    channels = len(MEDIA) + 1
    for turn in range(TURNS):
        web = many.webs[(number // channels + turn) % len(many.webs)]
        text = f"{QUESTION} ({number}.{turn})"
        if number % channels < len(MEDIA):
            medium = MEDIA[number % channels](vendors, web)
            event = medium.event(text, customer=number)
            await stubbornly(lambda m=medium, e=event: m.deliver(e), seconds=TRYING_SECONDS)  # type: ignore[misc]
        elif turn == 0:
            opened = await _opens(session, web, text)
        else:
            await opened.writes(web, text)
        yield turn


async def _opens(session: aiohttp.ClientSession, web: Any, text: str) -> Customer:
    """Begin a web chat, tried again while the web is busy: no web is killed here."""
    async with asyncio.timeout(TRYING_SECONDS):
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                url = f"{web.url}/api/conversations"
                async with session.post(url, json={"text": text}) as answer:
                    if answer.status == 201:
                        made = await answer.json()
                        return Customer(session, made["id"], made["token"])
            await asyncio.sleep(0.2)


async def no_marks(db: Database, *, seconds: float = 30.0) -> None:
    """Return once nothing waits any more."""
    async with asyncio.timeout(seconds):
        while await db["unsettled"].count_documents({}):
            await asyncio.sleep(0.2)


async def taken(db: Database) -> Mapping[int, list[str]]:
    """What each customer wrote, as the log has it."""
    found: dict[int, list[str]] = {}
    async for commit in db["log"].find({}).sort("at", 1):
        for event in commit["events"]:
            if event["kind"] == "received" and "(" in event["text"]:
                mark = event["text"].rpartition(" ")[2]
                found.setdefault(int(mark[1:].partition(".")[0]), []).append(mark)
    return found


async def still_open(db: Database) -> Sequence[Mapping[str, Any]]:
    """Messages whose delivery has not come to an end."""
    return await db["deliveries"].find({"state": {"$in": ["queued", "sending"]}}).to_list()


async def unmarked_doubles(db: Database, vendors: Any) -> list[str]:
    """Conversations in which the vendor has more than we know of, without a word of it."""
    odd = []
    async for conversation in db["conversations"].find({}):
        address = conversation["state"]["address"]
        ours = await db["deliveries"].find({"c": conversation["_id"]}).to_list()
        if address["channel"] == "telegram":
            seen = len(vendors.telegram.texts(int(address["chat"])))
        elif address["channel"] == "sms":
            seen = len(vendors.twilio.bodies(address["chat"]))
        elif address["channel"] == "slack":
            seen = len(vendors.slack.texts(address["chat"]))
        else:
            continue
        known = sum(len(one["external_ids"]) for one in ours)
        if seen > known and not any(one.get("doubled") for one in ours):
            odd.append(f"{address} has {seen}, we know of {known}")
    return odd


async def unlike_a_rebuild(db: Database) -> list[str]:
    """Conversations whose snapshot or deliveries are not what their log gives."""
    log, odd = MongoCommitLog(db["log"]), []
    async for document in db["conversations"].find({}):
        snapshot, state = from_document(document), Conversation(id=document["_id"])
        states: dict[int, str] = {}
        for commit in await log.read(document["_id"]):
            state = fold_commit(state, commit)
            for item in commit.numbered():
                if isinstance(item.event, DeliveryRecorded):
                    states[item.event.seq] = item.event.state.value
        if snapshot.state != state or snapshot.projected != state.seq:
            odd.append(f"{document['_id']} is not as its log")
        deliveries = await db["deliveries"].find({"c": document["_id"]}).to_list()
        odd += [
            f"{one['_id']} is {one['state']}"
            for one in deliveries
            if one["state"] != states.get(int(one["_id"].rpartition(".")[2]), one["state"])
        ]
    await log.close()
    return odd


async def unlike_what_is_counted_anew(db: Database) -> list[str]:
    """Drafts and facts that are not what a projection of the whole log gives."""
    clock, log, odd = SystemClock(), MongoCommitLog(db["log"]), []
    again = db["approvals_again"]
    projection = ApprovalsProjection(
        again,
        conversations=Conversations(
            log_store=log,
            snapshots=MongoSnapshots(db["conversations"], db["unsettled"], owner="nobody"),
            bus=LocalBus(),
            clock=clock,
        ),
        next_step_at=lambda _: None,
    )
    ids = [d["_id"] async for d in db["conversations"].find({}, {"_id": 1})]
    for one in ids:
        await projection.apply(await log.read(one))
    kept, anew = [
        {d["_id"]: (d["state"], d["approval"]) async for d in collection.find({})}
        for collection in (db["approvals"], again)
    ]
    odd += [f"draft {one}" for one in kept.keys() | anew.keys() if kept.get(one) != anew.get(one)]
    await again.drop()
    await log.close()
    days = (day_of(clock.now()) - 1, day_of(clock.now()) + 1)
    before = await FactStore(db, clock=clock).facts(*days)
    await rebuild(db, FactStore(db, clock=clock), clock=clock)
    after = await FactStore(db, clock=clock).facts(*days)
    for kind in Kind:
        if len(before.of(kind)) != len(after.of(kind)):
            odd.append(f"facts {kind.name}: {len(before.of(kind))}, anew {len(after.of(kind))}")
    return odd
