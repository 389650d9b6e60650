"""Contract tests of what was meant, by whom and where: more than the field it stood in."""

from __future__ import annotations

import unittest
from dataclasses import replace

from core.domain.messages import InboundKind, InboundMessage
from core.sdk.channel import Channel
from core.sdk.testing.bench import Bench
from core.sdk.testing.checks import Checks, scenario
from core.sdk.testing.vendor import (
    Changed,
    Happening,
    InGroup,
    InThread,
    PlaysHappenings,
    Reacted,
    Strange,
    TakenBack,
    Written,
)

REACTIONS = (InboundKind.REACTION, InboundKind.REACTION_REMOVED)


class Interactions(Checks):
    """Only for vendors that know such things: the simulator's `happen` plays them."""

    @scenario
    async def test_a_changed_message_is_an_edit_of_it(self, bench: Bench) -> None:
        channel = await bench.up()
        first = await _written(bench, channel)
        await _happens(bench, channel, Changed(of="1001", text="How long?"))
        edit = (await bench.accepted(2))[1]
        assert edit.kind is InboundKind.EDIT, f"an edit was accepted as {edit.kind.value}"
        assert edit.text == "How long?", f"it reads {edit.text!r} now"
        assert edit.about == first.named, "the edit does not name the message that it changes"
        assert edit.key() != first.key(), "the edit has the key of its message and is taken for it"
        assert edit.address == first.address, "the edit came from another conversation"

    @scenario
    async def test_a_message_taken_back_is_a_deletion_of_it(self, bench: Bench) -> None:
        channel = await bench.up()
        first = await _written(bench, channel)
        await _happens(bench, channel, TakenBack(of="1001"))
        gone = (await bench.accepted(2))[1]
        assert gone.kind is InboundKind.DELETION, f"a deletion was accepted as {gone.kind.value}"
        assert gone.about == first.named, "the deletion does not name its message"
        assert gone.address == first.address, "the deletion came from another conversation"

    @scenario
    async def test_a_reaction_is_a_reaction_and_no_question(self, bench: Bench) -> None:
        channel = await bench.up()
        first = await _written(bench, channel)
        await _happens(bench, channel, Reacted(of="1001"))
        reaction = (await bench.accepted(2))[1]
        kind = reaction.kind
        assert kind in REACTIONS, f"a reaction was accepted as {kind.value} and will be answered"
        assert reaction.value, "the reaction has no sign"
        assert reaction.about == first.named, "the reaction does not name its message"
        assert reaction.address == first.address, "the reaction came from another conversation"

    @scenario
    async def test_what_nobody_can_read_is_not_met_with_silence(self, bench: Bench) -> None:
        channel = await bench.up()
        status = await _happens(bench, channel, Strange())
        assert status < 300, f"the vendor was answered {status} and will bring it for ever"
        [message] = await bench.accepted(1)
        says = message.kind is InboundKind.UNREADABLE or message.text or message.attachments
        assert says, "an empty message was accepted; say that it is UNREADABLE"

    @scenario
    async def test_a_thread_with_one_customer_is_a_place_and_no_conversation(
        self, bench: Bench
    ) -> None:
        channel = await bench.up()
        first = await _written(bench, channel)
        await _happens(bench, channel, InThread(text="And this?"))
        threaded = (await bench.accepted(2))[1]
        same = threaded.address.conversation_id() == first.address.conversation_id()
        assert same, "a thread is another conversation, and gets round a take-over of this one"
        assert threaded.place, "the thread is lost, and the answer goes elsewhere"
        where = replace(threaded.address, thread=threaded.place)
        await bench.send(channel, replace(bench.message("in its place"), address=where))
        assert bench.count("in its place") == 1, "an answer to a thread did not arrive"

    @scenario
    async def test_in_a_group_each_message_has_its_sender(self, bench: Bench) -> None:
        channel = await bench.up()
        for event_id, member, name in (("1001", "5001", "Ada"), ("1002", "5002", "Bob")):
            asked = InGroup(text="How long?", event_id=event_id, member=member, name=name)
            await _happens(bench, channel, asked)
        ada, bob = await bench.accepted(2)
        assert ada.sender.id != bob.sender.id, "two members of a group are one sender"
        names = (ada.sender.name, bob.sender.name)
        assert names == ("Ada", "Bob"), f"Ada and Bob asked; the desk reads {names}"


async def _written(bench: Bench, channel: Channel) -> InboundMessage:
    await bench.vendor.write(channel, Written(text="How log?", event_id="1001"))
    [message] = await bench.accepted(1)
    return message


async def _happens(bench: Bench, channel: Channel, what: Happening) -> int:
    vendor: object = bench.vendor  # the optional member is structural, not declared
    if not isinstance(vendor, PlaysHappenings):
        raise unittest.SkipTest("the simulator plays nothing but plain messages")
    status = await vendor.happen(channel, what)
    if status is None:
        raise unittest.SkipTest(f"this vendor knows no {type(what).__name__}")
    return status
