"""A model's own time beside the customer's three seconds, and what ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from core.domain.conversation import Conversation, Status, Unanswered
from core.domain.drafts import Draft, Question, Reason
from core.domain.events import PersonRequested
from core.domain.policy import may_go_alone
from core.engine.ports import OnDelta, Signal
from core.engine.processing import live_preview, pipeline
from core.engine.processing.live_preview import LivePreview
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.support.world import World, build, running, sure, unsure

MODEL_SECONDS = 30.0


@pytest.fixture
async def world(db: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A core whose model may take half a minute, and whose customers wait half a second."""
    monkeypatch.setattr(pipeline, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(pipeline, "LEAST_SECONDS", 0.3)
    async with running(build(db, writing_seconds=MODEL_SECONDS)) as started:
        yield started


def slow(world: World, *, seconds: float, draft: Draft) -> None:
    async def answer(question: Question) -> Draft:
        await asyncio.sleep(seconds)
        return draft

    world.responder.answer = answer


async def test_an_answer_of_a_slow_model_goes_out_when_it_is_there(world: World) -> None:
    slow(world, seconds=1.5, draft=sure())
    c = await world.write("How do I reset my password, please?")
    await world.until(c, lambda state: not state.unanswered, seconds=10)
    assert [author for author, _ in await world.said(c)] == ["ai"]
    [question] = world.responder.asked
    assert question.seconds is not None
    assert question.seconds <= 0.5
    assert not question.for_person


async def test_who_asks_for_a_person_waits_for_no_model(world: World) -> None:
    slow(world, seconds=0.0, draft=unsure())
    c = await world.write("I want to talk to a human, not to a robot.")
    await world.until(c, lambda state: state.review is not None)
    assert world.responder.asked[0].for_person


async def test_a_button_pressed_meanwhile_is_heard_at_once(world: World) -> None:
    slow(world, seconds=20.0, draft=sure())
    c = await world.write("How do I reset my password, please?")
    while not world.responder.asked:
        await asyncio.sleep(0.01)
    slow(world, seconds=0.0, draft=unsure())
    began = time.monotonic()
    await world.append(c, PersonRequested())
    await world.until(c, lambda state: state.review is not None)
    assert time.monotonic() - began < 3.0
    assert [author for author, _ in await world.said(c)] == ["system"]
    assert [question.for_person for question in world.responder.asked] == [False, True]


async def test_what_waits_for_a_person_in_any_case_is_never_shown_growing(world: World) -> None:
    shown: list[OnDelta | None] = []

    async def draft(question: Question, *, on_delta: OnDelta | None = None) -> Draft:
        shown.append(on_delta)
        return sure()

    world.responder.draft = draft  # type: ignore[method-assign]
    c = await world.write("I want to talk to a human, not to a robot.")
    await world.until(c, lambda state: state.status is Status.REVIEW)
    assert shown == [None]


async def test_a_responder_that_hangs_is_given_up_in_the_end(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "ANSWER_SECONDS", 0.5)
    async with running(build(db, writing_seconds=1.0)) as world:
        slow(world, seconds=60.0, draft=sure())
        c = await world.write("How do I reset my password, please?")
        began = time.monotonic()
        state = await world.until(c, lambda state: state.review is not None, seconds=10)
        assert 1.0 < time.monotonic() - began < 5.0
        assert state.review is not None
        assert Reason.OUT_OF_TIME in state.review.reasons


def test_after_a_restart_there_is_no_haste() -> None:
    assert pipeline._budget(0.0) == pipeline.ANSWER_SECONDS
    assert pipeline._budget(2.7) == pipeline.LEAST_SECONDS
    assert pipeline._budget(60.0) == pipeline.ANSWER_SECONDS


def test_no_draft_at_all_may_go_alone_where_a_person_looks_anyway(clock: ManualClock) -> None:
    waiting = Unanswered(seq=1, text="?", at=clock.now())
    plain = Conversation(id="c", unanswered=(waiting,))
    assert may_go_alone(plain, max_turns=6)
    file = Unanswered(seq=1, text="?", at=clock.now(), has_attachment=True)
    for held in (
        Conversation(id="c", person_requested=True),
        Conversation(id="c", hint="shorter"),
        Conversation(id="c", turns=6),
        Conversation(id="c", unanswered=(file,)),
    ):
        assert not may_go_alone(held, max_turns=6)


async def test_the_sign_is_kept_alive_until_the_text_grows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live_preview, "TYPING_AFTER", 0.02)
    monkeypatch.setattr(live_preview, "TYPING_EVERY", 0.05)
    seen: list[Signal] = []
    at_work = LivePreview(Conversation(id="c"), None, signal=seen.append, clock=ManualClock())
    await asyncio.sleep(0.3)
    signs = len(seen)
    assert signs >= 3
    assert {(signal.kind, signal.text) for signal in seen} == {("typing", "ai")}
    at_work.on_delta("Open ")
    await asyncio.sleep(0.2)
    assert [signal.kind for signal in seen[signs:]] == ["delta"], "a sign would begin it anew"
    await at_work.stop()
    await asyncio.sleep(0.1)
    assert len(seen) == signs + 1
