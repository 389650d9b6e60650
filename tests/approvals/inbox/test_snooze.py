"""What is put aside leaves the work, and comes back: by its time, the customer, or a colleague."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from approvals.inbox.acts import Bulk
from approvals.inbox.notifications import Kind
from approvals.inbox.rows import OPEN_END, Wanted, row_from
from approvals.inbox.service import Asked
from core.domain import events as ev
from core.domain.conversation import Conversation, Status
from core.domain.events import Decision
from core.domain.fold import fold_commit
from core.errors import BadInput, NotYours
from tests.approvals.conftest import Opens
from tests.approvals.office import JOON, MINA, Office

HOUR = timedelta(hours=1)


async def listed(office: Office, **wanted: object) -> list[str]:
    """What Mina sees."""
    asked = Asked(wanted=Wanted(**wanted))  # type: ignore[arg-type]
    return [i.row.id for i in (await office.inbox.inbox.find(MINA, asked)).items]


async def snoozed(office: Office, *, hours: int | None = 1) -> str:
    """A conversation that Mina has put aside."""
    cid = (await office.waiting()).conversation_id
    until = None if hours is None else office.world.clock.now() + hours * HOUR
    await office.acts.snooze(MINA, cid, until=until)
    return cid


async def test_it_leaves_the_work_and_comes_back_by_its_time(office: Office) -> None:
    cid = await snoozed(office)
    assert await listed(office, waiting=True, snoozed=False) == []
    assert await listed(office, snoozed=True) == [cid]
    now = office.world.clock.now()
    assert await office.inbox.snoozed.sweep(now + HOUR / 2) == 0
    assert await office.inbox.snoozed.sweep(now + 2 * HOUR) == 1
    assert await office.inbox.snoozed.sweep(now + 2 * HOUR) == 0
    assert await listed(office, waiting=True, snoozed=False) == [cid]
    [item] = (await office.inbox.inbox.find(MINA, Asked())).items
    assert item.news
    [news] = await office.inbox.notifications.unseen(MINA)
    assert (news.kind, news.c) == (Kind.BACK, cid)
    await office.inbox.inbox.saw(MINA, item.state)
    assert not await office.inbox.notifications.unseen(MINA)


async def test_it_comes_back_after_a_restart(open_office: Opens) -> None:
    office = await open_office()
    cid = await snoozed(office)
    office = await open_office()
    assert await listed(office, snoozed=True) == [cid]
    now = office.world.clock.now()
    assert await office.inbox.snoozed.sweep(now + 2 * HOUR) == 1
    c = await office.world.conversations.peek(cid)
    assert (c.snoozed_by, c.status) == ("", Status.REVIEW)


@pytest.mark.parametrize("hours", [1, None])
async def test_the_customer_brings_it_back_at_once(office: Office, hours: int | None) -> None:
    cid = await snoozed(office, hours=hours)
    [item] = (await office.inbox.inbox.find(MINA, Asked())).items
    assert (item.row.snoozed == OPEN_END) is (hours is None)
    await office.world.write("Are you there?", chat="c1")
    assert not (await office.world.conversations.peek(cid)).snoozed_by
    assert await listed(office, snoozed=True) == []
    assert await office.inbox.snoozed.sweep(office.world.clock.now() + 2 * HOUR) == 0


def test_what_wants_no_answer_leaves_it_aside() -> None:
    aside = Conversation(id="c1", seq=1, snoozed_by=MINA.email)

    def after(event: ev.Event) -> Conversation:
        at = datetime(2026, 12, 1, tzinfo=UTC)
        return fold_commit(aside, ev.Commit(conversation_id="c1", base=2, at=at, events=(event,)))

    assert after(ev.Received(text="/help", silent=True)).snoozed_by == MINA.email
    assert not after(ev.Received(text="Hello?")).snoozed_by


async def test_a_second_press_changes_nothing_and_another_time_does(office: Office) -> None:
    cid = await snoozed(office)
    c = await office.world.conversations.peek(cid)
    await office.acts.snooze(JOON, cid, until=c.snoozed_until)
    assert (await office.world.conversations.peek(cid)).seq == c.seq
    await office.acts.snooze(JOON, cid, until=None)
    c = await office.world.conversations.peek(cid)
    assert (c.snoozed_by, c.snoozed_until) == (JOON.email, None)
    await office.acts.wake(MINA, cid)
    seq = (await office.world.conversations.peek(cid)).seq
    await office.acts.wake(MINA, cid)
    assert (await office.world.conversations.peek(cid)).seq == seq


async def test_who_may_and_until_when(office: Office) -> None:
    cid = (await office.waiting()).conversation_id
    now = office.world.clock.now()
    beyond = [datetime.max.replace(tzinfo=timezone(-14 * HOUR)),
              datetime.min.replace(tzinfo=timezone(14 * HOUR))]  # fmt: skip
    for until in (now - HOUR, now + timedelta(days=400), *beyond):
        with pytest.raises(BadInput):
            await office.acts.snooze(MINA, cid, until=until)
    await office.service.take_over(JOON, cid)
    with pytest.raises(NotYours):
        await office.acts.snooze(MINA, cid, until=None)
    await office.acts.snooze(JOON, cid, until=None)
    await office.service.resolve(JOON, cid)
    assert not (await office.world.conversations.peek(cid)).snoozed_by
    with pytest.raises(BadInput, match="closed"):
        await office.acts.snooze(JOON, cid, until=None)


async def test_its_draft_stays_in_the_queue(office: Office) -> None:
    approval = await office.waiting()
    await office.acts.snooze(MINA, approval.conversation_id, until=None)
    assert [a.id for a in (await office.service.pending(MINA)).items] == [approval.id]
    await office.decide(approval, Decision.APPROVE)
    c = await office.world.conversations.peek(approval.conversation_id)
    assert c.snoozed_by == MINA.email


async def test_many_at_once(office: Office) -> None:
    ids = [(await office.waiting(chat=f"c{n}")).conversation_id for n in range(3)]
    await office.service.take_over(JOON, ids[0])
    until = office.world.clock.now() + HOUR
    done = await office.acts.bulk(MINA, ids, Bulk.SNOOZE, until=until)
    assert (sorted(done.done), list(done.refused)) == (sorted(ids[1:]), ids[:1])
    done = await office.acts.bulk(MINA, ids[1:], Bulk.WAKE)
    assert sorted(done.done) == sorted(ids[1:])
    assert await listed(office, snoozed=True) == []
    done = await office.acts.bulk(MINA, ids, Bulk.NOTE, text="See the incident.")
    assert len(done.done) == 3
    with pytest.raises(BadInput):
        await office.acts.bulk(MINA, ids, Bulk.NOTE, text=" ")


def test_a_row_of_before_is_read() -> None:
    old = ["c1", 3, 10, 5, 2, "review", "", "web", "en", "t", ["vip"]]
    row = row_from(old)
    assert (row.snoozed, row.tags) == (0, ("vip",))
    assert row_from([*old, 7]).snoozed == 7
