"""What a customer sees while an answer is being written: a sign, then the growing text."""

from __future__ import annotations

import asyncio

from core.clock import SystemClock
from core.domain.conversation import Conversation
from core.domain.events import Commit
from core.engine.bus import LocalBus
from core.engine.ports import Signal
from core.engine.processing.live_preview import TYPING_AFTER, LivePreview

HERE = "c1"


def sign() -> Signal:
    return Signal(conversation_id=HERE, kind="typing", text="ai")


def delta(text: str) -> Signal:
    return Signal(conversation_id=HERE, kind="delta", text=text)


async def test_the_sign_of_an_answer_comes_before_its_first_words_and_once() -> None:
    seen: list[Signal] = []
    showing = LivePreview(Conversation(id=HERE), None, signal=seen.append, clock=SystemClock())
    showing.on_delta("Open ")
    showing.on_delta("Settings")
    await asyncio.sleep(TYPING_AFTER * 2)
    showing.on_delta(".")
    await showing.stop()
    assert seen == [sign(), delta("Open "), delta("Settings"), delta(".")]


async def test_an_answer_that_is_there_soon_needs_no_sign() -> None:
    seen: list[Signal] = []
    showing = LivePreview(Conversation(id=HERE), None, signal=seen.append, clock=SystemClock())
    await showing.stop()
    await asyncio.sleep(TYPING_AFTER * 2)
    assert seen == []


async def test_whoever_comes_late_gets_the_beginning_of_the_growing_answer() -> None:
    bus = LocalBus()
    for signal in (sign(), delta("Open "), delta("Settings")):
        bus.publish(signal)
    async with bus.listen(HERE) as late:
        bus.publish(delta("."))
        got = [await anext(late) for _ in range(3)]
    assert got == [sign(), delta("Open Settings"), delta(".")]


async def test_what_is_said_or_begun_anew_is_not_shown_again() -> None:
    bus = LocalBus()
    bus.publish(delta("Old"))
    bus.publish(sign())
    bus.publish(delta("New"))
    async with bus.listen(HERE) as late:
        assert [await anext(late) for _ in range(2)] == [sign(), delta("New")]
    bus.publish(Commit(conversation_id=HERE, base=1, at=SystemClock().now()))
    async with bus.listen(HERE) as late, bus.listen(None):
        bus.publish(delta("next"))
        assert await anext(late) == delta("next")
