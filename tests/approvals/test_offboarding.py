"""A colleague who is removed holds nothing any more."""

from __future__ import annotations

from approvals.offboarding import let_go
from core.domain.conversation import Status
from tests.approvals.office import JOON, MINA, Office


async def test_claims_and_conversations_are_let_go(office: Office) -> None:
    claimed = await office.waiting(chat="c1")
    colleagues = await office.waiting(chat="c2")
    taken = await office.waiting(chat="c3")
    await office.service.claim(MINA, claimed.id)
    await office.service.claim(JOON, colleagues.id)
    await office.service.take_over(MINA, taken.conversation_id)
    await let_go(office.service, MINA)
    await let_go(office.service, MINA)
    assert (await office.service.get(JOON, claimed.id)).claimed_by == ""
    assert (await office.service.get(JOON, colleagues.id)).claimed_by == JOON.email
    # What nobody answered in his hands is taken up again.
    state = await office.world.until(taken.conversation_id, lambda c: c.review is not None)
    assert (state.status, state.assignee) == (Status.REVIEW, "")
