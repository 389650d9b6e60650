"""A text message is heard as what it means: a phone's reaction, a place, a pressed suggestion."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from channels.sms.normalize import to_inbound
from core.domain import events as ev
from core.domain.messages import InboundKind, InboundMessage
from core.storage.client import Database
from tests.support.world import World, build, running

FORM = {"From": "+15550001", "To": "+15550002", "MessageSid": "SM1"}


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as started:
        yield started


def heard(**form: str) -> InboundMessage:
    message = to_inbound(FORM | form, account="+15550002")
    assert message is not None
    return message


@pytest.mark.parametrize("form", [{"Body": ""}, {"Body": "  ", "MessageType": "sticker"}, {}])
def test_an_empty_message_is_said_to_be_unreadable(form: dict[str, str]) -> None:
    message = heard(**form)
    assert (message.kind, message.value) == (
        InboundKind.UNREADABLE,
        form.get("MessageType", "message"),
    )


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"Latitude": "37.5", "Longitude": "127.0", "Label": "Cafe"}, "📍 37.5, 127.0 (Cafe)"),
        ({"Body": "Here", "Latitude": "37.5", "Longitude": "127.0"}, "Here\n📍 37.5, 127.0"),
        ({"ButtonText": "Opening hours", "ButtonPayload": "hours"}, "Opening hours"),
    ],
)
def test_places_and_suggestions_arrive_as_text(form: dict[str, str], words: str) -> None:
    message = heard(**form)
    assert (message.kind, message.text) == (InboundKind.MESSAGE, words)


@pytest.mark.parametrize(
    "reaction",
    [
        "Liked “Open Settings and press Reset.”",
        "Removed a heart from “Open Settings and press Reset.”",
        "👍 to “Open Settings and press Reset.”",
        "“Open Settings and press Reset.”을(를) 좋아함",
        "Le gustó “Open Settings and press Reset.”",
        "Gefällt „Open Settings and press Reset.“",
        "A aimé « Open Settings and press Reset. »",
    ],
)
async def test_a_phones_reaction_is_recorded_and_not_answered(world: World, reaction: str) -> None:
    cid = await world.write("How do I reset my password?", channel="vendor")
    await world.until(cid, lambda c: not c.unanswered and not c.outgoing)
    await world.inbox.accept(world.message(reaction, channel="vendor"))
    [_, received] = [e.event for e in await world.events(cid) if isinstance(e.event, ev.Received)]
    assert received.silent
    assert len(await world.said(cid)) == 1
