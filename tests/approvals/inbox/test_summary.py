"""Whoever comes to a conversation reads what has happened, word for word from the log."""

from __future__ import annotations

from approvals.inbox.summary import Summary, summary_of
from core.domain.events import Decision
from tests.approvals.office import JOON, MINA, Office


async def summary(office: Office, cid: str) -> Summary:
    """As the page has it."""
    commits = await office.world.conversations.history(cid)
    return summary_of(commits, await office.world.conversations.peek(cid))


async def test_what_a_colleague_is_handed(office: Office) -> None:
    approval = await office.waiting(text="My parcel is  late")
    cid = approval.conversation_id
    await office.decide(approval, Decision.APPROVE)
    await office.world.write("It is still not here", chat="c1")
    await office.world.until(cid, lambda c: bool(c.reviews))
    await office.service.transfer(MINA, cid, to=JOON.email, note="They called, too.")
    found = await summary(office, cid)
    assert found.asked == "My parcel is late"
    assert (found.messages, found.given_by, found.is_new) == (2, MINA.email, True)
    assert found.open == ["It is still not here"]
    assert found.notes == [(MINA.email, "They called, too.")]
    assert found.says_something
    await office.service.reply(JOON, cid, "I look for it.")
    found = await summary(office, cid)
    assert (found.people[-1], found.is_new, found.open) == (JOON.email, False, [])


async def test_what_was_closed_is_no_part_of_it(office: Office) -> None:
    cid = (await office.waiting(text="One matter")).conversation_id
    await office.service.note(MINA, cid, "About the first matter")
    await office.service.resolve(MINA, cid)
    await office.world.write("Another matter", chat="c1")
    found = await summary(office, cid)
    assert (found.asked, found.messages, found.notes) == ("Another matter", 1, [])
    assert not found.says_something
