"""An erasure reaches the memory and the files of every process, and says whose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from app import App
from core.accounts.service import OPERATOR
from core.cluster.model import Role
from core.domain.messages import Address, InboundMessage, Sender
from core.privacy.members import ForgettingMembers
from core.storage.client import Database
from tests.support.many_apps import many_apps

pytestmark = [pytest.mark.apart, pytest.mark.long]

WORD = "plantedquokka"
SECONDS = 60.0  #: for anything, on a machine that does much else


@pytest.fixture
async def apps(db: Database, mongo_uri: str, tmp_path: Path) -> AsyncIterator[Sequence[App]]:
    async with many_apps(db, mongo_uri, tmp_path, Role.WEB, Role.WORKER, Role.WORKER) as made:
        yield made


async def written(apps: Sequence[App], number: int) -> str:
    """A customer writes at the web, and every process remembers it, and logs it, too."""
    commit = await apps[0].core.inbox.accept(
        InboundMessage(
            address=Address(channel="web", account="a", chat=f"c{number}"),
            external_id=f"k{number}",
            sender=Sender(id=f"c{number}", name=f"Name {WORD}"),
            text=f"My parcel {WORD} number {number} has not come",
        )
    )
    for app in apps:
        await app.core.conversations.peek(commit.conversation_id)
        logs = app.data_dir.path / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / "other.log").open("a") as log:
            log.write(f"strange: My parcel {WORD} number {number} has not come\n")
    return commit.conversation_id


def remembering(apps: Sequence[App], conversation_id: str) -> list[str]:
    """The members in whose memory or logs something of it is left."""
    return [
        app.core.node.membership.id
        for app in apps
        if WORD in repr(app.core.conversations._cache.get(conversation_id))
        or WORD in (app.data_dir.path / "logs" / "other.log").read_text()
    ]


async def test_every_process_forgets_and_the_receipt_says_so(apps: Sequence[App]) -> None:
    conversation_id = await written(apps, 1)
    assert len(remembering(apps, conversation_id)) == 3
    receipt = await apps[0].privacy.erase(OPERATOR, conversation_id)
    others = {app.core.node.membership.id for app in apps[1:]}
    assert set(receipt.confirmed) == others
    assert receipt.unconfirmed == ()
    assert remembering(apps, conversation_id) == []
    assert await apps[0].db["erasures"].count_documents({"waits": {"$ne": []}}) == 0


async def test_who_is_frozen_is_named_and_forgets_when_it_goes_on(
    apps: Sequence[App], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.privacy.members.CONFIRM_SECONDS", 3.0)
    frozen = apps[2].core.node
    look, thawed = ForgettingMembers.look, asyncio.Event()

    async def look_unless_frozen(members: ForgettingMembers) -> None:
        if members._node is frozen:
            await thawed.wait()
        await look(members)

    monkeypatch.setattr(ForgettingMembers, "look", look_unless_frozen)
    conversation_id = await written(apps, 1)
    async with asyncio.timeout(SECONDS):
        while True:
            receipt = await apps[0].privacy.erase(OPERATOR, conversation_id)
            if receipt.unconfirmed or not receipt.conversations:
                break
            conversation_id = await written(apps, 2)  # it was looking at that very moment
    assert receipt.unconfirmed == (frozen.membership.id,)
    thawed.set()
    # The log files of who comes late keep what nobody can tell from other lines any more.
    async with asyncio.timeout(SECONDS):
        while await apps[0].db["erasures"].count_documents({"waits": frozen.membership.id}):
            await asyncio.sleep(0.05)
    assert not apps[2].core.conversations.known(conversation_id)


async def test_who_was_taken_for_dead_remembers_nobody(apps: Sequence[App]) -> None:
    conversation_id = await written(apps, 1)
    worker = apps[1].core
    before = worker.node.membership.id
    worker.node.membership.die()
    async with asyncio.timeout(SECONDS):
        while worker.node.membership.id in ("", before):
            await asyncio.sleep(0.05)
        while worker.conversations.known(conversation_id):
            await asyncio.sleep(0.05)
