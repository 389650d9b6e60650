"""A message is stored before its file is fetched; whatever breaks between, the file comes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.storage.client import Database
from tests.support import files
from tests.support.desk import desk_with, until
from tests.support.servers.faults import Fault
from tests.support.servers.vendors import vendors_up

pytestmark = [pytest.mark.apart, pytest.mark.long]


async def test_what_was_not_fetched_is_fetched_at_the_next_start(
    db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    own = {"TELEGRAM_WEBHOOK_SECRET": ""}
    photo = files.photo()
    async with vendors_up() as vendors:
        telegram = vendors.telegram
        telegram.script.plan("file", *[Fault(seconds=60.0)] * 3)
        async with desk_with(vendors, db, mongo_uri, tmp_path, "telegram", **own) as desk:
            telegram.say("", photo=[{"file_id": telegram.attach(photo)}])

            async def stored() -> bool:
                return bool(await desk.conversations())

            await until(stored)
            await asyncio.sleep(0.5)
            [conversation_id] = await desk.conversations()
            assert [a["state"] for a in await desk.files(conversation_id)] == ["coming"]
        telegram.script.clear()
        async with desk_with(vendors, db, mongo_uri, tmp_path, "telegram", **own) as desk:
            [shown] = await desk.kept(conversation_id, seconds=60)
            assert await desk.get(shown["url"]) == (200, photo)


async def test_a_vendor_that_is_away_is_asked_again(
    db: Database, mongo_uri: str, tmp_path: Path
) -> None:
    photo = files.photo()
    async with vendors_up() as vendors:
        telegram = vendors.telegram
        telegram.script.plan("file", Fault(status=502, body=b"Bad Gateway"))
        async with desk_with(
            vendors, db, mongo_uri, tmp_path, "telegram", TELEGRAM_WEBHOOK_SECRET=""
        ) as desk:
            telegram.say("", photo=[{"file_id": telegram.attach(photo)}])

            async def stored() -> bool:
                return bool(await desk.conversations())

            await until(stored)
            [conversation_id] = await desk.conversations()
            [shown] = await desk.kept(conversation_id, seconds=60)
            assert await desk.get(shown["url"]) == (200, photo)
