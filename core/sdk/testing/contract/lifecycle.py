"""Contract tests of a channel's lifecycle: starting, stopping, leaving nothing behind."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from core.errors import ChannelAuthFailed, ChannelError, ChannelNotReady
from core.sdk.testing.bench import Bench, loop_turns
from core.sdk.testing.checks import Checks, scenario
from core.sdk.testing.vendor import Fault, Written


class Lifecycle(Checks):
    """Starting, stopping, and errors that need an admin."""

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
            assert bench.count(f"answer {n}") == 1
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
