"""Drafts go to people in turn: by presence, room, topic and language; off by default."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from approvals.inbox.assignment import Rule, Rules, SettingsChanged
from approvals.inbox.notifications import Kind
from approvals.inbox.rows import Wanted
from approvals.inbox.service import Asked
from core.accounts.roles import Role, User
from core.domain.conversation import Status
from core.domain.events import Decision
from core.errors import BadInput, Forbidden
from tests.approvals.conftest import Opens
from tests.approvals.office import JOON, MINA, SARA, Office
from tests.support.world import unsure

ADMIN = User(id="u9", email="admin@example.com", role=Role.ADMIN)


async def switched_on(office: Office, *here: User, **rules: object) -> Rules:
    """Assignment is on, and these people have their console open."""
    for user in here:
        await office.inbox.presence.saw(user, locale="en")
    return await office.inbox.rules.save(ADMIN, Rules(on=True, **rules))  # type: ignore[arg-type]


async def assigned(office: Office, cid: str) -> str:
    """Whose it is to look at."""
    return (await office.world.conversations.peek(cid)).assigned


async def test_it_is_off_until_an_admin_says_so(office: Office) -> None:
    cid = (await office.waiting()).conversation_id
    await office.inbox.presence.saw(MINA, locale="en")
    assert await office.inbox.assigner.sweep() == 0
    with pytest.raises(Forbidden):
        await office.inbox.rules.save(SARA, Rules(on=True))
    await switched_on(office)
    assert await office.inbox.assigner.sweep() == 1
    assert await assigned(office, cid) == MINA.email
    assert await office.inbox.assigner.sweep() == 0


async def test_in_turn_and_no_more_than_there_is_room(office: Office) -> None:
    ids = [(await office.waiting(chat=f"c{n}")).conversation_id for n in range(5)]
    await switched_on(office, MINA, JOON, SARA, capacity=2)
    assert await office.inbox.assigner.sweep() == 4
    given = [await assigned(office, cid) for cid in ids]
    # Sara supervises: she gets what a rule names her for.
    assert sorted(given) == ["", JOON.email, JOON.email, MINA.email, MINA.email]
    await office.world.projector.drain()
    [news, _] = await office.inbox.notifications.unseen(JOON)
    assert news.kind is Kind.ASSIGNED
    mine = await office.inbox.inbox.find(MINA, Asked(wanted=Wanted(assignee=MINA.email)))
    assert len(mine.items) == 2
    # What Mina has decided makes room, and her draft is nobody's to look at any more.
    cid = ids[given.index(MINA.email)]
    [approval] = [a for a in (await office.service.pending(MINA)).items if a.conversation_id == cid]
    await office.decide(approval, Decision.APPROVE)
    c = await office.world.conversations.peek(cid)
    assert (c.status, c.assigned) == (Status.AI, "")
    assert await office.inbox.assigner.sweep() == 1
    assert await assigned(office, ids[given.index("")]) == MINA.email


async def test_whoever_is_away_gets_none_and_theirs_go_to_others(office: Office) -> None:
    cid = (await office.waiting()).conversation_id
    await switched_on(office, MINA)
    await office.inbox.assigner.sweep()
    await office.inbox.presence.set_away(MINA, away=True)
    # There is nobody else: it stays where it is.
    assert await office.inbox.assigner.sweep() == 0
    await office.inbox.presence.saw(JOON, locale="en")
    assert await office.inbox.assigner.sweep() == 1
    assert await assigned(office, cid) == JOON.email
    later = office.world.clock.now() + timedelta(minutes=4)
    other = (await office.waiting(chat="c2")).conversation_id
    # Joon has closed the console meanwhile, and nobody who is gone is given anything.
    assert await office.inbox.assigner.sweep(later) == 0
    assert await assigned(office, other) == ""


async def test_away_is_remembered_over_a_restart(open_office: Opens) -> None:
    office = await open_office()
    await office.inbox.presence.set_away(MINA, away=True)
    office = await open_office()
    assert (await office.inbox.presence.of(MINA)).away
    await office.inbox.presence.saw(MINA, locale="en")
    assert (await office.inbox.presence.of(MINA)).away
    await office.inbox.presence.set_away(MINA, away=False)
    assert (await office.inbox.presence.of(MINA)).is_here(office.world.clock.now())


async def test_by_topic_and_language(office: Office) -> None:
    draft = replace(unsure(), topic="billing")
    billing = (await office.waiting(chat="c1", draft=draft)).conversation_id
    korean = (await office.waiting(chat="c2", text="비밀번호를 잊어버렸어요")).conversation_id
    other = (await office.waiting(chat="c3")).conversation_id
    rules = (
        Rule(topic="billing", to=(SARA.email,)),
        Rule(locale="ko", to=("nobody@example.com", JOON.email)),
    )
    await switched_on(office, MINA, JOON, SARA, rules=rules, rest=False)
    assert await office.inbox.assigner.sweep() == 2
    assert await assigned(office, billing) == SARA.email
    assert await assigned(office, korean) == JOON.email
    assert await assigned(office, other) == ""


async def test_what_somebody_works_on_stays_theirs(office: Office) -> None:
    claimed = await office.waiting(chat="c1")
    await office.service.claim(JOON, claimed.id)
    held = (await office.waiting(chat="c2")).conversation_id
    await office.service.take_over(JOON, held)
    aside = (await office.waiting(chat="c3")).conversation_id
    await office.acts.snooze(JOON, aside, until=None)
    await switched_on(office, MINA)
    assert await office.inbox.assigner.sweep() == 0


async def test_two_processes_give_it_once(office: Office) -> None:
    cid = (await office.waiting()).conversation_id
    await switched_on(office, MINA, JOON)
    await asyncio.gather(*(office.inbox.assigner.sweep() for _ in range(4)))
    kinds = [item.event.kind for item in await office.world.events(cid)]
    assert kinds.count("assigned") == 1


async def test_anybody_may_decide_it_all_the_same(office: Office) -> None:
    approval = await office.waiting()
    await switched_on(office, MINA)
    await office.inbox.assigner.sweep()
    await office.decide(approval, Decision.APPROVE, user=JOON)
    assert await assigned(office, approval.conversation_id) == ""


async def test_another_draft_in_its_place_stays_assigned(office: Office) -> None:
    approval = await office.waiting()
    await switched_on(office, MINA)
    await office.inbox.assigner.sweep()
    await office.world.write("And how do I change my address?", chat="c1")
    await office.world.until(approval.conversation_id, lambda c: bool(c.reviews) and not c.due)
    assert await assigned(office, approval.conversation_id) == MINA.email


async def test_of_two_admins_the_second_learns_of_the_first(office: Office) -> None:
    first = await office.inbox.rules.save(ADMIN, Rules(on=True))
    with pytest.raises(SettingsChanged):
        await office.inbox.rules.save(ADMIN, Rules(on=False))
    assert (await office.inbox.rules.load()) == first
    entries = await office.world.core.audit.page()
    [entry] = [e for e in entries if e.what == "assignment.change"]
    assert entry.after["on"] is True


@pytest.mark.parametrize(
    "rules",
    [
        Rules(capacity=0),
        Rules(rules=(Rule(topic="x"),)),
        Rules(rules=(Rule(to=("no address",)),)),
    ],
)
async def test_what_cannot_be_is_refused(office: Office, rules: Rules) -> None:
    with pytest.raises(BadInput):
        await office.inbox.rules.save(ADMIN, rules)
