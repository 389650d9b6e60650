"""A vendor's list keeps what somebody had erased here; it is not taken in again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.domain import events as ev
from core.sdk.testing.builders import an_inbound
from core.storage.client import Database
from tests.support.world import World, build, running


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


async def test_only_what_was_written_since_is_taken_in(world: World) -> None:
    written = replace(an_inbound(), sent_at=datetime.now(UTC) - timedelta(minutes=3))
    cid = written.address.conversation_id()
    await world.inbox.receive(written)
    await world.append(cid, ev.Erased())
    since = (await world.events(cid))[-1].seq
    await world.inbox.receive(written)
    assert (await world.events(cid))[-1].seq == since
    # Afterwards they write again; what came before stays away all the same.
    await world.inbox.receive(an_inbound("Hello again", external_id="e2"))
    await world.inbox.receive(replace(written, external_id="e3"))
    texts = [e.event.text for e in await world.events(cid) if isinstance(e.event, ev.Received)]
    assert texts[-1] == "Hello again"
