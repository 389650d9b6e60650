"""The promises of a channel as tests: subclass `ChannelContract`, give it your vendor, run it.

    class TestAcme(ChannelContract):
        plugin = acme.plugin
        channel_id = "acme"

        def vendor(self) -> VendorSimulator:
            return AcmeServer()

Runs under pytest and under `bot.py plugins test`, each test on a loop of its own. A test that
cannot apply to a medium is named in `exempt` with the reason, which the sheet shows.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import tempfile
import time
import unittest
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Self

from core.channel import (
    HandlesHttp,
    HttpRequest,
    Reconciles,
    ReportsReceipts,
    ShowsTyping,
    Streams,
)
from core.errors import (
    ChannelAuthFailed,
    ChannelError,
    ChannelNotReady,
    DeliveryDeferred,
    DeliveryFailed,
    DeliveryUnknown,
)
from core.messages import DeliveryState
from core.plugin import ChannelPlugin
from core.testing.bench import Bench, Heard, loop_turns
from core.testing.vendor import Fault, VendorSimulator, Written, call_webhook

TEST_SECONDS = 120.0

NEVER_EXEMPT = frozenset(
    {
        "test_what_a_customer_writes_is_accepted",
        "test_the_same_event_three_times_is_one_message",
        "test_an_answer_arrives",
        "test_stopping_is_safe_at_any_time",
        "test_no_task_is_left_behind",
    }
)

Scenario = Callable[["ChannelContract", "Bench"], Awaitable[None]]


def scenario(check: Scenario) -> Callable[[ChannelContract], None]:
    """Makes a plain test of an asynchronous one: own loop, time limit, nothing left behind."""

    @functools.wraps(check)
    def test(self: ChannelContract) -> None:
        reason = type(self).exempt.get(check.__name__)
        if reason:
            raise unittest.SkipTest(reason)
        asyncio.run(_within_limits(self, check))

    # pytest asks the wrapped function for its arguments and would look for fixtures.
    del test.__wrapped__
    return test


async def _within_limits(contract: ChannelContract, check: Scenario) -> None:
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        vendor = contract.vendor()
        await vendor.start()
        bench = Bench(
            contract.plugin,
            vendor,
            channel_id=contract.channel_id,
            public_url=contract.public_url,
            folder=Path(folder),
        )
        try:
            async with asyncio.timeout(TEST_SECONDS):
                await check(contract, bench)
        except TimeoutError as error:
            raise AssertionError(f"It took longer than it may: {error or 'time limit'}.") from error
        finally:
            await bench.close()


class ChannelContract:
    """All the promises of `core.channel.Channel`; see the module for how to use it."""

    plugin: ClassVar[ChannelPlugin[Any]]
    channel_id: ClassVar[str]
    public_url: ClassVar[str] = "https://desk.example"
    exempt: ClassVar[Mapping[str, str]] = {}  #: test name to the reason why it cannot apply

    def vendor(self) -> VendorSimulator:
        """A new simulator of the vendor."""
        raise NotImplementedError

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        names = tests_of(ChannelContract)
        for name in names:
            if any(name in vars(c) for c in cls.__mro__ if c not in ChannelContract.__mro__):
                raise TypeError(f"{cls.__name__} replaces {name}; name it in `exempt` instead.")
        for name, reason in cls.exempt.items():
            if name not in names:
                raise TypeError(f"{cls.__name__}.exempt names {name}, and there is no such test.")
            if name in NEVER_EXEMPT:
                raise TypeError(
                    f"{cls.__name__}.exempt names {name}; every channel has to pass it."
                )
            if len(reason) < 10:
                raise TypeError(f"{cls.__name__}.exempt gives no reason for {name}.")

    # What comes in.

    @scenario
    async def test_what_a_customer_writes_is_accepted(self: Self, bench: Bench) -> None:
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

    # What goes out.

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
        parts = len(bench.vendor.arrived())
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
        assert _count(bench, "once") == 1, f"it arrived {_count(bench, 'once')} times"

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
        assert _count(bench, "once") == 1, f"it arrived {_count(bench, 'once')} times"

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
        assert _count(bench, "once") == 1, f"it arrived {_count(bench, 'once')} times"

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
        assert _count(bench, "once") == 1, f"it arrived {_count(bench, 'once')} times"
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
        assert _count(bench, "never") == 0
        await bench.send_stubbornly(channel, bench.message("next", message_id="c1.8"))
        assert _count(bench, "next") == 1

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
        assert _count(bench, "slow") == 1

    # Life.

    @scenario
    async def test_wrong_credentials_ask_the_admin(self, bench: Bench) -> None:
        try:
            channel = await bench.up(bench.vendor.wrong_settings())
            await bench.send(channel, bench.message("Hello"))
            raise AssertionError("Wrong credentials raise no ChannelAuthFailed.")
        except ChannelAuthFailed as error:
            reason = error.detail
        assert reason, "there is no reason an admin could read"

    @scenario
    async def test_withdrawn_credentials_ask_the_admin(self, bench: Bench) -> None:
        channel = await bench.up()
        bench.vendor.fail(Fault.UNAUTHORIZED, times=3)
        try:
            await bench.send(channel, bench.message("Hello"))
        except ChannelAuthFailed:
            return
        raise AssertionError("Withdrawn credentials raise no ChannelAuthFailed.")

    @scenario
    async def test_a_vendor_that_is_down_at_the_start_is_not_an_admins_matter(
        self, bench: Bench
    ) -> None:
        settings = bench.vendor.settings()
        await bench.vendor.stop()
        channel = bench.make(settings)
        with suppress(ChannelNotReady):
            # A channel that only gets called may well start; no other error may come.
            await bench.start(channel)
        await bench.down(channel)
        await bench.vendor.start()
        channel = await bench.up(settings)
        await bench.send(channel, bench.message("back"))

    @scenario
    async def test_stopping_is_safe_at_any_time(self, bench: Bench) -> None:
        never_started = bench.make()
        await bench.down(never_started)
        failed = bench.make(bench.vendor.wrong_settings())
        with suppress(ChannelError):
            await bench.start(failed)
        await bench.down(failed)
        await bench.down(failed)
        channel = await bench.up()
        await bench.down(channel)
        await bench.down(channel)

    @scenario
    async def test_stopping_during_the_start_is_safe(self, bench: Bench) -> None:
        for turns in (0, 1, 2, 5, 20):
            channel = bench.make()
            starting = asyncio.create_task(channel.start(bench.inbox.receive))
            for _ in range(turns):
                await asyncio.sleep(0)
            starting.cancel()
            with suppress(asyncio.CancelledError, ChannelError):
                await starting
            await bench.down(channel)
        channel = await bench.up()
        await bench.vendor.write(channel, Written(text="Hello"))
        await bench.accepted(1)

    @scenario
    async def test_off_and_on_again(self, bench: Bench) -> None:
        for n in range(3):
            channel = await bench.up()
            await bench.vendor.write(channel, Written(text=f"{n}", event_id=str(1001 + n)))
            await bench.accepted(n + 1)
            await bench.send(channel, bench.message(f"answer {n}", message_id=f"c1.{n}"))
            assert _count(bench, f"answer {n}") == 1
            await bench.down(channel)

    @scenario
    async def test_no_task_is_left_behind(self, bench: Bench) -> None:
        await bench.vendor.stop()
        before = asyncio.all_tasks()
        await bench.vendor.start()
        channel = await bench.up()
        await bench.vendor.write(channel, Written(text="Hello"))
        await bench.accepted(1)
        await bench.send(channel, bench.message("Hello yourself"))
        await bench.down(channel)
        # The simulator's own tasks end with it; what then remains is the channel's.
        await bench.vendor.stop()
        await asyncio.sleep(0.2)
        left = asyncio.all_tasks() - before
        assert not left, f"left behind: {left}"

    @scenario
    async def test_the_loop_is_never_blocked(self, bench: Bench) -> None:
        async with loop_turns():
            channel = await bench.up()
            await bench.vendor.write(channel, Written(text="Hello"))
            await bench.accepted(1)
            await bench.send(channel, bench.message("Hello yourself"))
            await bench.down(channel)

    # What it says of itself.

    @scenario
    async def test_it_can_do_what_it_says(self, bench: Bench) -> None:
        channel = await bench.up()
        can = channel.capabilities
        assert can.text_limit > 0, "text_limit says nothing"
        # Where customers fetch from us, the core itself shows who is typing and what grows.
        for says, does, what in (
            ()
            if can.pulls
            else (
                (can.typing, isinstance(channel, ShowsTyping), "typing"),
                (can.streaming, isinstance(channel, Streams), "stream"),
                (can.receipts, isinstance(channel, ReportsReceipts), "on_receipt"),
            )
        ):
            assert says == does, f"capabilities and the method {what!r} contradict each other"
        if isinstance(channel, ShowsTyping):
            await channel.typing(bench.vendor.address("5001"))

    @scenario
    async def test_its_secrets_are_secret(self, bench: Bench) -> None:
        schema = self.plugin.settings.model_json_schema()
        shown = repr(self.plugin.settings.model_validate(dict(bench.vendor.settings())))
        for name, value in bench.vendor.settings().items():
            sounds_secret = any(w in name.lower() for w in ("token", "secret", "password", "key"))
            if sounds_secret and isinstance(value, str) and len(value) >= 6:
                assert name in schema.get("properties", {}), f"{name} is no setting"
                assert value not in shown, f"{name} is not a SecretStr"

    @scenario
    async def test_logs_carry_neither_secrets_nor_what_customers_wrote(self, bench: Bench) -> None:
        log = Heard()
        root = logging.getLogger()
        level = root.level
        root.addHandler(log)
        root.setLevel(logging.INFO)
        try:
            channel = await bench.up()
            await bench.vendor.write(channel, Written(text="my secret illness"))
            await bench.accepted(1)
            await bench.send(channel, bench.message("our secret answer"))
            await bench.down(channel)
        finally:
            root.removeHandler(log)
            root.setLevel(level)
        said = "\n".join(log.lines)
        assert "my secret illness" not in said, "a customer's words are in the log"
        assert "our secret answer" not in said, "an answer's words are in the log"
        for name, value in bench.vendor.settings().items():
            if any(w in name.lower() for w in ("token", "secret", "password")):
                assert str(value) not in said, f"the setting {name} is in the log"


def tests_of(contract: type[ChannelContract]) -> Sequence[str]:
    """The names of its tests, in the order they are written."""
    names = [name for owner in reversed(contract.__mro__) for name in vars(owner)]
    tests = (n for n in names if n.startswith("test_") and callable(getattr(contract, n)))
    return list(dict.fromkeys(tests))


def _count(bench: Bench, text: str) -> int:
    return sum(text in part.text for part in bench.vendor.arrived())


def _words(text: str) -> list[str]:
    return [word for word in text.split() if len(word) == 6 and word[0] == "w"]


def _first_difference(arrived: Sequence[str], words: Sequence[str]) -> str:
    for n, (got, want) in enumerate(zip(arrived, words, strict=False)):
        if got != want:
            return f"word {n} is {got} instead of {want}"
    return f"{len(arrived)} of {len(words)} words arrived"
