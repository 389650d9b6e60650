"""Who wants no messages gets none: by whatever words, in every conversation of their number."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.drafts import Reason
from core.domain.messages import InboundKind
from core.storage.client import Database
from tests.support.world import World, build, running

SAID = tomllib.loads(
    (Path(__file__).parents[2] / "nlu" / "consent.toml").read_text(encoding="utf-8")
)
QUESTION = "How do I reset my password?"
NUMBER = "+15551230000"


@pytest.fixture
async def world(db: Database) -> AsyncIterator[World]:
    async with running(build(db)) as process:
        yield process


async def settled(world: World, cid: str) -> Conversation:
    """The conversation, once nothing is on its way in it and nothing waits for the machine."""
    return await world.until(cid, lambda c: not c.open and not c.outgoing)


async def changes(world: World, cid: str) -> Sequence[ev.ConsentChanged]:
    return [
        item.event for item in await world.events(cid) if isinstance(item.event, ev.ConsentChanged)
    ]


async def test_nothing_is_sent_by_machine_after_any_way_of_opting_out(world: World) -> None:
    for number, text in enumerate(SAID["opting_out"] + SAID["never_answered"]):
        chat = f"c{number}"
        cid = await world.write(QUESTION, channel="vendor", chat=chat)
        await settled(world, cid)
        before = len(world.vendor.sent)
        assert before == number + 1
        await world.write(text, channel="vendor", chat=chat)
        await settled(world, cid)
        await world.write("When do you open on Monday morning?", channel="vendor", chat=chat)
        c = await settled(world, cid)
        assert len(world.vendor.sent) == before, text
        assert c.opted_out or any(Reason.SEEMS_OPT_OUT in r.reasons for r in c.reviews), text
        assert c.reviews, "what they ask afterwards waits for a person"


async def test_nothing_harmless_is_taken_for_consent(world: World) -> None:
    for number, text in enumerate(SAID["harmless_stop"] + SAID["harmless_yes"]):
        cid = await world.write(text, channel="vendor", chat=f"c{number}")
        c = await settled(world, cid)
        assert not c.opted_out, text
        assert await changes(world, cid) == [], text
        assert not any(Reason.SEEMS_OPT_OUT in r.reasons for r in c.reviews), text


async def test_yes_to_an_agents_question_reaches_the_agent(world: World) -> None:
    cid = await world.write(QUESTION, channel="vendor")
    await settled(world, cid)
    await world.append(cid, ev.TakenOver(by="ann@x"))
    for kind in (InboundKind.MESSAGE, InboundKind.OPT_IN):
        await world.inbox.accept(world.message("Yes", channel="vendor", kind=kind))
        last = [i.event for i in await world.events(cid) if isinstance(i.event, ev.Received)][-1]
        assert last.text == "Yes"
        assert not last.silent
    assert await changes(world, cid) == []


@pytest.mark.parametrize("word", ["START", "Yes", "unstop", "수신동의", "alta"])
async def test_a_word_lets_messages_come_again_for_who_is_out_only(world: World, word: str) -> None:
    cid = await world.write("STOP", channel="vendor")
    assert (await world.conversations.load(cid)).opted_out
    await world.write(word, channel="vendor")
    assert not (await world.conversations.load(cid)).opted_out
    await world.write(QUESTION, channel="vendor")
    await settled(world, cid)
    assert len(world.vendor.sent) == 1


async def test_a_person_sees_what_sounds_like_it_without_a_word_to_the_customer(
    world: World,
) -> None:
    cid = await world.write("leave me alone!!", channel="vendor")
    c = await settled(world, cid)
    assert [r.reasons[0] for r in c.reviews] == [Reason.SEEMS_OPT_OUT]
    assert c.reviews[0].draft.text == ""
    assert c.status is Status.REVIEW
    assert world.responder.asked == []
    assert await world.said(cid) == [], "not even a word that could still be held back"
    assert world.vendor.sent == []


async def test_what_else_the_message_says_waits_for_a_person(world: World) -> None:
    cid = await world.write(
        "Stop texting me. You charged me twice for order 1234.", channel="vendor"
    )
    c = await settled(world, cid)
    assert c.opted_out
    assert [Reason.OPTED_OUT in r.reasons for r in c.reviews] == [True]
    assert world.vendor.sent == []


async def test_on_the_web_nothing_is_sent_so_no_word_is_consent(world: World) -> None:
    cid = await world.write("stop")
    await world.until(cid, lambda c: not c.open)
    assert await changes(world, cid) == []


async def test_it_holds_for_the_number_on_sms_and_rcs_and_for_every_number_of_ours(
    world: World,
) -> None:
    first = await world.write(QUESTION, channel="vendor", chat=NUMBER)
    rcs = await world.write(QUESTION, channel="vendor", chat=f"rcs:{NUMBER}")
    await settled(world, first)
    await settled(world, rcs)
    sent = len(world.vendor.sent)
    await world.write("STOP", channel="vendor", chat=NUMBER)
    await world.until(rcs, lambda c: c.opted_out)
    assert [e.source for e in await changes(world, rcs)] == [ev.ConsentSource.NUMBER]
    message = world.message(QUESTION, channel="vendor", chat=NUMBER)
    other = replace(message, address=replace(message.address, account="+15550009999"))
    third = (await world.inbox.accept(other)).conversation_id
    await settled(world, third)
    assert (await world.conversations.load(third)).opted_out
    assert len(world.vendor.sent) == sent
    await world.write("START", channel="vendor", chat=f"rcs:{NUMBER}")
    await world.until(first, lambda c: not c.opted_out)
    await world.until(third, lambda c: not c.opted_out)


async def test_another_number_is_another_person(world: World) -> None:
    first = await world.write(QUESTION, channel="vendor", chat=NUMBER)
    other = await world.write(QUESTION, channel="vendor", chat="+15551230001")
    await world.write("STOP", channel="vendor", chat=NUMBER)
    await world.until(first, lambda c: c.opted_out)
    await world.projector.drain()
    await asyncio.sleep(0.05)
    assert not (await world.conversations.load(other)).opted_out


async def test_a_repeated_stop_is_one_change(world: World) -> None:
    cid = await world.write("STOP", channel="vendor")
    await world.write("stop!", channel="vendor")
    await world.inbox.accept(world.message("STOP", channel="vendor", kind=InboundKind.OPT_OUT))
    assert len(await changes(world, cid)) == 1
