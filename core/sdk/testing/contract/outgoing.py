"""Contract tests of outbound messages: whole, once, and with an honest outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from core.domain.messages import DeliveryState
from core.errors import (
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)
from core.sdk.channel import Reconciles
from core.sdk.testing.bench import Bench, loop_turns
from core.sdk.testing.checks import Checks, scenario
from core.sdk.testing.vendor import Fault, Written


class Outgoing(Checks):
    """Messages to customers, on the vendor's good days and bad ones."""

    @scenario
    async def test_an_answer_arrives(self, bench: Bench) -> None:
        channel = await bench.up()
        delivery = await bench.send(channel, bench.message("It is on its way."))
        assert delivery.state in (DeliveryState.SENT, DeliveryState.DELIVERED), delivery
        assert delivery.external_ids, "the delivery carries no id of the vendor"
        [part] = bench.vendor.arrived()
        assert part.customer == "5001", f"it arrived at {part.customer}"
        assert "It is on its way." in part.text

    @scenario
    async def test_emoji_and_korean_arrive(self, bench: Bench) -> None:
        channel = await bench.up()
        await bench.send(channel, bench.message("주문은 내일 도착합니다 📦 감사합니다"))
        assert "주문은 내일 도착합니다 📦 감사합니다" in bench.texts()

    @scenario
    async def test_characters_of_markup_arrive_as_they_are(self, bench: Bench) -> None:
        channel = await bench.up()
        await bench.send(channel, bench.message("if 1 < 2 and 3 > 2: R&D costs 5 \\* 3 \\_net\\_"))
        for piece in ("1 < 2 and 3 > 2", "R&D", "5 * 3", "_net_"):
            assert piece in bench.texts(), f"{piece!r} did not arrive: {bench.texts()!r}"

    @scenario
    async def test_an_answer_of_20000_characters_arrives_whole(self, bench: Bench) -> None:
        channel = await bench.up()
        words = [f"w{n:05d}" for n in range(20_000 // 7)]
        text = "\n\n".join(" ".join(words[n : n + 60]) for n in range(0, len(words), 60))
        delivery = await bench.send(channel, bench.message(text))
        arrived = _words(bench.texts())
        assert arrived == words, _first_difference(arrived, words)
        parts = len(bench.vendor.arrived()) - bench.before_last_way
        assert len(delivery.external_ids) == parts, (
            f"{parts} parts arrived and the delivery names {len(delivery.external_ids)}"
        )

    @scenario
    async def test_parts_that_were_sent_are_not_sent_again(self, bench: Bench) -> None:
        channel = await bench.up()
        words = [f"w{n:05d}" for n in range(20_000 // 7)]
        text = "\n\n".join(" ".join(words[n : n + 60]) for n in range(0, len(words), 60))
        await bench.send(channel, bench.message(text))
        whole = [part.text for part in bench.vendor.arrived()]
        if len(whole) == 1:
            return
        await bench.send(channel, bench.message(text, skip_parts=1, message_id="c1.8"))
        again = [part.text for part in bench.vendor.arrived()][len(whole) :]
        assert again == whole[1:], f"after one known part, {len(again)} of {len(whole)} were sent"

    @scenario
    async def test_a_rate_limit_is_obeyed(self, bench: Bench) -> None:
        channel = await bench.up()
        bench.vendor.fail(Fault.RATE_LIMITED)
        await bench.send_stubbornly(channel, bench.message("once"))
        assert bench.count("once") == 1, f"it arrived {bench.count('once')} times"

    @scenario
    async def test_a_server_error_is_tried_again(self, bench: Bench) -> None:
        channel = await bench.up()
        bench.vendor.fail(Fault.SERVER_ERROR)
        message = bench.message("once")
        try:
            await bench.send_stubbornly(channel, message)
        except DeliveryUnknown:
            if isinstance(channel, Reconciles):
                assert await channel.find(message) is None, "found, although it was never sent"
            await bench.send_stubbornly(channel, message)
        assert bench.count("once") == 1, f"it arrived {bench.count('once')} times"

    @scenario
    async def test_an_outage_is_tried_again(self, bench: Bench) -> None:
        channel = await bench.up()
        await bench.vendor.stop()
        try:
            await bench.send(channel, bench.message("once"))
            raise AssertionError("It says that it sent, while the vendor was down.")
        except (DeliveryDeferred, DeliveryUnknown, ChannelNotReady):
            pass
        await bench.vendor.start()
        await bench.send_stubbornly(channel, bench.message("once"))
        assert bench.count("once") == 1, f"it arrived {bench.count('once')} times"

    @scenario
    async def test_a_lost_answer_is_unknown_and_reconciled_where_it_can_be(
        self, bench: Bench
    ) -> None:
        channel = await bench.up()
        bench.vendor.fail(Fault.NO_ANSWER)
        message = bench.message("once")
        try:
            delivery = await bench.send(channel, message)
        except DeliveryUnknown:
            pass
        except ChannelError as error:
            raise AssertionError(
                f"It left us, and {type(error).__name__} says that it did not."
            ) from error
        else:
            assert delivery.state in (DeliveryState.SENT, DeliveryState.UNKNOWN), delivery
        assert bench.count("once") == 1, f"it arrived {bench.count('once')} times"
        if isinstance(channel, Reconciles):
            # As after a crash: another instance asks.
            await bench.down(channel)
            restarted = await bench.up()
            assert isinstance(restarted, Reconciles)
            found = await restarted.find(message)
            assert found is not None, "the vendor has it, and find does not see it"
            assert found.external_ids, "find gives no id of the vendor"
            never = bench.message("never sent", message_id="c1.99")
            assert await restarted.find(never) is None, "find sees what was never sent"

    @scenario
    async def test_a_refused_message_fails_for_good(self, bench: Bench) -> None:
        channel = await bench.up()
        bench.vendor.fail(Fault.REFUSED)
        try:
            await bench.send(channel, bench.message("never"))
            raise AssertionError("It says that it sent what the vendor refused.")
        except DeliveryFailed as error:
            reason = error.detail
        assert reason, "the failure has no reason an agent could read"
        assert bench.count("never") == 0
        await bench.send_stubbornly(channel, bench.message("next", message_id="c1.8"))
        assert bench.count("next") == 1

    @scenario
    async def test_a_slow_vendor_holds_up_nobody(self, bench: Bench) -> None:
        channel = await bench.up()
        bench.vendor.fail(Fault.SLOW)
        async with loop_turns():
            sending = asyncio.create_task(bench.send(channel, bench.message("slow")))
            await asyncio.sleep(0.1)
            began = time.monotonic()
            await bench.vendor.write(channel, Written(text="Meanwhile?"))
            await bench.accepted(1)
            assert time.monotonic() - began < 0.8, "a customer waited for another one's answer"
            await sending
        assert bench.count("slow") == 1


def _words(text: str) -> list[str]:
    return [word for word in text.split() if len(word) == 6 and word[0] == "w"]


def _first_difference(arrived: Sequence[str], words: Sequence[str]) -> str:
    for n, (got, want) in enumerate(zip(arrived, words, strict=False)):
        if got != want:
            return f"word {n} is {got} instead of {want}"
    return f"{len(arrived)} of {len(words)} words arrived"
