"""What one process learns, or a supervisor decides at it, all of them go by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from approvals.autonomy.autonomy import Autonomy
from approvals.autonomy.topics import Level
from core.domain.events import Decision
from core.runtime import tasks
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.approvals.autonomy.test_autonomy import SEEN, SUE, TALK, Office, draft, wishes

SECONDS = 60.0  #: for anything, on a machine that does much else


@pytest.fixture
def office(db: Database, clock: ManualClock) -> Office:
    made = Office(db, clock, wishes())
    made.autonomy = made.made(shared=True)
    return made


@asynccontextmanager
async def following(*all_of_them: Autonomy) -> AsyncIterator[None]:
    for one in all_of_them:
        await one.start()
    running = [asyncio.create_task(one.follow()) for one in all_of_them]
    try:
        yield
    finally:
        await tasks.end(*running)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not is_so():
            await asyncio.sleep(0.01)


async def test_what_is_decided_at_one_counts_at_the_other(office: Office) -> None:
    one, two = office.autonomy, office.made(shared=True)
    async with following(one, two):
        for _ in range(59):
            await office.decided(Decision.APPROVE)
        await until(lambda: two.standing("billing").proposal is not None)
        assert two.standing("billing").evidence == one.standing("billing").evidence
        await two.accept(SUE, "billing")
        await until(lambda: one.would_send(draft(0.85)))
        # "Review everything", said at one web, holds for the drafts of every worker.
        await two.review_all(SUE, "billing")
        await until(lambda: one.rules(TALK, draft(0.99)).review_all)
        # A document that changes takes the evidence away everywhere.
        await two.articles_replaced(["doc"])
        await until(lambda: not one.standing("billing").evidence)


async def test_of_two_moves_at_once_both_are_kept(office: Office) -> None:
    one, two = office.autonomy, office.made(shared=True)
    await one.start()
    await two.start()
    await asyncio.gather(one.review_all(SUE, "billing"), two.restore(SUE, "billing"))
    third = office.made(shared=True)
    await third.start()
    topic = third.standing("billing").topic
    assert {change.level for change in topic.history} == {Level.REVIEW, Level.BASE}
    assert topic.rev == 2
    assert topic.level is topic.history[-1].level


async def test_one_makes_the_fit_and_all_go_by_it(office: Office) -> None:
    one, two = office.autonomy, office.made(shared=True)
    async with following(one, two):
        refitting = asyncio.create_task(one.refit())
        for _ in range(60):
            # The shipped confidence is sure of these, and all of them are wrong.
            await office.decided(Decision.REJECT, signals=SEEN)
        async with asyncio.timeout(SECONDS):
            while not one._tempering._confidence.kinds:
                await office.clock.advance(1)
                await asyncio.sleep(0.01)
        ours, theirs = one._tempering._confidence, two._tempering._confidence
        await until(lambda: theirs.kinds == ours.kinds)
        await tasks.end(refitting)
        await until(lambda: theirs.score(SEEN) == ours.score(SEEN))
        assert ours.score(SEEN) < ours.prior.score(SEEN)
    # Who starts later has it at once.
    three = office.made(shared=True)
    await three.start()
    assert three._tempering._confidence.score(SEEN) == ours.score(SEEN)
