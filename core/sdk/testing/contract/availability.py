"""Contract tests of hearing: open before the channel is up, and nothing lost while it was not."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from core.errors import ChannelError
from core.sdk.channel import Channel, FetchesMissed, HandlesHttp, Listens
from core.sdk.testing.bench import Bench
from core.sdk.testing.checks import Checks, scenario
from core.sdk.testing.vendor import KeepsMessages, Written

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Availability(Checks):
    """Taking in what is rightly signed, whatever becomes of the start."""

    @scenario
    async def test_it_hears_while_the_vendors_api_is_away(self, bench: Bench) -> None:
        settings = bench.vendor.settings()
        if not isinstance(bench.make(settings), HandlesHttp):
            return  # its vendor does not call us
        await bench.vendor.stop()
        channel = bench.make(settings)
        assert isinstance(channel, Listens), "it has handle_http and no listen: deaf while mute"
        if not await channel.listen(bench.inbox.receive):
            return  # its vendor calls us only once it is connected
        status = await bench.vendor.write(channel, Written(text="Before the start"))
        assert status < 300, f"before its start the channel answered {status} to its vendor"
        with suppress(ChannelError):
            await bench.start(channel)
        written = Written(text="After a start that failed", event_id="1002")
        await bench.vendor.write(channel, written)  # the host may have made another one by now
        again = bench.make(settings)
        assert isinstance(again, Listens)
        await again.listen(bench.inbox.receive)
        status = await bench.vendor.write(again, written)
        assert status < 300, f"after a failed start its successor answered {status} to its vendor"
        await bench.accepted(2)
        status = await bench.vendor.forge(again, Written(text="I am the vendor", event_id="1003"))
        assert status in (401, 403), f"a forged event was answered {status} instead of 403"
        await bench.vendor.start()
        channel = await bench.up(settings)
        await bench.vendor.write(channel, written)
        await bench.accepted(2)

    @scenario
    async def test_nothing_is_acknowledged_that_nobody_took(self, bench: Bench) -> None:
        """200 for nobody: a vendor that is told so never comes again."""
        channel = bench.make()
        if not isinstance(channel, HandlesHttp):
            return
        await _is_not_swallowed(bench, channel, "1001", "that was not started yet")
        await bench.vendor.stop()
        with suppress(ChannelError):
            await bench.start(channel)
        await _is_not_swallowed(bench, channel, "1002", "whose start has failed")
        await bench.vendor.start()
        channel = await bench.up()
        await bench.down(channel)
        await _is_not_swallowed(bench, channel, "1003", "that was stopped")

    @scenario
    async def test_what_was_missed_is_fetched_once_and_in_order(self, bench: Bench) -> None:
        channel = await bench.up()
        if not isinstance(channel, FetchesMissed):
            return
        vendor = bench.vendor
        assert isinstance(vendor, KeepsMessages), "the simulator has no keep: see KeepsMessages"
        kept = [Written(text=f"missed {n}", event_id=str(2001 + n)) for n in range(5)]
        for written in kept:
            vendor.keep(written)
        await vendor.write(channel, kept[3])  # its webhook came after all
        await bench.accepted(1)
        for _ in range(2):
            await channel.fetch_missed(LONG_AGO)
        got = await bench.accepted(5)
        texts = [message.text for message in got[1:]]
        assert texts == [k.text for k in kept if k is not kept[3]], f"fetched {texts}"
        undated = [message.text for message in got[1:] if message.sent_at is None]
        assert not undated, f"fetched without saying when it was written: {undated}"


async def _is_not_swallowed(bench: Bench, channel: Channel, event_id: str, which: str) -> None:
    """It is taken in, or its vendor is not told so."""
    before = len(bench.inbox.accepted)
    try:
        status = await bench.vendor.write(channel, Written(text="Hello?", event_id=event_id))
    except Exception:
        return  # the host answers 503
    taken = len(bench.inbox.accepted) > before
    assert taken or status >= 300, f"a channel {which} answered {status} and took nothing in"
