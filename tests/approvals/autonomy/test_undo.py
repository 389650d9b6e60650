"""The last change of what goes out alone is taken back, whoever made it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from approvals.autonomy.autonomy import EVERYTHING
from approvals.autonomy.topics import Level
from core.domain import events as ev
from core.domain.events import Decision
from core.errors import AlreadyDecided, BadInput, Forbidden
from core.sdk.testing.clock import ManualClock
from core.storage.client import Database
from tests.approvals.autonomy.test_autonomy import ANN, SUE, Office, wishes


@pytest.fixture
async def office(db: Database, clock: ManualClock) -> Office:
    """Billing has earned its freedom."""
    made = Office(db, clock, wishes(audit_share=1.0))
    for _ in range(60):
        await made.decided(Decision.APPROVE)
    await made.autonomy.accept(SUE, "billing")
    await clock.advance(60)
    return made


async def test_what_was_earned_is_back_after_an_undone_change(office: Office) -> None:
    await office.autonomy.restore(SUE, "billing")
    assert office.autonomy.threshold("billing") == 0.93
    found = office.autonomy.last_change(SUE)
    assert found is not None
    name, change = found
    assert (name, change.level, change.by) == ("billing", Level.BASE, SUE.email)
    with pytest.raises(Forbidden):
        await office.autonomy.undo(ANN, name, change.at)
    await office.clock.advance(60)
    await office.autonomy.undo(SUE, name, change.at)
    assert office.autonomy.threshold("billing") == 0.8
    # What had been known counts again, also after a restart.
    again = office.made()
    await again.start()
    assert again.threshold("billing") == 0.8
    assert again.standing("billing").topic.since is None


async def test_an_undoing_is_undone_and_an_older_change_is_not(office: Office) -> None:
    await office.autonomy.review_all(SUE, EVERYTHING)
    first = office.autonomy.last_change(SUE)
    assert first is not None
    await office.clock.advance(60)
    await office.autonomy.undo(SUE, first[0], first[1].at)
    assert not office.autonomy.is_stopped()
    with pytest.raises(BadInput, match="meanwhile"):
        await office.autonomy.undo(SUE, first[0], first[1].at)
    await office.clock.advance(60)
    second = office.autonomy.last_change(SUE)
    assert second is not None
    await office.autonomy.undo(SUE, second[0], second[1].at)
    assert office.autonomy.is_stopped()


async def test_a_proposal_put_off_by_mistake_is_there_again(office: Office) -> None:
    await office.autonomy.restore(SUE, "billing")
    await office.clock.advance(1)
    for _ in range(60):
        await office.decided(Decision.APPROVE)
    assert office.autonomy.standing("billing").proposal is not None
    await office.autonomy.decline(SUE, "billing")
    assert office.autonomy.standing("billing").proposal is None
    found = office.autonomy.last_change(SUE)
    assert found is not None
    await office.autonomy.undo(SUE, "billing", found[1].at)
    assert office.autonomy.standing("billing").proposal is not None


async def test_a_verdict_given_by_mistake_and_what_it_cost_are_taken_back(office: Office) -> None:
    await office.sent_alone()
    [answer] = await office.autonomy.drawn(SUE)
    await office.autonomy.judge(SUE, answer.id, right=False)
    assert office.autonomy.threshold("billing") == 0.93
    with pytest.raises(AlreadyDecided):
        await office.autonomy.unjudge(replace(SUE, email="joe@example.com"), answer.id)
    await office.autonomy.unjudge(SUE, answer.id)
    assert [one.id for one in await office.autonomy.drawn(SUE)] == [answer.id]
    found = office.autonomy.last_change(SUE)
    assert found is not None
    await office.autonomy.undo(SUE, found[0], found[1].at)
    assert office.autonomy.threshold("billing") == 0.8
    evidence = office.autonomy.standing("billing").evidence
    assert all(e.right for e in evidence)
    await office.autonomy.judge(SUE, answer.id, right=True)
    assert len(office.autonomy.standing("billing").evidence) == len(evidence) + 1


async def test_the_customers_word_outlives_a_verdict_that_is_taken_back(office: Office) -> None:
    talk = await office.sent_alone()
    await office.happened(talk, ev.Rated(score=1))
    [answer] = await office.autonomy.drawn(SUE)
    await office.autonomy.judge(SUE, answer.id, right=True)
    await office.autonomy.unjudge(SUE, answer.id)
    wrong = [e for e in office.autonomy.standing("billing").evidence if not e.right]
    assert [e.id for e in wrong] == [answer.id]
