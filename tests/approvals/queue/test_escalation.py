"""The ladder by a clock the test moves: every step once, through restarts, nights and holidays."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from approvals.queue.escalation import Desk
from approvals.queue.opening_hours import Hours
from core.domain.conversation import Status
from core.domain.events import Decision
from core.i18n import Words
from core.sdk.testing.clock import ManualClock
from tests.approvals.conftest import Opens
from tests.approvals.office import MINA, Office
from tests.support.world import LOCALES

STEPS = ("review_reminded", "review_escalated")


async def climbed(office: Office, cid: str) -> list[str]:
    """The steps so far."""
    return [k for k in await office.world.kinds(cid) if k in STEPS]


async def notices(office: Office, cid: str) -> list[str]:
    """The names of the notices the customer got."""
    await office.world.projector.drain()
    return [
        i.event.notice.value  # type: ignore[attr-defined]
        for i in await office.world.events(cid)
        if i.event.kind == "sent"
    ]


async def sweep(office: Office, times: int = 3) -> None:
    """As the scheduler does, more often than needed."""
    for _ in range(times):
        await office.world.projector.drain()
        await office.escalation.sweep()


async def test_every_step_once_and_nothing_is_sent_unapproved(open_office: Opens) -> None:
    clock = ManualClock()
    office = await open_office(clock=clock, seconds=400)
    approval = await office.waiting()
    cid = approval.conversation_id
    await sweep(office)
    assert await climbed(office, cid) == []
    await clock.advance(200)
    await sweep(office)
    assert await climbed(office, cid) == ["review_reminded"]
    office = await open_office(clock=clock, seconds=400)
    await sweep(office)
    await clock.advance(100)
    await sweep(office)
    assert await climbed(office, cid) == ["review_reminded", "review_reminded"]
    await clock.advance(100)
    await sweep(office)
    await clock.advance(100_000)
    await sweep(office)
    assert await climbed(office, cid) == [*["review_reminded"] * 2, "review_escalated"]
    assert await notices(office, cid) == ["waiting_for_review", "still_waiting", "escalated"]
    assert (await office.world.conversations.load(cid)).status is Status.REVIEW
    past = await office.service.get(MINA, approval.id)
    assert past.step == 3
    await office.decide(past, Decision.APPROVE)


async def test_what_was_missed_while_down_is_one_step(open_office: Opens) -> None:
    clock = ManualClock()
    office = await open_office(clock=clock, seconds=400)
    cid = (await office.waiting()).conversation_id
    await clock.advance(5000)
    office = await open_office(clock=clock, seconds=400)
    await sweep(office)
    assert await climbed(office, cid) == ["review_escalated"]
    assert await notices(office, cid) == ["waiting_for_review", "escalated"]


async def test_two_processes_sweep_at_once(open_office: Opens) -> None:
    clock = ManualClock()
    office = await open_office(clock=clock, seconds=400)
    cid = (await office.waiting()).conversation_id
    await clock.advance(200)
    await office.world.projector.drain()
    await asyncio.gather(*(office.escalation.sweep() for _ in range(5)))
    assert await climbed(office, cid) == ["review_reminded"]


async def test_a_decided_draft_climbs_no_more(open_office: Opens) -> None:
    clock = ManualClock()
    office = await open_office(clock=clock, seconds=400)
    approval = await office.waiting()
    await office.decide(approval, Decision.APPROVE)
    await clock.advance(4000)
    await sweep(office)
    assert await climbed(office, approval.conversation_id) == []


async def test_at_closing_time_the_customer_hears_when_people_are_back(
    open_office: Opens,
) -> None:
    clock = ManualClock(datetime(2026, 3, 6, 17, 55, tzinfo=UTC))  # a Friday
    office = await open_office(clock=clock, hours="mon-fri 09:00-18:00", seconds=900)
    approval = await office.waiting()
    cid = approval.conversation_id
    assert approval.deadline == datetime(2026, 3, 9, 9, 10, tzinfo=UTC)
    await clock.advance(300)
    await sweep(office)
    assert await notices(office, cid) == ["waiting_for_review", "out_of_hours"]
    assert "on Monday at 09:00 (UTC)" in (await office.world.said(cid))[-1][1]
    await clock.advance(2 * 86_400)
    office = await open_office(clock=clock, hours="mon-fri 09:00-18:00", seconds=900)
    await sweep(office)
    assert await climbed(office, cid) == []
    assert len(await notices(office, cid)) == 2
    await clock.advance(15 * 3600 + 150)  # Monday 09:02:30: half of the open time
    await sweep(office)
    assert await climbed(office, cid) == ["review_reminded"]


async def test_a_missed_closing_is_not_told_afterwards(open_office: Opens) -> None:
    clock = ManualClock(datetime(2026, 3, 2, 17, 59, tzinfo=UTC))
    office = await open_office(clock=clock, hours="mon-fri 09:00-18:00", seconds=86_400)
    cid = (await office.waiting()).conversation_id
    await clock.advance(15 * 3600 + 120)  # Tuesday 09:01
    await sweep(office)
    assert "out_of_hours" not in await notices(office, cid)
    [document] = await office.world.db["approvals"].find({}).to_list()
    assert document["next_at"] > clock.now()


@pytest.mark.parametrize(
    ("now", "locale", "words"),
    [
        ("2026-03-02T01:00", "en", "today at 09:00 (KST)"),
        ("2026-03-02T20:00", "en", "tomorrow at 09:00 (KST)"),
        ("2026-03-06T20:00", "en", "on Monday at 09:00 (KST)"),
        ("2026-03-06T20:00", "ko", "월요일 09:00(KST)"),
        ("2026-12-24T20:00", "en", "on January 4 at 09:00 (KST)"),
        ("2026-12-24T20:00", "ko", "1월 4일 09:00(KST)"),
    ],
)
def test_when_people_are_back_in_words(now: str, locale: str, words: str) -> None:
    hours = Hours.parse(
        "mon-fri 09:00-18:00",
        zone="Asia/Seoul",
        holidays="2026-12-25,2026-12-28,2026-12-29,2026-12-30,2026-12-31,2027-01-01",
    )
    desk = Desk(hours=hours, seconds=60, words=Words.load(LOCALES))
    at = datetime.fromisoformat(now).replace(tzinfo=hours.zone)
    assert desk.back(at, locale) == words
