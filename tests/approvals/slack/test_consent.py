"""Agents see consent on the card, settle what only sounds like it, and may set it with a reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.domain.conversation import Status
from core.storage.client import Database
from tests.approvals.slack_rig import Rig, buttons, rig, shown, until
from tests.support.servers.slack import SlackServer


@pytest.fixture
async def desk(
    slack: SlackServer, db: Database, mongo_uri: str, tmp_path: Path
) -> AsyncIterator[Rig]:
    async with rig(slack, db, mongo_uri, tmp_path, over_socket=False) as made:
        yield made


async def test_what_sounds_like_opting_out_is_settled_with_one_button(desk: Rig) -> None:
    customer = await desk.texts("leave me alone!!")
    card = await desk.card(customer)
    assert "no more messages" in shown(card)
    assert next(iter(buttons(card))).endswith("opt_out"), "it is the first thing to decide"
    await desk.press(card, "opt_out")
    await until(lambda: buttons(card) == {}, what="the decided card")
    state = await desk.state(customer)
    assert state.opted_out
    assert state.consent is not None
    assert state.consent.by == "mina@example.com"
    assert state.status is Status.AI
    assert state.unanswered == ()
    assert state.outgoing == ()
    async with asyncio.timeout(3):
        while True:
            entries = [e.what for e in await desk.live.core.audit.page(limit=20)]
            if "consent.opt_out" in entries:
                break
            await asyncio.sleep(0.05)


async def test_a_card_says_that_its_customer_has_opted_out(desk: Rig) -> None:
    customer = await desk.texts("How do I reset my password?")
    card = await desk.card(customer)
    await desk.texts("STOP")
    await until(lambda: "opted out" in shown(card), what="the warning on the card")
