"""Typing is shown for as long as it is true, and an album is waited for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.domain.conversation import Conversation, Unanswered
from core.domain.messages import Address
from core.domain.policy import burst_ends_at
from core.engine.processing.live_preview import LivePreview
from core.sdk.testing.builders import an_address
from core.sdk.testing.clock import ManualClock
from tests.support.world import VendorChannel


class Typing(VendorChannel):
    """Remembers when it was asked to show typing."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self.clock = clock
        self.shown: list[float] = []

    async def typing(self, address: Address) -> None:
        self.shown.append(self.clock.monotonic())


async def test_typing_is_shown_again_before_five_seconds_are_over() -> None:
    clock = ManualClock()
    channel = Typing(clock)
    conversation = Conversation(id="c1", address=an_address())
    showing = LivePreview(conversation, channel, signal=lambda _: None, clock=clock)
    await asyncio.sleep(0)
    for _ in range(26):
        await clock.advance(0.5)
    await showing.stop()
    assert len(channel.shown) >= 3
    pairs = zip(channel.shown, channel.shown[1:], strict=False)
    assert all(later - earlier < 5.0 for earlier, later in pairs)


class Losing(VendorChannel):
    """Loses its first cancellation, as `asyncio.wait_for` of Python 3.11 may."""

    lost = False

    async def typing(self, address: Address) -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if self.lost:
                    raise
                self.lost = True


async def test_an_answer_waits_for_no_preview_that_loses_its_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.engine.processing.live_preview.AGAIN_SECONDS", 0.05)
    clock, channel = ManualClock(), Losing()
    conversation = Conversation(id="c1", address=an_address())
    showing = LivePreview(conversation, channel, signal=lambda _: None, clock=clock)
    await asyncio.sleep(0)
    await clock.advance(1.0)
    async with asyncio.timeout(10):
        await showing.stop()
    assert channel.lost


def test_an_album_waits_for_its_other_pictures() -> None:
    at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    picture = Unanswered(
        seq=2, text="Is this the right size?", at=at, group_id="album", has_attachment=True
    )
    waits = burst_ends_at(Conversation(id="c1", unanswered=(picture,)))
    assert waits is not None
    assert waits - at >= timedelta(seconds=0.5)
