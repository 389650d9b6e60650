"""SIGKILL at the worst moment: the vendor has taken the message and we have not recorded it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.storage.client import DATABASE, connect
from core.storage.embedded import EmbeddedStore
from tests.support.servers.faults import Fault
from tests.support.servers.vendors import MEDIA, Medium, program_with, stubbornly, until, vendors_up

QUESTION = "How do I talk to a person?"
REFERENCE = 1_000_000  #: the customer whose answer nobody disturbs
FIRST = 2_000_000
SENDING = {"telegram": "sendMessage", "sms": "create", "slack": "chat.postMessage"}
HOLD = Fault(after=True, seconds=60.0)  #: the vendor does its work, and its answer never comes


@dataclass(slots=True)
class Tally:
    """What became of the answers on one channel."""

    kills: int = 0
    lost: int = 0
    doubled: int = 0  #: customers who got a part twice
    marked: int = 0  #: messages that say of themselves that they may have arrived twice
    open: int = 0  #: messages whose delivery never came to an end
    unmarked: list[int] = field(default_factory=list)  #: customers doubled without a mark


async def kill_between(
    folder: Path, *, kills: int, each: int = 1, progress: Callable[[int], None] = lambda _: None
) -> Mapping[str, Tally]:
    """Kill the program so many times between sending and recording, on all channels at once.

    Each kill falls upon `each` conversations of every channel.
    """
    async with vendors_up() as vendors, program_with(vendors, folder) as program:
        media = [medium(vendors, program) for medium in MEDIA]
        await program.start()
        for medium in media:
            await _ask(medium, REFERENCE)
        await until(lambda: all(m.texts(REFERENCE) for m in media))
        await asyncio.sleep(2.0)  # an answer may have several parts
        whole = {m.name: m.texts(REFERENCE) for m in media}
        for number in range(kills):
            begin = FIRST + number * each
            hit = range(begin, begin + each)
            for medium in media:
                medium.server.script.plan(SENDING[medium.name], *[HOLD] * each)
                await asyncio.gather(*(_ask(medium, customer) for customer in hit))
            await until(lambda hit=hit: all(m.texts(c) for m in media for c in hit))  # type: ignore[misc]
            await program.kill()
            for medium in media:
                medium.server.script.clear()
            await program.start()
            # The next kill must not fall upon what is being repaired.
            with contextlib.suppress(TimeoutError):
                await until(
                    lambda hit=hit: all(_sent_again(media[0], c, whole) for c in hit),  # type: ignore[misc]
                    seconds=60,
                )
            await asyncio.sleep(0.5)
            progress(number + 1)
        customers = range(FIRST, FIRST + kills * each)
        await until(
            lambda: all(set(whole[m.name]) <= set(m.texts(c)) for m in media for c in customers),
            seconds=90,
        )
        await asyncio.sleep(3.0)
        await program.stop()
        records = await _records(program.data_dir)
        return {
            medium.name: _tally(medium, customers, whole[medium.name], records) for medium in media
        }


def _sent_again(telegram: Medium, customer: int, whole: Mapping[str, list[str]]) -> bool:
    """Telegram cannot be asked, so what may have arrived is sent a second time."""
    return len(telegram.texts(customer)) > len(whole[telegram.name])


async def _ask(medium: Medium, customer: int) -> None:
    event: Any = medium.event(QUESTION, customer=customer)
    await stubbornly(lambda: medium.deliver(event))


def _tally(
    medium: Medium, customers: range, whole: list[str], records: list[Mapping[str, Any]]
) -> Tally:
    ours = [record for record in records if record["channel"] == medium.name]
    marked = {record["chat"] for record in ours if record.get("doubled")}
    tally = Tally(
        kills=len(customers),
        marked=len(marked),
        open=sum(record["state"] in ("queued", "sending") for record in ours),
    )
    for customer in customers:
        texts = medium.texts(customer)
        tally.lost += not set(whole) <= set(texts)
        if len(texts) > len(whole):
            tally.doubled += 1
            if not any(str(customer) in chat for chat in marked):
                tally.unmarked.append(customer)
    return tally


async def _records(data_dir: Path) -> list[Mapping[str, Any]]:
    """Every delivery in the stopped program's store, each with its customer's chat."""
    store = EmbeddedStore(data_dir)
    await store.boot()
    try:
        client = connect(store.uri)
        try:
            database = client.get_default_database(default=DATABASE)
            found = await database["deliveries"].find({}).to_list()
            chats: dict[str, str] = {}
            async for commit in database["log"].find({}):
                for event in commit["events"]:
                    if "address" in event:
                        chats[commit["c"]] = str(event["address"]["chat"])
            return [record | {"chat": chats.get(record["c"], "")} for record in found]
        finally:
            await client.close()
    finally:
        await store.stop()
