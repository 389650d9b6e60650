"""Presses are answered: Start greets, a chosen language is confirmed, a rating is thanked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.domain import events as ev
from core.domain.events import Notice
from core.domain.messages import InboundKind
from core.storage.client import Database
from tests.support.world import World, build, running


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


async def press(world: World, kind: InboundKind, value: str = "", channel: str = "vendor") -> str:
    message = replace(world.message("", channel=channel, kind=kind), value=value)
    return (await world.inbox.accept(message)).conversation_id


async def notices(world: World, cid: str) -> list[tuple[Notice | None, str]]:
    sent = [i.event for i in await world.events(cid) if isinstance(i.event, ev.Sent)]
    return [(e.notice, e.text) for e in sent]


async def test_start_is_greeted_once(world: World) -> None:
    cid = await press(world, InboundKind.START)
    await press(world, InboundKind.START)
    assert [n for n, _ in await notices(world, cid)] == [Notice.GREETING]
    await world.until(cid, lambda c: not c.outgoing)
    assert len(world.vendor.sent) == 1


async def test_the_language_is_confirmed_in_it(world: World) -> None:
    cid = await press(world, InboundKind.LANGUAGE, "ko")
    [(notice, text)] = await notices(world, cid)
    assert notice is Notice.LANGUAGE_SET
    assert "한국어" in text


async def test_a_rating_is_thanked(world: World) -> None:
    cid = await press(world, InboundKind.RATING, "5")
    assert [n for n, _ in await notices(world, cid)] == [Notice.RATING_THANKS]


async def test_who_wants_no_messages_is_not_even_thanked(world: World) -> None:
    cid = await world.write("STOP", channel="vendor")
    await press(world, InboundKind.RATING, "1")
    assert await notices(world, cid) == []


async def test_the_web_page_answers_by_itself(world: World) -> None:
    cid = await press(world, InboundKind.RATING, "5", channel="web")
    assert await notices(world, cid) == []


async def test_the_assistant_greets_nobody_while_a_person_speaks(world: World) -> None:
    cid = await world.write("How do I reset my password?", channel="vendor")
    await world.append(cid, ev.TakenOver(by="ann@x"))
    await press(world, InboundKind.START)
    assert Notice.GREETING not in [n for n, _ in await notices(world, cid)]
