"""Buckets let a burst through, then keep the pace, and obey a vendor's pause."""

from __future__ import annotations

import pytest

from core.errors import DeliveryDeferred
from core.sdk.rate_limit import Pace, Pacer
from tests.support.clocks import JumpingClock

CHAT = Pace(burst=2, per_second=1)


async def test_a_burst_passes_and_then_the_pace_is_kept() -> None:
    clock = JumpingClock()
    pacer = Pacer(clock)
    for _ in range(5):
        await pacer.wait(("chat", CHAT), ("bot", Pace(burst=30, per_second=30)))
    assert clock.monotonic() == pytest.approx(3.0)


async def test_a_long_wait_is_the_outboxes_business() -> None:
    pacer = Pacer(JumpingClock(), patience=1)
    pacer.close("bot", 30)
    with pytest.raises(DeliveryDeferred) as caught:
        await pacer.wait(("bot", CHAT), parts_done=3)
    assert caught.value.retry_after == pytest.approx(30)
    assert caught.value.parts_done == 3


async def test_a_pause_ends() -> None:
    clock = JumpingClock()
    pacer = Pacer(clock)
    pacer.close("bot", 3)
    await pacer.wait(("bot", CHAT))
    assert clock.monotonic() == pytest.approx(3.0)
    assert pacer.room("bot", CHAT)
