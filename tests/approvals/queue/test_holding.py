"""Taken over, then silence: the holder is reminded, the customer is told, the assistant helps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from approvals.inbox import service as inbox
from approvals.queue.holding import Holding
from core.domain import events as ev
from core.domain.conversation import Status
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.approvals.office import MINA, Office, build_office
from tests.support.world import running


@pytest.fixture
async def office(db: Database, clock: ManualClock) -> AsyncIterator[Office]:
    """A desk whose drafts may wait ten minutes, by a clock that stands still."""
    built = build_office(db, clock=clock, seconds=600)
    async with running(built.world):
        yield built


def holding(office: Office, *, many_notices: Callable[[str], bool] | None = None) -> Holding:
    """The clock on this desk."""
    return Holding(
        conversations=office.world.conversations,
        waiting=office.inbox.inbox.in_hands_waiting,
        desk=office.desk,
        replies=office.world.replies,
        clock=office.world.clock,
        wake=office.world.worker.wake,
        many_notices=many_notices or office.world.channels.many_notices,
    )


async def test_remind_tell_and_hand_back(office: Office, clock: ManualClock) -> None:
    cid = (await office.waiting()).conversation_id
    await clock.advance(540)
    await office.service.take_over(MINA, cid)  # the clock begins anew
    sweeper = holding(office)
    assert await sweeper.sweep() == 0
    await clock.advance(301)
    assert await sweeper.sweep() == 1
    assert await sweeper.sweep() == 0
    c = await office.world.conversations.peek(cid)
    assert (c.status, c.held_step) == (Status.HUMAN, 1)
    await clock.advance(300)
    assert await sweeper.sweep() == 1
    said = await office.world.said(cid)
    assert "still waiting for a person" in said[-1][1]
    await clock.advance(600)
    assert await sweeper.sweep() == 1
    c = await office.world.conversations.peek(cid)
    assert (c.assignee, c.status is Status.HUMAN) == ("", False)
    await office.world.until(cid, lambda c: bool(c.reviews))
    events = [e for commit in await office.world.conversations.history(cid) for e in commit.events]
    assert [e.step for e in events if isinstance(e, ev.HolderReminded)] == [1, 2]


async def test_an_answer_stops_the_clock_and_a_question_starts_it(
    office: Office, clock: ManualClock
) -> None:
    cid = (await office.waiting()).conversation_id
    await office.service.take_over(MINA, cid)
    sweeper = holding(office)
    await clock.advance(400)
    assert await sweeper.sweep() == 1
    await office.service.reply(MINA, cid, "One moment, I look it up.")
    await clock.advance(6000)
    assert await sweeper.sweep() == 0
    await office.world.write("Thank you!", chat="c1")
    await clock.advance(6000)
    assert await sweeper.sweep() == 0
    await office.world.write("And where is my parcel?", chat="c1")
    await clock.advance(400)
    assert await sweeper.sweep() == 1
    assert (await office.world.conversations.peek(cid)).held_step == 1


async def test_nobody_waits_behind_those_for_whom_nothing_is_to_be_done(
    office: Office, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "WAITING_PAGE", 1)
    thanks = (await office.waiting(chat="c1")).conversation_id
    asks = (await office.waiting(chat="c2")).conversation_id
    elsewhere = (await office.waiting(chat="c3")).conversation_id
    await office.world.conversations.update(elsewhere, lambda _: [ev.TakenOver(by="vendor")])
    for cid in (thanks, asks):
        await office.service.take_over(MINA, cid)
        await office.service.reply(MINA, cid, "Here you are.")
    await office.world.write("Thank you!", chat="c1")
    await clock.advance(1)
    await office.world.write("And where is my parcel?", chat="c2")
    assert await office.inbox.inbox.in_hands_waiting() == [thanks, asks]
    await clock.advance(400)
    assert await holding(office).sweep() == 1
    assert (await office.world.conversations.peek(asks)).held_step == 1


async def test_one_that_cannot_be_handled_keeps_nobody_else_waiting(
    office: Office, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    first = (await office.waiting(chat="c1")).conversation_id
    await clock.advance(1)
    second = (await office.waiting(chat="c2")).conversation_id
    await office.service.take_over(MINA, first)
    await office.service.take_over(MINA, second)
    await clock.advance(601)
    asked: list[str] = []

    def fails_once(channel: str) -> bool:
        asked.append(channel)
        if len(asked) == 1:
            raise RuntimeError("nobody foresaw this")
        return True

    sweeper = holding(office, many_notices=fails_once)
    assert await sweeper.sweep() == 1
    assert first in caplog.text
    states = [await office.world.conversations.peek(cid) for cid in (first, second)]
    assert [c.held_step for c in states] == [0, 2]
    assert await sweeper.sweep() == 1


async def test_who_wants_no_messages_is_told_nothing(office: Office, clock: ManualClock) -> None:
    cid = (await office.waiting()).conversation_id
    await office.service.take_over(MINA, cid)
    await office.service.set_consent(MINA, cid, opted_out=True, reason="On the phone.")
    told = await office.world.said(cid)
    await clock.advance(700)
    assert await holding(office).sweep() == 1
    assert (await office.world.conversations.peek(cid)).held_step == 2
    assert await office.world.said(cid) == told
