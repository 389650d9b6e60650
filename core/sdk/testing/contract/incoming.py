"""Contract tests of inbound messages: verified, stored once, then acknowledged."""

from __future__ import annotations

import asyncio

from core.sdk.channel import HandlesHttp, HttpRequest
from core.sdk.testing.bench import Bench
from core.sdk.testing.checks import Checks, scenario
from core.sdk.testing.vendor import Written, call_webhook


class Incoming(Checks):
    """Messages of customers, and forgeries of them."""

    @scenario
    async def test_what_a_customer_writes_is_accepted(self, bench: Bench) -> None:
        channel = await bench.up()
        text = "Wo ist meine Bestellung? 주문이 어디 있나요? 👩‍👩‍👧 <b>&amp;"
        status = await bench.vendor.write(channel, Written(text=text))
        [message] = await bench.accepted(1)
        assert status < 300, f"the vendor was answered {status}"
        assert message.text == text, f"accepted {message.text!r}"
        assert message.external_id, "the message has no external_id"
        assert message.sender.id, "the message has no sender"
        want = bench.vendor.address("5001")
        assert message.address == want, f"accepted from {message.address}, written from {want}"
        assert message.address.channel == self.channel_id

    @scenario
    async def test_the_same_event_three_times_is_one_message(self, bench: Bench) -> None:
        channel = await bench.up()
        for _ in range(3):
            status = await bench.vendor.write(channel, Written(text="Hello?"))
            assert status < 300, f"a repeat was answered {status}; the vendor would send it again"
        await bench.accepted(1)
        await asyncio.sleep(0.1)
        await bench.accepted(1)

    @scenario
    async def test_a_repeat_after_a_restart_is_still_the_same_message(self, bench: Bench) -> None:
        channel = await bench.up()
        await bench.vendor.write(channel, Written(text="Hello?"))
        await bench.accepted(1)
        await bench.down(channel)
        channel = await bench.up()
        await bench.vendor.write(channel, Written(text="Hello?"))
        await asyncio.sleep(0.2)
        await bench.accepted(1)

    @scenario
    async def test_events_out_of_order_are_all_accepted(self, bench: Bench) -> None:
        channel = await bench.up()
        for event_id in ("1003", "1001", "1002"):
            await bench.vendor.write(channel, Written(text=event_id, event_id=event_id))
        messages = await bench.accepted(3)
        assert len({m.key() for m in messages}) == 3, "two messages share a key"
        assert {m.text for m in messages} == {"1001", "1002", "1003"}

    @scenario
    async def test_two_customers_are_two_conversations(self, bench: Bench) -> None:
        channel = await bench.up()
        await bench.vendor.write(channel, Written(text="a", event_id="1001", customer="5001"))
        await bench.vendor.write(channel, Written(text="b", event_id="1002", customer="5002"))
        first, second = await bench.accepted(2)
        assert first.address.conversation_id() != second.address.conversation_id()

    @scenario
    async def test_many_at_once_are_all_accepted(self, bench: Bench) -> None:
        channel = await bench.up()
        async with asyncio.TaskGroup() as group:
            for n in range(30):
                written = Written(text=f"m{n}", event_id=str(2000 + n), customer=str(6000 + n))
                group.create_task(bench.vendor.write(channel, written))
        messages = await bench.accepted(30, within=15)
        assert {m.text for m in messages} == {f"m{n}" for n in range(30)}

    @scenario
    async def test_a_forged_event_is_refused_and_leaves_nothing(self, bench: Bench) -> None:
        channel = await bench.up()
        status = await bench.vendor.forge(channel, Written(text="I am the vendor"))
        assert status in (401, 403), f"a forged event was answered {status} instead of 403"
        await asyncio.sleep(0.1)
        await bench.accepted(0)

    @scenario
    async def test_garbage_is_refused_and_the_channel_lives_on(self, bench: Bench) -> None:
        channel = await bench.up()
        if isinstance(channel, HandlesHttp):
            for body in (b"", b"{", b"\xff\xfe\x00" * 1000, b"[" * 100_000, b"x" * 3_000_000):
                request = HttpRequest(
                    method="POST", path="", headers={}, query={}, body=body, url=self.public_url
                )
                status = await call_webhook(channel, request)
                assert 400 <= status < 500, f"garbage was answered {status}"
        await bench.accepted(0)
        await bench.vendor.write(channel, Written(text="Still there?"))
        await bench.accepted(1)

    @scenario
    async def test_an_oversized_text_is_whole_or_refused(self, bench: Bench) -> None:
        channel = await bench.up()
        text = "x" * 200_000 + "end"
        status = await bench.vendor.write(channel, Written(text=text))
        await asyncio.sleep(0.2)
        for message in bench.inbox.accepted:
            assert message.text == text, "a long text was cut on its way in"
        assert bench.inbox.accepted or status >= 400, "a long text was swallowed"
        bench.inbox.accepted.clear()
        await bench.vendor.write(channel, Written(text="short", event_id="1002"))
        await bench.accepted(1)

    @scenario
    async def test_unknown_fields_do_no_harm(self, bench: Bench) -> None:
        channel = await bench.up()
        await bench.vendor.write(channel, Written(text="Hello", unknown_fields=True))
        [message] = await bench.accepted(1)
        assert message.text == "Hello"

    @scenario
    async def test_while_the_store_is_down_the_vendor_keeps_the_event(self, bench: Bench) -> None:
        channel = await bench.up()
        bench.inbox.down = True
        status = await bench.vendor.write(channel, Written(text="Hello?"))
        assert status >= 500, f"the vendor was answered {status} although nothing was stored"
        bench.inbox.down = False
        await bench.vendor.write(channel, Written(text="Hello?"))
        await bench.accepted(1)

    @scenario
    async def test_the_vendor_is_answered_only_after_storing(self, bench: Bench) -> None:
        channel = await bench.up()
        bench.inbox.delay = 0.3
        await bench.vendor.write(channel, Written(text="Hello?"))
        assert bench.inbox.accepted, "the vendor was answered before the message was stored"
