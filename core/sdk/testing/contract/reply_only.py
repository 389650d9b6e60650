"""Contract tests of a medium that can only answer: what has no way out waits."""

from __future__ import annotations

import unittest

from core.errors import DeliveryAwaitsCustomer
from core.sdk.testing.bench import Bench
from core.sdk.testing.checks import Checks, scenario


class ReplyOnly(Checks):
    """Only for a channel whose capabilities say `answers_only`; others always have a way.

    Everywhere else in the kit the customer of such a channel writes before each of our sends.
    """

    @scenario
    async def test_what_has_no_way_out_waits_for_the_customer(self, bench: Bench) -> None:
        channel = await bench.up()
        if not channel.capabilities.answers_only:
            raise unittest.SkipTest("it may write first, so nothing has to wait")
        message = bench.message("once")
        for _ in range(2):
            try:
                await bench.send_at_once(channel, message)
                raise AssertionError(
                    "It says that it can only answer, and sends what nobody asked for."
                )
            except DeliveryAwaitsCustomer as error:
                waits = error
            assert waits.detail, "the waiting has no reason an agent could read"
            assert not waits.parts_done, "it says that parts went out"
        assert not bench.vendor.arrived(), "something arrived, although it says that it waits"
        await bench.customer_writes(channel)
        await bench.send_at_once(channel, message)
        assert bench.count("once") == 1, f"it arrived {bench.count('once')} times"

    @scenario
    async def test_nobody_elses_message_opens_the_way(self, bench: Bench) -> None:
        channel = await bench.up()
        if not channel.capabilities.answers_only:
            raise unittest.SkipTest("it may write first, so nothing has to wait")
        await bench.customer_writes(channel, customer="5002")
        try:
            await bench.send_at_once(channel, bench.message("private"))
        except DeliveryAwaitsCustomer:
            pass
        else:
            raise AssertionError("Another customer's message opened the way.")
        assert not bench.vendor.arrived(), "another customer got what was private"

    @scenario
    async def test_the_way_does_not_outlive_a_stop(self, bench: Bench) -> None:
        channel = await bench.up()
        if not channel.capabilities.answers_only:
            raise unittest.SkipTest("it may write first, so nothing has to wait")
        await bench.customer_writes(channel)
        await bench.down(channel)
        channel = await bench.up()
        await bench.send(channel, bench.message("once"))
        assert bench.count("once") == 1, f"it arrived {bench.count('once')} times"
